//! Invocations as the activity log shows them: light, many at once.

use serde::Serialize;
use triggerfish_core::{Invocation, InvocationId, Mode, Origin, SubscriptionId, Timestamp};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, schema::Schema, schema::Type},
};

use super::{names, status::optional_text, text};

/// How an invocation stands, in one word.
pub(crate) struct StateName;

impl StateName {
    pub(crate) const OPEN: &'static str = "OPEN";
    pub(crate) const ALL: [&'static str; 4] = [Self::OPEN, "COMPLETED", "FAILED", "EXPIRED"];
}

impl PartialSchema for StateName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::ALL))
            .into()
    }
}

impl ToSchema for StateName {}

/// See [`StateName`].
pub(crate) fn state_of(invocation: &Invocation) -> &'static str {
    let closing = invocation.closing();
    closing.map_or(StateName::OPEN, |closing| closing.outcome.as_str())
}

/// Some invocations, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityPage {
    /// The invocations.
    pub(crate) rows: Vec<ActivityRow>,
    /// Where to go on; `null` when there are no more.
    #[schema(example = "0-1204.1-988")]
    pub(crate) cursor: Option<String>,
}

/// An invocation, without its payloads.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityRow {
    /// Its id.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = "uuid")]
    id: InvocationId,
    /// The trigger.
    trigger_id: String,
    /// The subscription.
    #[schema(value_type = String, format = "uuid")]
    subscription_id: SubscriptionId,
    /// The name that the subscription had when it started.
    subscription_name: String,
    /// Test or real.
    #[serde(rename = "type")]
    #[schema(value_type = names::InvocationStatusType)]
    origin: Origin,
    /// How the subscriber answers.
    #[schema(value_type = names::ResponseMode)]
    mode: Mode,
    /// How it stands.
    #[schema(value_type = StateName)]
    state: &'static str,
    /// Calls that have been made and reported.
    attempts: u32,
    /// When it started; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-05-03T18:21:39.249635Z")]
    created: Timestamp,
    /// When it ended; `null` while it is open. UTC.
    #[serde(serialize_with = "optional_text")]
    #[schema(value_type = Option<String>, format = DateTime)]
    completed: Option<Timestamp>,
    /// When it expires; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    deadline: Timestamp,
    /// Why it failed, or what went wrong with the last call while it is open.
    error: Option<String>,
}

impl From<&Invocation> for ActivityRow {
    fn from(invocation: &Invocation) -> Self {
        let request = &invocation.request;
        let closing = invocation.closing();
        Self {
            id: invocation.id,
            trigger_id: request.trigger_id.to_string(),
            subscription_id: request.subscription_id,
            subscription_name: request.subscription_name.to_string(),
            origin: request.origin,
            mode: request.mode,
            state: state_of(invocation),
            attempts: invocation.attempts,
            created: request.created,
            completed: closing.map(|closing| closing.at),
            deadline: request.deadline,
            error: error_of(invocation).map(str::to_owned),
        }
    }
}

/// Why an invocation failed, or what went wrong with its last call while it is open.
pub(crate) fn error_of(invocation: &Invocation) -> Option<&str> {
    match invocation.closing() {
        Some(closing) => closing.outcome.error().map(|error| &**error),
        None => invocation
            .last_failure
            .as_ref()
            .map(|failure| &*failure.message),
    }
}
