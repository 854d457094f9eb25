//! Reads a registry file.

use std::{collections::BTreeSet, path::Path};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use triggerfish_core::{
    ObjectType, Secret, Trigger, TriggerType,
    subscription::{DeliveryOptions, EventBridgeConfig, HttpConfig, SubscriptionType},
};

use super::{
    keys,
    parse_callbacks::{self, CalledBack},
    problem::{FileError, Problem},
};
use crate::{
    catalogue,
    error::ChangeError,
    model::{NewSubscription, Settings},
    trigger::{CompiledTrigger, TriggerSource},
};

/// How a registry file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

/// What a registry file asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryFile {
    /// Triggers of one's own.
    pub triggers: Vec<Trigger>,
    /// Subscriptions, with their credentials looked up.
    pub subscriptions: Vec<Subscribed>,
    /// Object types of one's own.
    pub object_types: Vec<ObjectType>,
    /// Callbacks, with their credentials looked up.
    pub callbacks: Vec<CalledBack>,
}

/// A subscription in a registry file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// As it would be made.
    pub new: NewSubscription,
    /// Whether the file says if it is enabled. If not, it is made enabled, and a
    /// subscription that exists stays as it is.
    pub says_enabled: bool,
}

/// Where a credential is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretRef<'a> {
    /// In this variable of the environment.
    Env(&'a str),
    /// In this file, without the line break at its end.
    File(&'a str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TriggerEntry {
    id: String,
    name: String,
    #[serde(rename = "type")]
    trigger_type: TriggerType,
    description: Option<String>,
    input_schema: Value,
    example_input: Value,
    output_schema: Option<Value>,
    example_output: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionEntry {
    trigger_id: String,
    name: String,
    description: Option<String>,
    #[serde(rename = "type")]
    subscription_type: SubscriptionType,
    response_deadline: Option<String>,
    http_config: Option<HttpConfig>,
    event_bridge_config: Option<EventBridgeConfig>,
    enabled: Option<bool>,
    filter: Option<String>,
    delivery: Option<DeliveryOptions>,
}

/// Reads the file at `path`, TOML or JSON by its extension. Credentials are looked
/// up in the environment and in files, the latter relative to the file's folder.
pub fn load(path: &Path) -> Result<RegistryFile, FileError> {
    let file = path.display().to_string();
    let fail = |problem: String, remedy: &str| FileError {
        file: file.clone(),
        problems: vec![Problem::new("", problem, remedy)],
    };
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => Format::Toml,
        Some("json") => Format::Json,
        _ => {
            return Err(fail(
                "is neither .toml nor .json".to_owned(),
                "write it in one of these and name it so",
            ));
        }
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| fail(format!("cannot be read: {error}"), "check path and rights"))?;
    let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
    let look_up = move |reference: SecretRef<'_>| match reference {
        SecretRef::Env(name) => std::env::var(name).map_err(|error| error.to_string()),
        SecretRef::File(name) => std::fs::read_to_string(folder.join(name))
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|error| error.to_string()),
    };
    parse(&file, &text, format, &look_up)
}

/// Reads `text`. `file` is what messages call it.
///
/// # Errors
/// Everything that is wrong, as far as it can be told without a service: unknown
/// keys, missing fields, triggers that do not compile, credentials that are not
/// found, entries that stand twice.
pub fn parse(
    file: &str,
    text: &str,
    format: Format,
    look_up: &dyn Fn(SecretRef<'_>) -> Result<String, String>,
) -> Result<RegistryFile, FileError> {
    let mut problems = Vec::new();
    let mut parsed = RegistryFile::default();
    match syntax(text, format) {
        Err(problem) => problems.push(problem),
        Ok(value) => {
            keys::check(&value, &mut problems);
            let problems = &mut problems;
            parsed.triggers = list(&value, "triggers", problems, trigger);
            let read = |key: &str, entry: &Value| subscription(key, entry, look_up);
            parsed.subscriptions = list(&value, "subscriptions", problems, read);
            let read = parse_callbacks::object_type;
            parsed.object_types = list(&value, "objectTypes", problems, read);
            let read = |key: &str, entry: &Value| parse_callbacks::callback(key, entry, look_up);
            parsed.callbacks = list(&value, "callbacks", problems, read);
            find_twins(&parsed, problems);
        }
    }
    if problems.is_empty() {
        return Ok(parsed);
    }
    Err(FileError {
        file: file.to_owned(),
        problems,
    })
}

fn syntax(text: &str, format: Format) -> Result<Value, Problem> {
    let parsed = match format {
        Format::Json => serde_json::from_str(text).map_err(|error| error.to_string()),
        Format::Toml => toml::from_str::<toml::Table>(text)
            .map(|table| json_of(toml::Value::Table(table)))
            .map_err(|error| {
                let before = error.span().map_or("", |span| &text[..span.start]);
                format!(
                    "{} in line {}",
                    error.message(),
                    before.lines().count().max(1)
                )
            }),
    };
    match parsed {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(Problem::new(
            "",
            "is not an object",
            "write {\"triggers\": [...], \"subscriptions\": [...], \"callbacks\": [...]}",
        )),
        Err(problem) => Err(Problem::new("", problem, "correct the syntax")),
    }
}

/// TOML as JSON; times become text.
fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => table
            .into_iter()
            .map(|(key, value)| (key, json_of(value)))
            .collect(),
    }
}

/// The entries of a list that can be read; what is wrong with the others is added to
/// the problems.
fn list<T>(
    file: &Value,
    name: &str,
    problems: &mut Vec<Problem>,
    read: impl Fn(&str, &Value) -> Result<T, Problem>,
) -> Vec<T> {
    let mut found = Vec::new();
    for (key, entry) in entries(file, name, problems) {
        match read(&key, entry) {
            Ok(one) => found.push(one),
            Err(problem) => problems.push(problem),
        }
    }
    found
}

fn entries<'a>(
    file: &'a Value,
    list: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(String, &'a Value)> {
    match file.get(list) {
        None => Vec::new(),
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (format!("{list}[{index}]"), item))
            // A misspelt key would be reported once more, as one that is missing.
            .filter(|(key, _)| !problems.iter().any(|problem| problem.is_in(key)))
            .collect(),
        Some(_) => {
            let remedy = format!("write [[{list}]] in TOML, an array in JSON");
            problems.push(Problem::new(list, "is not a list", remedy));
            Vec::new()
        }
    }
}

fn trigger(key: &str, entry: &Value) -> Result<Trigger, Problem> {
    let entry: TriggerEntry = read(key, entry)?;
    if catalogue::contains(&entry.id) {
        let error = ChangeError::Catalogue(entry.id);
        return Err(Problem::new(
            format!("{key}.id"),
            error.to_string(),
            "leave it out, it is there already",
        ));
    }
    let trigger = Trigger {
        id: entry.id,
        name: entry.name,
        trigger_type: entry.trigger_type,
        description: entry.description,
        input_schema: schema_text(entry.input_schema),
        example_input: entry.example_input.to_string(),
        output_schema: entry.output_schema.map(schema_text),
        example_output: entry.example_output.map(|example| example.to_string()),
    };
    CompiledTrigger::compile(trigger, TriggerSource::Own)
        .map(|compiled| compiled.trigger)
        .map_err(|error| refused(key, error))
}

/// Why the registry would not take an entry.
pub(super) fn refused(key: &str, error: ChangeError) -> Problem {
    match error {
        ChangeError::Invalid {
            field,
            problem,
            remedy,
        } => Problem::new(format!("{key}.{field}"), problem, remedy),
        other => Problem::new(key, other.to_string(), "correct it"),
    }
}

/// A schema may be a table or, as the API has it, JSON in a string.
fn schema_text(schema: Value) -> String {
    match schema {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn subscription(
    key: &str,
    entry: &Value,
    look_up: &dyn Fn(SecretRef<'_>) -> Result<String, String>,
) -> Result<Subscribed, Problem> {
    let mut entry: SubscriptionEntry = read(key, entry)?;
    if let Some(http) = &mut entry.http_config {
        let basic = http.basic_auth_config.as_mut();
        let bearer = http.bearer_token_auth_config.as_mut();
        let credentials = [
            ("basicAuthConfig.password", basic.map(|b| &mut b.password)),
            (
                "bearerTokenAuthConfig.bearerToken",
                bearer.map(|b| &mut b.bearer_token),
            ),
        ];
        for (field, slot) in credentials {
            let Some(Some(secret)) = slot else { continue };
            *secret = resolve(secret, look_up).map_err(|(problem, remedy)| {
                Problem::new(format!("{key}.httpConfig.{field}"), problem, remedy)
            })?;
        }
    }
    Ok(Subscribed {
        says_enabled: entry.enabled.is_some(),
        new: NewSubscription {
            trigger_id: entry.trigger_id,
            settings: Settings {
                name: entry.name,
                description: entry.description,
                subscription_type: entry.subscription_type,
                response_deadline: entry.response_deadline,
                http_config: entry.http_config,
                event_bridge_config: entry.event_bridge_config,
                enabled: entry.enabled.unwrap_or(true),
                filter: entry.filter.filter(|filter| !filter.is_empty()),
                delivery: entry.delivery,
            },
        },
    })
}

pub(super) fn resolve(
    written: &Secret,
    look_up: &dyn Fn(SecretRef<'_>) -> Result<String, String>,
) -> Result<Secret, (String, &'static str)> {
    let text = written.expose();
    let (reference, what) = if let Some(name) = text.strip_prefix("env:") {
        (SecretRef::Env(name), format!("variable {name:?}"))
    } else if let Some(name) = text.strip_prefix("file:") {
        (SecretRef::File(name), format!("file {name:?}"))
    } else {
        return Ok(written.clone());
    };
    match look_up(reference) {
        Ok(found) if found.is_empty() => {
            Err((format!("{what} is empty"), "put the credential there"))
        }
        Ok(found) => Ok(Secret::new(found)),
        Err(error) => Err((
            format!("{what} cannot be read: {error}"),
            "put the credential there, or refer to where it is",
        )),
    }
}

/// Reads one entry. A message of serde may quote a value, and a value may be a
/// credential; so it is only repeated when it quotes no text from the file.
pub(super) fn read<T: DeserializeOwned>(key: &str, entry: &Value) -> Result<T, Problem> {
    serde_json::from_value(entry.clone()).map_err(|error| {
        let message = error.to_string();
        let quotes_value = message.starts_with("invalid");
        let problem = if quotes_value {
            "has a field of the wrong type".to_owned()
        } else {
            message
        };
        Problem::new(key, problem, "write the fields as the HTTP API has them")
    })
}

fn find_twins(file: &RegistryFile, problems: &mut Vec<Problem>) {
    let triggers = file.triggers.iter().map(|one| ("triggers", &one.id));
    let object_types = file.object_types.iter().map(|one| ("objectTypes", &one.id));
    let mut ids = BTreeSet::new();
    for (list, id) in triggers.chain(object_types) {
        if !ids.insert((list, id)) {
            let problem = format!("{id:?} stands twice");
            problems.push(Problem::new(list, problem, "keep one of them"));
        }
    }
    let mut subscriptions = BTreeSet::new();
    for subscribed in &file.subscriptions {
        let (trigger_id, name) = (&subscribed.new.trigger_id, &subscribed.new.settings.name);
        if !subscriptions.insert((trigger_id, name)) {
            problems.push(Problem::new(
                "subscriptions",
                format!("{name:?} of {trigger_id} stands twice"),
                "give them different names",
            ));
        }
    }
    let mut callbacks = BTreeSet::new();
    for called in &file.callbacks {
        let (object_type, timing) = (&called.new.object_type, called.new.timing);
        let name = &called.new.settings.name;
        if !callbacks.insert((object_type, timing, name)) {
            problems.push(Problem::new(
                "callbacks",
                format!("{name:?} {} {object_type} stands twice", timing.as_str()),
                "give them different names",
            ));
        }
    }
}
