//! JSON Patch (RFC 6902) on subscriptions and callbacks: `add`, `remove`,
//! `replace`, `move`, `copy` (reference 3.5).
//!
//! A patch works on a document without credentials, so that none can be moved to
//! where it would be shown.

use json_patch::jsonptr::PointerBuf;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use triggerfish_core::Subscription;
use triggerfish_registry::ChangeError;
use utoipa::ToSchema;

use crate::{body, model::subscription::Patchable};

/// What may be patched of a subscription. The reference also lists `workflowConfig`, which no public
/// schema defines.
const PATCHABLE: [&str; 9] = [
    "name",
    "description",
    "enabled",
    "type",
    "filter",
    "responseDeadline",
    "httpConfig",
    "eventBridgeConfig",
    "delivery",
];

/// A list of operations, carried out in order, all or none.
pub(crate) type Patch = Vec<PatchOperation>;

/// One operation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = JsonPatchOperation, example = json!({"op": "replace", "path": "/enabled", "value": false}))]
pub(crate) struct PatchOperation {
    /// What to do.
    #[schema(value_type = Op)]
    op: String,
    /// Where; a JSON pointer.
    #[schema(example = "/enabled")]
    path: String,
    /// From where; needed for `move` and `copy`.
    from: Option<String>,
    /// The value; needed for `add` and `replace`.
    #[serde(default, deserialize_with = "crate::model::raw::present")]
    #[schema(value_type = Option<Object>)]
    value: Option<Value>,
}

/// What an operation does.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes `op` for the API's description")]
pub(crate) enum Op {
    Add,
    Remove,
    Replace,
    Move,
    Copy,
}

/// Why a patch was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatchError {
    #[error("op must be add, remove, replace, move or copy")]
    Operation,
    #[error("{0:?} is not a JSON pointer; begin it with a slash")]
    Pointer(String),
    #[error("{pointer:?} can't be patched; patchable are: {}", patchable.join(", "))]
    NotPatchable {
        pointer: String,
        patchable: &'static [&'static str],
    },
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("there is nothing at {0:?}, or nothing can be put there")]
    NoSuchPlace(String),
}

/// Carries out `patch` on a subscription; its credentials are blank.
pub(crate) fn patched(
    patch: &[PatchOperation],
    mut subscription: Subscription,
) -> Result<Subscription, ChangeError> {
    let patched = changed(patch, &Patchable::from(subscription.clone()), &PATCHABLE)?;
    subscription.name = patched.name;
    subscription.description = patched.description;
    subscription.enabled = patched.enabled;
    subscription.subscription_type = patched.subscription_type;
    subscription.filter = patched.filter;
    subscription.response_deadline = patched.response_deadline;
    subscription.http_config = patched.http_config;
    subscription.event_bridge_config = patched.event_bridge_config;
    subscription.delivery = patched.delivery;
    Ok(subscription)
}

/// Carries out `patch` on the JSON of `present`, whose fields are `patchable`.
pub(crate) fn changed<T: Serialize + DeserializeOwned>(
    patch: &[PatchOperation],
    present: &T,
    patchable: &'static [&'static str],
) -> Result<T, ChangeError> {
    let mut document = serde_json::to_value(present)
        .map_err(|_| refused("what is there", "can't be written as JSON", "replace it"))?;
    apply(patch, &mut document, patchable).map_err(|(index, error)| {
        let place = format!("operation {index}");
        refused(place, error.to_string(), "correct it, nothing was changed")
    })?;
    body::from_value(document)
        .map_err(|problem| refused("what was patched", problem, "nothing was changed"))
}

fn refused(
    place: impl Into<String>,
    problem: impl Into<String>,
    remedy: &'static str,
) -> ChangeError {
    ChangeError::invalid(place, problem, remedy)
}

/// Carries out `patch` on `document`; an error comes with the number of its
/// operation, from 0.
fn apply(
    patch: &[PatchOperation],
    document: &mut Value,
    patchable: &'static [&'static str],
) -> Result<(), (usize, PatchError)> {
    for (index, operation) in patch.iter().enumerate() {
        operation
            .to_json_patch(patchable)
            .and_then(|step| {
                json_patch::patch(document, &[step])
                    .map_err(|_| PatchError::NoSuchPlace(cut(&operation.path)))
            })
            .map_err(|error| (index, error))?;
    }
    Ok(())
}

impl PatchOperation {
    fn to_json_patch(
        &self,
        patchable: &'static [&'static str],
    ) -> Result<json_patch::PatchOperation, PatchError> {
        use json_patch::{
            AddOperation, CopyOperation, MoveOperation, PatchOperation as Step, RemoveOperation,
            ReplaceOperation,
        };
        let path = pointer(&self.path, patchable)?;
        let value = || self.value.clone().ok_or(PatchError::Missing("value"));
        let from = || {
            let from = self.from.as_deref();
            pointer(from.ok_or(PatchError::Missing("from"))?, patchable)
        };
        Ok(match self.op.as_str() {
            "add" => Step::Add(AddOperation {
                path,
                value: value()?,
            }),
            "replace" => Step::Replace(ReplaceOperation {
                path,
                value: value()?,
            }),
            "remove" => Step::Remove(RemoveOperation { path }),
            "move" => Step::Move(MoveOperation {
                from: from()?,
                path,
            }),
            "copy" => Step::Copy(CopyOperation {
                from: from()?,
                path,
            }),
            _ => return Err(PatchError::Operation),
        })
    }
}

/// A pointer into something patchable.
fn pointer(text: &str, patchable: &'static [&'static str]) -> Result<PointerBuf, PatchError> {
    let pointer = PointerBuf::parse(text).map_err(|_| PatchError::Pointer(cut(text)))?;
    let first = pointer.first().map(|token| token.decoded().into_owned());
    if first.is_none_or(|name| !patchable.contains(&name.as_str())) {
        return Err(PatchError::NotPatchable {
            pointer: cut(text),
            patchable,
        });
    }
    Ok(pointer)
}

fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(patch: Value) -> Result<Value, String> {
        let mut document = json!({
            "name": "n", "description": null, "enabled": true,
            "httpConfig": {"url": "u", "basicAuthConfig": {"userName": "x", "password": null}}
        });
        let patch: Patch = serde_json::from_value(patch).unwrap();
        apply(&patch, &mut document, &PATCHABLE)
            .map(|()| document)
            .map_err(|(index, error)| format!("{index}: {error}"))
    }

    #[test]
    fn all_operations() {
        let document = patched(json!([
            {"op": "replace", "path": "/enabled", "value": false},
            {"op": "add", "path": "/filter", "value": "$.a"},
            {"op": "copy", "from": "/name", "path": "/description"},
            {"op": "replace", "path": "/httpConfig/url", "value": "v"},
            {"op": "remove", "path": "/httpConfig/basicAuthConfig"},
            {"op": "move", "from": "/filter", "path": "/name"},
        ]))
        .unwrap();
        assert_eq!(
            document,
            json!({"name": "$.a", "description": "n", "enabled": false, "httpConfig": {"url": "v"}})
        );
    }

    #[test]
    fn null_is_a_value() {
        let patch = json!([{"op": "replace", "path": "/name", "value": null}]);
        assert_eq!(patched(patch).unwrap()["name"], Value::Null);
    }

    #[test]
    fn refusals_name_operation_and_place() {
        for (patch, part) in [
            (
                json!([{"op": "test", "path": "/name", "value": "n"}]),
                "0: op must be",
            ),
            (
                json!([{"op": "ADD", "path": "/name", "value": "n"}]),
                "0: op must be",
            ),
            (
                json!([{"op": "replace", "path": "/triggerId", "value": "x"}]),
                "\"/triggerId\" can't be patched",
            ),
            (
                json!([{"op": "replace", "path": "/id", "value": "x"}]),
                "\"/id\" can't be patched",
            ),
            (
                json!([{"op": "replace", "path": "/signing/generation", "value": 1}]),
                "can't be patched",
            ),
            (
                json!([{"op": "replace", "path": "", "value": {}}]),
                "\"\" can't be patched",
            ),
            (
                json!([{"op": "copy", "from": "/id", "path": "/name"}]),
                "\"/id\" can't be patched",
            ),
            (
                json!([{"op": "replace", "path": "name", "value": "x"}]),
                "not a JSON pointer",
            ),
            (
                json!([{"op": "replace", "path": "/name"}]),
                "value is missing",
            ),
            (json!([{"op": "move", "path": "/name"}]), "from is missing"),
            (
                json!([{"op": "add", "path": "/name", "value": "x"}, {"op": "remove", "path": "/filter"}]),
                "1: there is nothing at \"/filter\"",
            ),
            (
                json!([{"op": "add", "path": "/name/x", "value": "x"}]),
                "nothing at \"/name/x\"",
            ),
        ] {
            let error = patched(patch.clone()).unwrap_err();
            assert!(error.contains(part), "{patch}: {error}");
        }
    }
}
