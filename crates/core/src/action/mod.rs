//! Actions of a platform: asked about before they are carried out, or told afterwards.
//!
//! One record of the log asks about one action. [`expand`] makes of it the calls that
//! follow, which are ordinary invocations ([`Member`]s of the action), and the state of
//! the action, which is told whenever one of them closes ([`ActionState::told`]). The
//! decision falls when everybody has answered who is waited for.
//!
//! Pure and total, like the fold: every order of closings leads to one decision, which
//! never changes.

mod decide;
mod expand;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use decide::{Told, Verdict};
pub use expand::{Expansion, expand};

use crate::{
    callback::{Action, FailurePolicy, Timing},
    id::{InvocationId, SubscriptionId},
    invocation::{Outcome, PART_BITS},
    observation::FailureKind,
    time::Timestamp,
    trigger::{Mode, Origin},
};

/// Callbacks that one action can have: their calls share one record, see
/// [`crate::invocation::place`].
pub const PARTS_MAX: usize = (1 << PART_BITS) - 1;

/// Everything about an action that must not change with later settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRequest {
    /// Asked before, or told after.
    pub timing: Timing,
    /// The id of the object type.
    pub object_type: Arc<str>,
    /// What happens to the object.
    pub action: Action,
    /// The id of the object.
    pub object_id: Option<Arc<str>>,
    /// Who does it.
    pub user: Option<Arc<str>>,
    /// Test or real.
    pub origin: Origin,
    /// The body that receivers get, as JSON text, byte for byte.
    pub input: Bytes,
    /// When the platform asked.
    pub asked: Timestamp,
    /// Who has not answered by then does not answer any more.
    pub deadline: Timestamp,
    /// How many calls are behind it in its chain of causes.
    pub depth: u32,
    /// The longest chain that is allowed.
    pub depth_max: u32,
    /// What the platform knows the action by.
    pub correlation: Option<Arc<str>>,
    /// The action that was decided about before, for [`Timing::After`].
    pub decided_by: Option<InvocationId>,
    /// W3C trace context of the cause.
    pub traceparent: Option<Arc<str>>,
    /// Whom to call.
    pub parts: Vec<Part>,
}

impl ActionRequest {
    /// Whether the chain of causes is longer than allowed.
    #[must_use]
    pub const fn is_loop(&self) -> bool {
        self.depth > self.depth_max
    }
}

/// One callback of an action, as it was set up when the platform asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The callback.
    pub callback: SubscriptionId,
    /// Its name at the time.
    pub name: Arc<str>,
    /// The status that allows; only for [`Timing::Before`].
    pub expected_status: Option<u16>,
    /// For the call in all; never longer than the rest of the budget.
    pub timeout: Duration,
    /// What it means if it gives no yes.
    pub policy: FailurePolicy,
}

/// What an invocation knows of the action that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The action.
    pub action_id: InvocationId,
    /// Which part of it, from 1.
    pub part: u16,
    /// See [`Part::expected_status`].
    pub expected_status: Option<u16>,
    /// See [`Part::timeout`].
    pub timeout: Duration,
    /// The id of the object type.
    pub object_type: Arc<str>,
    /// What happens to the object.
    pub action: Action,
    /// The id of the object.
    pub object_id: Option<Arc<str>>,
    /// Who does it.
    pub user: Option<Arc<str>>,
}

/// The state of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionState {
    /// Its id.
    pub id: InvocationId,
    /// What was asked.
    pub request: Arc<ActionRequest>,
    /// Where in the log it was asked.
    pub offset: u64,
    /// One for each part, in their order.
    pub members: Vec<MemberState>,
    /// Only for [`Timing::Before`], once it has fallen.
    pub decision: Option<Decision>,
    /// When the last member closed.
    pub finished: Option<Timestamp>,
}

/// One member of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberState {
    /// The invocation that calls it.
    pub invocation: InvocationId,
    /// How it ended, once it has.
    pub closed: Option<MemberClosed>,
}

/// How the call of a callback ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberClosed {
    /// How.
    pub outcome: Activation,
    /// What that means for the action under the callback's policy.
    pub verdict: Verdict,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// How long the call took, if there was one.
    pub took: Option<Duration>,
    /// What went wrong.
    pub error: Option<Arc<str>>,
    /// When it closed.
    pub at: Timestamp,
}

/// What came of one call of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// A before-callback answered with the expected status.
    Allowed,
    /// A before-callback did not.
    Denied,
    /// An after-callback has taken it.
    Succeeded,
    /// An after-callback has not.
    Failed,
    /// The loop guard held the call back.
    Stopped,
}

impl Activation {
    /// The name in the HTTP API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "ALLOWED",
            Self::Denied => "DENIED",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Stopped => "STOPPED",
        }
    }

    /// What an outcome is called for a callback. `failure` is that of its call.
    #[must_use]
    pub fn of(mode: Mode, outcome: &Outcome, failure: Option<FailureKind>) -> Self {
        match (outcome, mode) {
            _ if failure == Some(FailureKind::LoopGuard) => Self::Stopped,
            (Outcome::Completed(_), Mode::Before) => Self::Allowed,
            (_, Mode::Before) => Self::Denied,
            (Outcome::Completed(_), _) => Self::Succeeded,
            _ => Self::Failed,
        }
    }
}

/// What was decided about an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be carried out.
    pub verdict: Verdict,
    /// Who denied it and why.
    pub reason: Option<Arc<str>>,
    /// When it fell.
    pub at: Timestamp,
    /// Where in the log the record stands that brought it about.
    pub offset: u64,
}

impl Timing {
    /// The mode of the calls.
    #[must_use]
    pub const fn mode(self) -> Mode {
        match self {
            Self::Before => Mode::Before,
            Self::After => Mode::After,
        }
    }
}
