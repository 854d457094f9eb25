//! The state of one invocation: the fold of its observations.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{
    id::InvocationId,
    observation::{AttemptReport, Excerpt, Failure, FailureKind, Reply, Request},
    time::Timestamp,
};

/// One event for one subscription.
///
/// A call in flight is not in the state: it is not durable. A restart repeats what
/// is still [`Phase::Due`], with the same attempt number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Its id.
    pub id: InvocationId,
    /// What was asked for.
    pub request: Arc<Request>,
    /// Where in the log it was asked for; orders invocations of a partition.
    pub offset: u64,
    /// Calls that have been reported.
    pub attempts: u32,
    /// What went wrong last, while it is still open.
    pub last_failure: Option<Failure>,
    /// Where it stands.
    pub phase: Phase,
    /// What came of the call, if it is one of a callback.
    pub called: Option<Arc<Called>>,
}

/// Bits of a place for the parts of one record.
pub const PART_BITS: u32 = 12;

/// See [`Invocation::place`]. Part 0 is what the record itself is about.
#[must_use]
pub const fn place(offset: u64, part: u16) -> u64 {
    (offset << PART_BITS) | (part & ((1 << PART_BITS) - 1)) as u64
}

/// What came of the call of a callback, for its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// Why it did not succeed, if so.
    pub failure: Option<FailureKind>,
    /// The beginning of the answer's body.
    pub body: Option<Excerpt>,
}

impl Called {
    /// What `report` says.
    #[must_use]
    pub fn of(report: &AttemptReport) -> Self {
        let failure = match &report.reply {
            Reply::Refused(failure) | Reply::Unavailable { failure, .. } => Some(failure.kind),
            Reply::Acknowledged | Reply::Answered(_) | Reply::Delivered => None,
        };
        Self {
            started: report.started,
            took: report.took,
            status: report.status,
            failure,
            body: report.body.clone(),
        }
    }
}

/// Where an invocation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Call number `attempt` is owed, not before `due`.
    Due {
        /// Number of the call, from 1.
        attempt: u32,
        /// Not before.
        due: Timestamp,
    },
    /// The subscriber has taken it and will call back.
    Waiting,
    /// It has an outcome; nothing changes any more.
    Closed(Closing),
}

/// How and by what an invocation was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The outcome.
    pub outcome: Outcome,
    /// When the deciding observation was made.
    pub at: Timestamp,
    /// Where in the log it stands.
    pub offset: u64,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With the subscriber's output (none for fire and forget), as JSON text.
    Completed(Option<Bytes>),
    /// With an error; the output is what the subscriber posted beside it.
    Failed {
        /// What went wrong, in words.
        error: Arc<str>,
        /// Output posted together with the error.
        output: Option<Bytes>,
    },
    /// Without an answer by its deadline.
    Expired {
        /// The last failed call, if there was one.
        error: Arc<str>,
    },
}

impl Outcome {
    /// The name in completions: `COMPLETED`, `FAILED` or `EXPIRED`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Completed(_) => "COMPLETED",
            Self::Failed { .. } => "FAILED",
            Self::Expired { .. } => "EXPIRED",
        }
    }

    /// The output, if there is one.
    #[must_use]
    pub const fn output(&self) -> Option<&Bytes> {
        match self {
            Self::Completed(output) | Self::Failed { output, .. } => output.as_ref(),
            Self::Expired { .. } => None,
        }
    }

    /// The error, if it did not complete.
    #[must_use]
    pub const fn error(&self) -> Option<&Arc<str>> {
        match self {
            Self::Completed(_) => None,
            Self::Failed { error, .. } | Self::Expired { error } => Some(error),
        }
    }
}

impl Invocation {
    /// The closing, once there is one.
    #[must_use]
    pub const fn closing(&self) -> Option<&Closing> {
        match &self.phase {
            Phase::Closed(closing) => Some(closing),
            Phase::Due { .. } | Phase::Waiting => None,
        }
    }

    /// Where it stands among all of its partition: by the offset of the record that brought
    /// it about, and among those of one record by its part.
    #[must_use]
    pub fn place(&self) -> u64 {
        let member = self.request.member.as_deref();
        place(self.offset, member.map_or(0, |member| member.part))
    }

    /// Whether it still owes an outcome.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.closing().is_none()
    }
}
