//! Starting and completing invocations (reference 5.7 to 5.9).

use serde::{Deserialize, Serialize};
use triggerfish_core::{InvocationId, Secret};
use utoipa::ToSchema;

use super::raw::{RawJson, RawObject, present};
use crate::ports::Started;

/// A test of a trigger.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "triggerId": "test:request-response",
    "contentJson": {"ticket": 7},
    "input": {"identityId": "201327fda1c44704ac01181e963d463c"}
}))]
pub(crate) struct TestInvocation {
    /// The trigger.
    pub(crate) trigger_id: String,
    /// The event; the trigger's example if left out.
    #[schema(value_type = Option<Object>)]
    pub(crate) input: Option<RawObject>,
    /// Metadata that travels to the completion.
    #[schema(value_type = Object)]
    pub(crate) content_json: RawObject,
    /// Only these subscriptions; all of the trigger's if left out.
    pub(crate) subscription_ids: Option<Vec<String>>,
}

/// A real event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "triggerId": "test:request-response",
    "input": {"identityId": "201327fda1c44704ac01181e963d463c"},
    "contentJson": {"ticket": 7}
}))]
pub(crate) struct StartInvocation {
    /// The trigger.
    pub(crate) trigger_id: String,
    /// The event.
    #[schema(value_type = Object)]
    pub(crate) input: RawObject,
    /// Metadata that travels to the completion; `{}` if left out.
    #[schema(value_type = Option<Object>)]
    pub(crate) content_json: Option<RawObject>,
    /// What its order is kept by; an addition to the reference.
    #[schema(example = "identity-7")]
    pub(crate) ordering_key: Option<String>,
}

/// An invocation that was started, with what completes it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Invocation)]
pub(crate) struct StartedView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: InvocationId,
    /// The trigger.
    trigger_id: String,
    /// What completes it; nowhere else shown.
    #[schema(value_type = String, format = "uuid")]
    secret: Secret,
    /// Metadata that travels to the completion.
    #[schema(value_type = Object)]
    content_json: RawJson,
}

impl From<Started> for StartedView {
    fn from(started: Started) -> Self {
        Self {
            id: started.id,
            trigger_id: started.trigger_id.to_string(),
            secret: started.secret,
            content_json: RawJson::from_stored(&started.content_json),
        }
    }
}

/// The result of an invocation.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "secret": "0f11f2a4-7c94-4bf3-a2bd-742580fe3bde",
    "output": {"approved": true, "comment": "This access is okay.", "approver": "MyService"}
}))]
pub(crate) struct CompleteInvocation {
    /// The secret of the invocation.
    #[schema(value_type = String)]
    pub(crate) secret: Secret,
    /// The output, as the trigger's output schema has it; may be left out beside
    /// an `error`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Object)]
    pub(crate) output: Option<RawJson>,
    /// Set when the subscriber failed; an empty text counts as not set.
    pub(crate) error: Option<String>,
}
