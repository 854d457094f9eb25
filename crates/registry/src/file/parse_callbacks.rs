//! Reads the object types and callbacks of a registry file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use triggerfish_core::{
    FailurePolicy, ObjectType, Secret, Timing,
    subscription::{AuthenticationType, BasicAuthConfig, BearerTokenAuthConfig, HttpConfig},
};

use super::{
    parse::{SecretRef, read, refused, resolve},
    problem::Problem,
};
use crate::{
    callback::{CallbackSettings, NewCallback},
    error::ChangeError,
    object_type::{self, CompiledObjectType},
};

/// A callback in a registry file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalledBack {
    /// As it would be made.
    pub new: NewCallback,
    /// Whether the file says if it is enabled. If not, it is made enabled, and a
    /// callback that exists stays as it is.
    pub says_enabled: bool,
}

#[derive(Deserialize)]
struct ObjectTypeEntry {
    id: String,
    name: String,
    entity: String,
    description: Option<String>,
    example: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallbackEntry {
    name: String,
    description: Option<String>,
    timing: Timing,
    object_type: String,
    url: String,
    #[serde(default)]
    authentication: AuthenticationEntry,
    expected_status: Option<u16>,
    #[serde(default)]
    request_headers: BTreeMap<String, String>,
    enabled: Option<bool>,
    timeout_ms: Option<u32>,
    failure_policy: Option<FailurePolicy>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthenticationEntry {
    #[serde(rename = "type", default)]
    kind: AuthenticationType,
    user_name: Option<String>,
    password: Option<Secret>,
    bearer_token: Option<Secret>,
}

pub(super) fn object_type(key: &str, entry: &Value) -> Result<ObjectType, Problem> {
    let entry: ObjectTypeEntry = read(key, entry)?;
    if object_type::is_built_in(&entry.id) {
        let error = ChangeError::BuiltIn(entry.id);
        return Err(Problem::new(
            format!("{key}.id"),
            error.to_string(),
            "leave it out, it is there already",
        ));
    }
    let object_type = ObjectType {
        id: entry.id,
        name: entry.name,
        entity: entry.entity,
        description: entry.description,
        example: entry.example.to_string(),
    };
    CompiledObjectType::compile(object_type, false)
        .map(|compiled| compiled.object_type)
        .map_err(|error| refused(key, error))
}

pub(super) fn callback(
    key: &str,
    entry: &Value,
    look_up: &dyn Fn(SecretRef<'_>) -> Result<String, String>,
) -> Result<CalledBack, Problem> {
    let entry: CallbackEntry = read(key, entry)?;
    let mut authentication = entry.authentication;
    for (field, slot) in [
        ("password", &mut authentication.password),
        ("bearerToken", &mut authentication.bearer_token),
    ] {
        let Some(secret) = slot else { continue };
        *secret = resolve(secret, look_up).map_err(|(problem, remedy)| {
            Problem::new(format!("{key}.authentication.{field}"), problem, remedy)
        })?;
    }
    Ok(CalledBack {
        says_enabled: entry.enabled.is_some(),
        new: NewCallback {
            timing: entry.timing,
            object_type: entry.object_type,
            settings: CallbackSettings {
                name: entry.name,
                description: entry.description,
                http_config: http_config(entry.url, authentication),
                expected_status: entry.expected_status,
                request_headers: entry.request_headers,
                enabled: entry.enabled.unwrap_or(true),
                timeout_ms: entry.timeout_ms,
                failure_policy: entry.failure_policy,
            },
        },
    })
}

fn http_config(url: String, authentication: AuthenticationEntry) -> HttpConfig {
    let (user_name, password) = (authentication.user_name, authentication.password);
    let has_basic = user_name.is_some() || password.is_some();
    let bearer_token = authentication.bearer_token;
    HttpConfig {
        url,
        http_dispatch_mode: None,
        http_authentication_type: authentication.kind,
        basic_auth_config: has_basic.then(|| BasicAuthConfig {
            user_name: user_name.unwrap_or_default(),
            password,
        }),
        bearer_token_auth_config: bearer_token
            .is_some()
            .then_some(BearerTokenAuthConfig { bearer_token }),
    }
}
