//! What can be asked about invocations (reference 4 and 5.6).

use serde::Serialize;
use triggerfish_core::{
    Invocation, InvocationId, Mode, Origin, Phase, Request, SubscriptionId, Timestamp,
};
use utoipa::ToSchema;

use super::{names, raw::RawJson, text};
use crate::mask::{self, SecretFields};

/// An invocation, open or closed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvocationStatus {
    /// Its id.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = "uuid")]
    id: InvocationId,
    /// The trigger.
    trigger_id: String,
    /// The name that the subscription had when it started.
    subscription_name: String,
    /// The subscription.
    #[schema(value_type = String, format = "uuid")]
    subscription_id: SubscriptionId,
    /// Test or real.
    #[serde(rename = "type")]
    #[schema(value_type = names::InvocationStatusType)]
    origin: Origin,
    /// When it started; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-05-03T18:21:39.249635Z")]
    created: Timestamp,
    /// When it ended; `null` while it is open. UTC.
    #[serde(serialize_with = "optional_text")]
    #[schema(value_type = Option<String>, format = DateTime)]
    completed: Option<Timestamp>,
    /// What it started with.
    start_invocation_input: StartInvocationInput,
    /// What it ended with; `null` while it is open.
    complete_invocation_input: Option<CompleteInvocationInput>,
}

/// What an invocation started with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartInvocationInput {
    /// The trigger.
    trigger_id: String,
    /// The event.
    #[schema(value_type = Object)]
    input: RawJson,
    /// Metadata that travels to the completion.
    #[schema(value_type = Object)]
    content_json: RawJson,
}

/// What an invocation ended with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompleteInvocationInput {
    /// Why it failed; `null` if it did not.
    localized_error: Option<LocalizedMessage>,
    /// The output; `null` if there is none.
    #[schema(value_type = Option<Object>)]
    output: Option<RawJson>,
}

/// A text for people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LocalizedMessage {
    /// BCP 47.
    #[schema(example = "en-US")]
    locale: &'static str,
    /// The text.
    message: String,
}

/// An invocation without an outcome.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActiveInvocation {
    /// Its id.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = "uuid")]
    id: InvocationId,
    /// The trigger.
    trigger_id: String,
    /// When it started; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it expires; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    deadline: Timestamp,
}

/// Everything about one invocation; an addition to the reference.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvocationDetail {
    /// What the status list shows of it.
    #[serde(flatten)]
    status: InvocationStatus,
    /// How the subscriber answers.
    #[schema(value_type = names::ResponseMode)]
    mode: Mode,
    /// Where it stands: a call is due, the result is waited for, or it is closed.
    #[schema(value_type = names::Phase)]
    phase: &'static str,
    /// How it ended; `null` while it is open.
    #[schema(value_type = Option<names::Outcome>)]
    outcome: Option<&'static str>,
    /// Calls that have been made and reported.
    attempts: u32,
    /// When the next call is due, if one is; UTC.
    #[serde(serialize_with = "optional_text")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt: Option<Timestamp>,
    /// When it expires; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    deadline: Timestamp,
    /// What went wrong with the last call, while it is open.
    last_failure: Option<FailureView>,
    /// What upstream calls the event.
    event_id: Option<String>,
    /// How many triggers are behind it in its chain of causes.
    depth: u32,
}

/// What went wrong with a call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Failure)]
pub(crate) struct FailureView {
    /// Its class.
    #[schema(example = "timeout")]
    kind: &'static str,
    /// In words.
    message: String,
}

/// Events of a topic that are persisted and not yet processed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PendingEvents {
    /// How many.
    #[schema(example = 3)]
    pub(crate) count: u64,
    /// The topic.
    #[schema(example = "trigger-events")]
    pub(crate) topic: String,
}

/// The input as it came; of callbacks with secrets masked, as in their history.
fn input(request: &Request, secrets: &SecretFields) -> RawJson {
    if request.member.is_none() {
        return RawJson::from_stored(&request.input);
    }
    let text = String::from_utf8_lossy(&request.input);
    RawJson::from_stored(mask::masked(&text, secrets).as_bytes())
}

impl InvocationStatus {
    /// Everything but the secrets in what callbacks are told.
    pub(crate) fn of(invocation: &Invocation, secrets: &SecretFields) -> Self {
        let request = &invocation.request;
        let closing = invocation.closing();
        Self {
            id: invocation.id,
            trigger_id: request.trigger_id.to_string(),
            subscription_name: request.subscription_name.to_string(),
            subscription_id: request.subscription_id,
            origin: request.origin,
            created: request.created,
            completed: closing.map(|closing| closing.at),
            start_invocation_input: StartInvocationInput {
                trigger_id: request.trigger_id.to_string(),
                input: input(request, secrets),
                content_json: RawJson::from_stored(&request.content_json),
            },
            complete_invocation_input: closing.map(|closing| CompleteInvocationInput {
                localized_error: closing.outcome.error().map(|message| LocalizedMessage {
                    locale: "en-US",
                    message: message.to_string(),
                }),
                output: closing
                    .outcome
                    .output()
                    .map(|output| RawJson::from_stored(output)),
            }),
        }
    }
}

impl From<&Invocation> for ActiveInvocation {
    fn from(invocation: &Invocation) -> Self {
        Self {
            id: invocation.id,
            trigger_id: invocation.request.trigger_id.to_string(),
            created: invocation.request.created,
            deadline: invocation.request.deadline,
        }
    }
}

impl InvocationDetail {
    /// Everything but the secrets in what callbacks are told.
    pub(crate) fn of(invocation: &Invocation, secrets: &SecretFields) -> Self {
        let request = &invocation.request;
        let (phase, next_attempt) = match invocation.phase {
            Phase::Due { due, .. } => ("DUE", Some(due)),
            Phase::Waiting => ("WAITING", None),
            Phase::Closed(_) => ("CLOSED", None),
        };
        let closing = invocation.closing();
        Self {
            status: InvocationStatus::of(invocation, secrets),
            mode: request.mode,
            phase,
            outcome: closing.map(|closing| closing.outcome.as_str()),
            attempts: invocation.attempts,
            next_attempt,
            deadline: request.deadline,
            last_failure: invocation.last_failure.as_ref().map(|failure| FailureView {
                kind: failure.kind.as_str(),
                message: failure.message.to_string(),
            }),
            event_id: request.event_id.as_deref().map(str::to_owned),
            depth: request.depth,
        }
    }
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
pub(crate) fn optional_text<S: serde::Serializer>(
    value: &Option<impl std::fmt::Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
