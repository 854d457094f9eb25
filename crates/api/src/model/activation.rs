//! The history of a callback.

use serde::Serialize;
use triggerfish_core::{
    Action, Invocation, InvocationId, Mode, Origin, SubscriptionId, Timestamp, action::Activation,
};
use utoipa::ToSchema;

use super::{names, text};
use crate::mask::{self, SecretFields};

/// Bytes of a request body that are shown.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// One call of one callback.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Activation)]
pub(crate) struct ActivationView {
    /// The invocation that calls it.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = "uuid")]
    id: InvocationId,
    /// The callback.
    #[schema(value_type = String, format = "uuid")]
    callback_id: SubscriptionId,
    /// The action that it was asked or told about.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = "uuid")]
    action_id: InvocationId,
    /// Before or after the action.
    #[schema(value_type = names::CallbackTiming)]
    timing: &'static str,
    /// The id of the object type.
    object_type: String,
    /// What happens to the object.
    #[schema(value_type = names::Action)]
    action: Action,
    /// The id of the object.
    object_id: Option<String>,
    /// Who does it.
    user: Option<String>,
    /// When it was called; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    triggered_on: Timestamp,
    /// How long the call took, in milliseconds, if there was one.
    duration_ms: Option<u64>,
    /// The HTTP status, if there was an answer.
    http_status: Option<u16>,
    /// The status that allows.
    expected_status: Option<u16>,
    /// What came of it.
    #[schema(value_type = names::Activation)]
    outcome: &'static str,
    /// What went wrong.
    error: Option<String>,
    /// What was sent, with secrets masked.
    request_body: String,
    /// What came back, with secrets masked.
    response_body: Option<String>,
    /// Whether one of the bodies is longer than shown.
    truncated: bool,
    /// Whether the platform only tried.
    test: bool,
}

/// What came of the call of a callback so far.
pub(crate) fn outcome(invocation: &Invocation) -> &'static str {
    let Some(closing) = invocation.closing() else {
        return "PENDING";
    };
    let failure = invocation.called.as_ref().and_then(|called| called.failure);
    Activation::of(invocation.request.mode, &closing.outcome, failure).as_str()
}

impl ActivationView {
    /// `None` if it is no call of a callback.
    pub(crate) fn of(invocation: &Invocation, secrets: &SecretFields) -> Option<Self> {
        let request = &*invocation.request;
        let member = request.member.as_deref()?;
        let called = invocation.called.as_deref();
        let outcome = outcome(invocation);
        let was_called = called.filter(|_| outcome != Activation::Stopped.as_str());
        let input = String::from_utf8_lossy(&request.input);
        let (request_body, cut) = mask::shown(&input, secrets, BODY_BYTES_MAX);
        let answer = called.and_then(|called| called.body.as_ref());
        let error = invocation
            .closing()
            .and_then(|closing| closing.outcome.error());
        Some(Self {
            id: invocation.id,
            callback_id: request.subscription_id,
            action_id: member.action_id,
            timing: Mode::as_str(request.mode),
            object_type: member.object_type.as_ref().to_owned(),
            action: member.action,
            object_id: member.object_id.as_deref().map(str::to_owned),
            user: member.user.as_deref().map(str::to_owned),
            triggered_on: called.map_or(request.created, |called| called.started),
            duration_ms: was_called
                .map(|called| u64::try_from(called.took.as_millis()).unwrap_or(u64::MAX)),
            http_status: called.and_then(|called| called.status),
            expected_status: member.expected_status,
            outcome,
            error: error.map(|error| error.as_ref().to_owned()),
            request_body,
            response_body: answer
                .map(|excerpt| mask::shown(&excerpt.text, secrets, BODY_BYTES_MAX).0),
            truncated: cut || answer.is_some_and(|excerpt| excerpt.truncated),
            test: request.origin == Origin::Test,
        })
    }
}
