//! What has to be done about object types and callbacks.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use triggerfish_core::{
    FailurePolicy, ObjectType, SubscriptionId, Timing, subscription::AuthenticationType,
};

use super::{
    parse_callbacks::CalledBack,
    plan::{Action, Change, PlanError, Target, differing, same_json, updated},
};
use crate::callback::{CallbackSettings, NewCallback};

/// A callback as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallbackShown {
    id: SubscriptionId,
    name: String,
    description: Option<String>,
    timing: Timing,
    object_type: String,
    url: String,
    authentication: AuthenticationShown,
    expected_status: Option<u16>,
    request_headers: BTreeMap<String, String>,
    enabled: bool,
    timeout_ms: Option<u32>,
    failure_policy: Option<FailurePolicy>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthenticationShown {
    #[serde(rename = "type")]
    kind: AuthenticationType,
    user_name: Option<String>,
}

#[derive(Deserialize)]
struct ObjectTypeShown {
    id: String,
    name: String,
    entity: String,
    description: Option<String>,
    example: Value,
}

/// An object type from the answer of the API.
pub(super) fn object_type_shown(shown: &Value) -> serde_json::Result<ObjectType> {
    let shown = ObjectTypeShown::deserialize(shown)?;
    Ok(ObjectType {
        id: shown.id,
        name: shown.name,
        entity: shown.entity,
        description: shown.description,
        example: shown.example.to_string(),
    })
}

pub(super) fn object_type(wanted: &ObjectType, current: &[ObjectType]) -> Action {
    let present = current.iter().find(|other| other.id == wanted.id);
    let differences = |present: &ObjectType| {
        differing([
            ("name", wanted.name == present.name),
            ("entity", wanted.entity == present.entity),
            ("description", wanted.description == present.description),
            (
                "example",
                same_json(Some(&wanted.example), Some(&present.example)),
            ),
        ])
    };
    Action {
        change: match present {
            None => Change::Create,
            Some(present) => updated(differences(present)),
        },
        target: Target::ObjectType(wanted.clone()),
    }
}

pub(super) fn callback(
    wanted: &CalledBack,
    current: &[CallbackShown],
) -> Result<Action, PlanError> {
    let mut new = wanted.new.clone();
    let is_twin = |other: &&CallbackShown| {
        other.object_type == new.object_type
            && other.timing == new.timing
            && other.name == new.settings.name
    };
    let twins: Vec<&CallbackShown> = current.iter().filter(is_twin).collect();
    match twins.as_slice() {
        [] => Ok(Action {
            target: Target::Callback(None, new),
            change: Change::Create,
        }),
        [present] => {
            if !wanted.says_enabled {
                new.settings.enabled = present.enabled;
            }
            let change = updated(differences(&new, present));
            Ok(Action {
                target: Target::Callback(Some(present.id), new),
                change,
            })
        }
        several => {
            let ids: Vec<String> = several.iter().map(|one| one.id.to_string()).collect();
            Err(PlanError::AmbiguousCallback {
                object_type: new.object_type,
                timing: new.timing.as_str(),
                name: new.settings.name,
                ids: ids.join(", "),
            })
        }
    }
}

fn differences(wanted: &NewCallback, present: &CallbackShown) -> Vec<&'static str> {
    let CallbackSettings {
        name: _,
        description,
        http_config: http,
        expected_status,
        request_headers,
        enabled,
        timeout_ms,
        failure_policy,
    } = &wanted.settings;
    let default = (wanted.timing == Timing::Before).then(FailurePolicy::default);
    let kind = http.http_authentication_type;
    let is_basic = kind == AuthenticationType::BasicAuth;
    let basic = http.basic_auth_config.as_ref();
    let user_name = basic.map(|basic| basic.user_name.as_str());
    let shown = &present.authentication;
    differing([
        ("description", *description == present.description),
        ("url", http.url == present.url),
        ("authentication.type", kind == shown.kind),
        (
            "authentication.userName",
            !is_basic || user_name == shown.user_name.as_deref(),
        ),
        (
            "expectedStatus",
            *expected_status == present.expected_status,
        ),
        (
            "requestHeaders",
            *request_headers == present.request_headers,
        ),
        ("enabled", *enabled == present.enabled),
        ("timeoutMs", *timeout_ms == present.timeout_ms),
        (
            "failurePolicy",
            failure_policy.or(default) == present.failure_policy,
        ),
        ("credentials set", http.credential().is_none()),
    ])
}
