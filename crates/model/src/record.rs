//! What the log holds: the observations of one invocation.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use triggerfish_core::{
    AttemptReport, CompletionReport, Failure, FailureKind, InvocationId, InvocationKey, Mode,
    Observation, Origin, Request, RetryPolicy, Seen, SubscriptionId, Timestamp, TriggerType,
};
use uuid::Uuid;

/// Two times are enough: before and after the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clock {
    /// The deadline is still to come.
    BeforeDeadline,
    /// It has passed.
    AfterDeadline,
}

/// What a subscriber says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Taken; the result comes by callback.
    Acknowledged,
    /// The output.
    Answered,
    /// Failed; another call may help.
    Unavailable,
}

/// An observation, as small as a model wants it. [`Record::observation`] makes the core's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// An event matched the subscription.
    Requested,
    /// The subscriber was called.
    AttemptReported {
        /// Number of the call, from 1.
        attempt: u32,
        /// What came of it.
        reply: Reply,
        /// When the report was made; it may reach the log later.
        at: Clock,
    },
    /// The subscriber posted a result to the callback URL.
    CompletionReported {
        /// Its how-manieth; each has another output.
        number: u8,
        /// When it was posted.
        at: Clock,
    },
    /// The owner saw the deadline pass.
    DeadlinePassed,
}

const CREATED: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const DEADLINE: Timestamp = Timestamp::from_millis(1_700_000_060_000);

static REQUEST: LazyLock<Arc<Request>> = LazyLock::new(|| Arc::new(request()));

impl Record {
    /// The record as the core knows it.
    #[must_use]
    pub fn observation(self) -> Observation {
        match self {
            Self::Requested => Observation::Requested(Arc::clone(&REQUEST)),
            Self::AttemptReported { attempt, reply, at } => {
                Observation::AttemptReported(AttemptReport {
                    attempt,
                    started: at.timestamp(),
                    took: Duration::ZERO,
                    status: None,
                    reply: reply.of_core(),
                    body: None,
                })
            }
            Self::CompletionReported { number, .. } => {
                Observation::CompletionReported(CompletionReport {
                    output: Some(Bytes::from(number.to_string())),
                    error: None,
                })
            }
            Self::DeadlinePassed => Observation::DeadlinePassed,
        }
    }

    /// Where and when it stands in the log.
    #[must_use]
    pub fn seen(self, offset: usize) -> Seen {
        let at = match self {
            Self::Requested => Clock::BeforeDeadline,
            Self::AttemptReported { at, .. } | Self::CompletionReported { at, .. } => at,
            Self::DeadlinePassed => Clock::AfterDeadline,
        };
        Seen {
            id: InvocationId::new(CREATED, 0, InvocationKey(7)),
            offset: offset as u64,
            at: at.timestamp(),
        }
    }
}

impl Clock {
    /// The time in the core's terms.
    #[must_use]
    pub const fn timestamp(self) -> Timestamp {
        match self {
            Self::BeforeDeadline => CREATED,
            Self::AfterDeadline => DEADLINE,
        }
    }
}

impl Reply {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Acknowledged, Self::Answered, Self::Unavailable];

    fn of_core(self) -> triggerfish_core::Reply {
        match self {
            Self::Acknowledged => triggerfish_core::Reply::Acknowledged,
            Self::Answered => triggerfish_core::Reply::Answered(Bytes::from_static(b"0")),
            Self::Unavailable => triggerfish_core::Reply::Unavailable {
                failure: Failure {
                    kind: FailureKind::Timeout,
                    message: "no answer".into(),
                },
                retry_after: None,
            },
        }
    }
}

/// `DYNAMIC` may be answered at once and by callback; two calls, so that one is a retry.
fn request() -> Request {
    Request {
        trigger_id: "model:trigger".into(),
        trigger_type: TriggerType::RequestResponse,
        subscription_id: SubscriptionId(Uuid::from_u128(1)),
        subscription_name: "subscriber".into(),
        origin: Origin::RealTime,
        mode: Mode::Dynamic,
        created: CREATED,
        deadline: DEADLINE,
        retry: RetryPolicy {
            max_attempts: 2,
            initial_delay_ms: 0,
            max_delay_ms: 0,
        },
        ordering_key: None,
        input: Bytes::from_static(b"{}"),
        content_json: Bytes::from_static(b"{}"),
        depth: 0,
        traceparent: None,
        event_id: None,
        member: None,
    }
}
