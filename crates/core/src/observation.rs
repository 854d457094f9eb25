//! What the invocation log holds: things that were seen, in the past tense.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{
    action::{ActionRequest, Member},
    id::SubscriptionId,
    retry::RetryPolicy,
    time::Timestamp,
    trigger::{Mode, Origin, TriggerType},
};

/// One observation about one invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// An event matched a subscription.
    Requested(Arc<Request>),
    /// The subscriber was called.
    AttemptReported(AttemptReport),
    /// The subscriber (or a person) posted the result.
    CompletionReported(CompletionReport),
    /// Nobody answered in time.
    DeadlinePassed,
    /// A platform asked before an action, or told after one. The id is the action's.
    ActionAsked(Arc<ActionRequest>),
}

impl Observation {
    /// Label for metrics and listings.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Requested(_) => "requested",
            Self::AttemptReported(_) => "attempt_reported",
            Self::CompletionReported(_) => "completion_reported",
            Self::DeadlinePassed => "deadline_passed",
            Self::ActionAsked(_) => "action_asked",
        }
    }
}

/// Everything about an invocation that must not change with later settings.
///
/// The subscriber's URL and credentials are not here: they are looked up at each
/// call, so that they can be rotated and never reach the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The trigger that fired.
    pub trigger_id: Arc<str>,
    /// Its type.
    pub trigger_type: TriggerType,
    /// The subscription that matched.
    pub subscription_id: SubscriptionId,
    /// Its name at the time, for listings.
    pub subscription_name: Arc<str>,
    /// Test or real.
    pub origin: Origin,
    /// How the subscriber answers.
    pub mode: Mode,
    /// When the invocation came to be; shown to clients.
    pub created: Timestamp,
    /// When it expires.
    pub deadline: Timestamp,
    /// How calls are repeated.
    pub retry: RetryPolicy,
    /// Invocations of one subscription with the same key are called one at a
    /// time, in log order. `None`: no order is kept.
    pub ordering_key: Option<Arc<str>>,
    /// The event, as JSON text, byte for byte.
    pub input: Bytes,
    /// Metadata that travels to the completion, as JSON text, byte for byte.
    pub content_json: Bytes,
    /// How many triggers are behind this one in its chain of causes.
    pub depth: u32,
    /// W3C trace context of the cause.
    pub traceparent: Option<Arc<str>>,
    /// What upstream calls the event.
    pub event_id: Option<Arc<str>>,
    /// Set if this is the call of a callback.
    pub member: Option<Arc<Member>>,
}

/// One HTTP call of a subscriber and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptReport {
    /// Number of the call, from 1.
    pub attempt: u32,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, waiting in queues not counted.
    pub took: Duration,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What the answer means.
    pub reply: Reply,
    /// The beginning of the answer's body; only of callbacks, for their history.
    pub body: Option<Excerpt>,
}

/// The beginning of a text. Never holds a credential of the callee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// As much as is kept.
    pub text: Arc<str>,
    /// Whether more came.
    pub truncated: bool,
}

/// What a subscriber's answer means for the invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Taken; the result comes by callback.
    Acknowledged,
    /// The output, as JSON text that fits the trigger's output schema.
    Answered(Bytes),
    /// Taken; nothing more is owed.
    Delivered,
    /// Failed, and another call would not help.
    Refused(Failure),
    /// Failed; another call may help, not sooner than `retry_after`.
    Unavailable {
        /// What went wrong.
        failure: Failure,
        /// The subscriber's own wish.
        retry_after: Option<Duration>,
    },
}

impl Reply {
    /// Label for metrics.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Answered(_) => "answered",
            Self::Delivered => "delivered",
            Self::Refused(failure) | Self::Unavailable { failure, .. } => failure.kind.as_str(),
        }
    }
}

/// What went wrong with a call, in words for the operator. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its class.
    pub kind: FailureKind,
    /// A sentence.
    pub message: Arc<str>,
}

/// Classes of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// No whole answer within the limit.
    Timeout,
    /// The name has no address.
    Dns,
    /// The address is not allowed.
    Blocked,
    /// No connection.
    Connect,
    /// The connection broke, or what came was not HTTP.
    Protocol,
    /// A status that means failure.
    Status,
    /// The answer is not `application/json`.
    ContentType,
    /// The answer is too large.
    TooLarge,
    /// The answer is not JSON.
    InvalidJson,
    /// The answer does not fit the trigger's output schema.
    Schema,
    /// The subscription no longer exists.
    Gone,
    /// This kind of subscription can't be called.
    Unsupported,
    /// The subscription's settings can't make a request.
    Configuration,
    /// The chain of causes is longer than allowed; nothing was sent.
    LoopGuard,
}

impl FailureKind {
    /// Label for metrics and listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Blocked => "blocked",
            Self::Connect => "connect",
            Self::Protocol => "protocol",
            Self::Status => "status",
            Self::ContentType => "content_type",
            Self::TooLarge => "too_large",
            Self::InvalidJson => "invalid_json",
            Self::Schema => "schema",
            Self::Gone => "gone",
            Self::Unsupported => "unsupported",
            Self::Configuration => "configuration",
            Self::LoopGuard => "loop_guard",
        }
    }
}

/// A result posted to the callback URL, its secret already verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletionReport {
    /// The output, as JSON text that fits the trigger's output schema.
    pub output: Option<Bytes>,
    /// Set when the subscriber says that it failed.
    pub error: Option<Arc<str>>,
}
