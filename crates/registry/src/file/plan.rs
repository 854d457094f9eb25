//! What has to be done so that a service has what a registry file asks for.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use triggerfish_core::{
    ObjectType, Subscription, SubscriptionId, Timing, Trigger, TriggerType,
    deadline::DEFAULT_RESPONSE_DEADLINE,
    subscription::{AuthenticationType, DispatchMode, HttpConfig, SubscriptionType},
};

use super::{
    parse::{RegistryFile, Subscribed},
    plan_callbacks::{self, CallbackShown},
};
use crate::{
    callback::NewCallback,
    model::{NewSubscription, Settings},
};

/// What the API of a service answers to its lists.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    /// Of triggers.
    pub triggers: &'a [Value],
    /// Of subscriptions.
    pub subscriptions: &'a [Value],
    /// Of object types.
    pub object_types: &'a [Value],
    /// Of callbacks.
    pub callbacks: &'a [Value],
}

/// What a service has, as far as its API shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Current {
    /// Its triggers.
    pub triggers: Vec<Trigger>,
    /// Its subscriptions, without credentials.
    pub subscriptions: Vec<Subscription>,
    /// Its object types.
    pub object_types: Vec<ObjectType>,
    /// Its callbacks.
    pub callbacks: Vec<CallbackShown>,
}

/// One step, and whether it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What is to be there.
    pub target: Target,
    /// What that takes.
    pub change: Change,
}

/// What is to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A trigger of one's own.
    Trigger(Trigger),
    /// A subscription; has an id if it is there already.
    Subscription(Option<SubscriptionId>, NewSubscription),
    /// An object type of one's own.
    ObjectType(ObjectType),
    /// A callback; has an id if it is there already.
    Callback(Option<SubscriptionId>, NewCallback),
}

/// What it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is to be made.
    Create,
    /// These fields change. Credentials cannot be compared, since no API shows
    /// them; they are named whenever the file has them.
    Update(Vec<&'static str>),
    /// It is there as the file has it.
    Unchanged,
}

/// The file cannot be matched with what the service has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Several subscriptions of a trigger have the name.
    #[error(
        "{trigger_id} has several subscriptions called {name:?} ({ids}); rename all but one of them"
    )]
    Ambiguous {
        /// The trigger.
        trigger_id: String,
        /// The name.
        name: String,
        /// Ids of the subscriptions, with commas.
        ids: String,
    },
    /// Several callbacks of an object type and timing have the name.
    #[error(
        "{object_type} has several {timing} callbacks called {name:?} ({ids}); rename all but one of them"
    )]
    AmbiguousCallback {
        /// The object type.
        object_type: String,
        /// Before or after.
        timing: &'static str,
        /// The name.
        name: String,
        /// Ids of the callbacks, with commas.
        ids: String,
    },
    /// The API answered with something unexpected.
    #[error("cannot read what the service has: {0}; use a client of its version")]
    Answer(String),
}

/// A trigger as the API shows it: schemas as text, examples as JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TriggerShown {
    id: String,
    name: String,
    #[serde(rename = "type")]
    trigger_type: TriggerType,
    description: Option<String>,
    input_schema: String,
    example_input: Value,
    output_schema: Option<String>,
    example_output: Option<Value>,
}

impl Current {
    /// From what the API answers. Subscriptions of types that cannot be declared in a
    /// file are passed over.
    pub fn from_api(answers: Answers<'_>) -> Result<Self, PlanError> {
        let answer = |error: serde_json::Error| PlanError::Answer(error.to_string());
        let triggers = answers.triggers.iter().map(|shown| {
            let shown = TriggerShown::deserialize(shown).map_err(answer)?;
            Ok(Trigger {
                id: shown.id,
                name: shown.name,
                trigger_type: shown.trigger_type,
                description: shown.description,
                input_schema: shown.input_schema,
                example_input: shown.example_input.to_string(),
                output_schema: shown.output_schema,
                example_output: shown.example_output.map(|example| example.to_string()),
            })
        });
        let known = |shown: &&Value| matches!(shown["type"].as_str(), Some("HTTP" | "EVENTBRIDGE"));
        let subscriptions = answers.subscriptions.iter().filter(known);
        let object_types = answers.object_types.iter();
        let callbacks = answers.callbacks.iter();
        Ok(Self {
            triggers: triggers.collect::<Result<_, _>>()?,
            subscriptions: subscriptions
                .map(|shown| Subscription::deserialize(shown).map_err(answer))
                .collect::<Result<_, _>>()?,
            object_types: object_types
                .map(|shown| plan_callbacks::object_type_shown(shown).map_err(answer))
                .collect::<Result<_, _>>()?,
            callbacks: callbacks
                .map(|shown| CallbackShown::deserialize(shown).map_err(answer))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// What has to be done, kinds first before what is about them, in the order of the
/// file.
pub fn plan(file: &RegistryFile, current: &Current) -> Result<Vec<Action>, PlanError> {
    let triggers = file
        .triggers
        .iter()
        .map(|wanted| Ok(trigger(wanted, current)));
    let subscriptions = file
        .subscriptions
        .iter()
        .map(|wanted| subscription(wanted, current));
    let object_types = file.object_types.iter();
    let object_types =
        object_types.map(|wanted| Ok(plan_callbacks::object_type(wanted, &current.object_types)));
    let callbacks = file.callbacks.iter();
    let callbacks = callbacks.map(|wanted| plan_callbacks::callback(wanted, &current.callbacks));
    triggers
        .chain(subscriptions)
        .chain(object_types)
        .chain(callbacks)
        .collect()
}

fn trigger(wanted: &Trigger, current: &Current) -> Action {
    let present = current.triggers.iter().find(|other| other.id == wanted.id);
    Action {
        change: match present {
            None => Change::Create,
            Some(present) => updated(trigger_differences(wanted, present)),
        },
        target: Target::Trigger(wanted.clone()),
    }
}

pub(super) fn updated(fields: Vec<&'static str>) -> Change {
    if fields.is_empty() {
        Change::Unchanged
    } else {
        Change::Update(fields)
    }
}

/// Whether two texts are the same JSON, however it is written.
pub(super) fn same_json(a: Option<&String>, b: Option<&String>) -> bool {
    let parsed = |text: &String| serde_json::from_str::<Value>(text).ok();
    a == b || (a.and_then(parsed).is_some() && a.and_then(parsed) == b.and_then(parsed))
}

fn trigger_differences(wanted: &Trigger, present: &Trigger) -> Vec<&'static str> {
    differing([
        ("name", wanted.name == present.name),
        ("type", wanted.trigger_type == present.trigger_type),
        ("description", wanted.description == present.description),
        (
            "inputSchema",
            same_json(Some(&wanted.input_schema), Some(&present.input_schema)),
        ),
        (
            "exampleInput",
            same_json(Some(&wanted.example_input), Some(&present.example_input)),
        ),
        (
            "outputSchema",
            same_json(
                wanted.output_schema.as_ref(),
                present.output_schema.as_ref(),
            ),
        ),
        (
            "exampleOutput",
            same_json(
                wanted.example_output.as_ref(),
                present.example_output.as_ref(),
            ),
        ),
    ])
}

pub(super) fn differing<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    fields
        .into_iter()
        .filter_map(|(field, same)| (!same).then_some(field))
        .collect()
}

fn subscription(wanted: &Subscribed, current: &Current) -> Result<Action, PlanError> {
    let mut new = wanted.new.clone();
    let twins: Vec<&Subscription> = current
        .subscriptions
        .iter()
        .filter(|other| other.trigger_id == new.trigger_id && other.name == new.settings.name)
        .collect();
    match twins.as_slice() {
        [] => Ok(Action {
            target: Target::Subscription(None, new),
            change: Change::Create,
        }),
        [present] => {
            if !wanted.says_enabled {
                new.settings.enabled = present.enabled;
            }
            let change = updated(subscription_differences(&new.settings, present));
            Ok(Action {
                target: Target::Subscription(Some(present.id), new),
                change,
            })
        }
        several => Err(PlanError::Ambiguous {
            trigger_id: new.trigger_id,
            name: new.settings.name,
            ids: several
                .iter()
                .map(|subscription| subscription.id.to_string())
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

fn subscription_differences(wanted: &Settings, present: &Subscription) -> Vec<&'static str> {
    let deadline = wanted.response_deadline.as_deref();
    let delivery = wanted.delivery.as_ref();
    let mut fields = differing([
        ("description", wanted.description == present.description),
        (
            "type",
            wanted.subscription_type == present.subscription_type,
        ),
        (
            "responseDeadline",
            deadline.unwrap_or(DEFAULT_RESPONSE_DEADLINE) == present.response_deadline,
        ),
        ("enabled", wanted.enabled == present.enabled),
        ("filter", wanted.filter == present.filter),
        (
            "delivery",
            delivery.is_none_or(|delivery| *delivery == present.delivery),
        ),
    ]);
    match wanted.subscription_type {
        SubscriptionType::Eventbridge => {
            if wanted.event_bridge_config != present.event_bridge_config {
                fields.push("eventBridgeConfig");
            }
        }
        SubscriptionType::Http => {
            if let Some(http) = &wanted.http_config {
                fields.extend(http_differences(http, present.http_config.as_ref()));
            }
        }
    }
    fields
}

fn http_differences(wanted: &HttpConfig, present: Option<&HttpConfig>) -> Vec<&'static str> {
    let kind = wanted.http_authentication_type;
    let user_name = |http: &HttpConfig| {
        let basic = http.basic_auth_config.as_ref();
        basic.map(|basic| basic.user_name.clone())
    };
    // The API shows SYNC where nothing was said.
    let mode = |http: &HttpConfig| http.http_dispatch_mode.unwrap_or(DispatchMode::Sync);
    let is_basic = kind == AuthenticationType::BasicAuth;
    let same = |equal: &dyn Fn(&HttpConfig) -> bool| present.is_some_and(equal);
    differing([
        ("httpConfig.url", same(&|http| http.url == wanted.url)),
        (
            "httpConfig.httpDispatchMode",
            same(&|http| mode(http) == mode(wanted)),
        ),
        (
            "httpConfig.httpAuthenticationType",
            same(&|http| http.http_authentication_type == kind),
        ),
        (
            "httpConfig.basicAuthConfig.userName",
            !is_basic || same(&|http| user_name(http) == user_name(wanted)),
        ),
        ("credentials set", wanted.credential().is_none()),
    ])
}

/// One line for people; names fields, never their values.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match &self.change {
            Change::Create => "create",
            Change::Update(_) => "update",
            Change::Unchanged => "unchanged",
        };
        match &self.target {
            Target::Trigger(trigger) => write!(f, "{verb} trigger {}", trigger.id)?,
            Target::Subscription(_, new) => {
                let (name, trigger_id) = (&new.settings.name, &new.trigger_id);
                write!(f, "{verb} subscription {name:?} of {trigger_id}")?;
            }
            Target::ObjectType(object_type) => write!(f, "{verb} object type {}", object_type.id)?,
            Target::Callback(_, new) => {
                let (name, object_type) = (&new.settings.name, &new.object_type);
                let timing = match new.timing {
                    Timing::Before => "before",
                    Timing::After => "after",
                };
                write!(
                    f,
                    "{verb} callback {name:?} {timing} actions on {object_type}"
                )?;
            }
        }
        match &self.change {
            Change::Update(fields) => write!(f, ": {}", fields.join(", ")),
            Change::Create | Change::Unchanged => Ok(()),
        }
    }
}
