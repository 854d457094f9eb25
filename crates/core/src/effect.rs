//! What follows from an observation, and what a state still owes.

use crate::{
    invocation::{Invocation, Phase},
    time::Timestamp,
};

/// Something to be done because of an observation. Each service carries out its
/// own kind and drops the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Call the subscriber (dispatcher; at least once).
    Call {
        /// Number of the call, from 1.
        attempt: u32,
        /// Not before.
        due: Timestamp,
    },
    /// Watch the deadline (completion-consumer; a timer).
    WatchDeadline {
        /// When it passes.
        at: Timestamp,
    },
    /// Emit the completion (completion-consumer; exactly once).
    EmitCompletion,
    /// Emit the decision about an action (completion-consumer; exactly once).
    EmitDecision,
}

/// What an invocation still owes, from its state alone: the effects of its
/// observations that no later observation has answered. Used after a restore.
///
/// [`Effect::EmitCompletion`] is never listed: whether it went out is told by the
/// committed position.
#[must_use]
pub fn owed(state: &Invocation) -> Vec<Effect> {
    let watch = Effect::WatchDeadline {
        at: state.request.deadline,
    };
    match state.phase {
        Phase::Due { attempt, due } => vec![Effect::Call { attempt, due }, watch],
        Phase::Waiting => vec![watch],
        Phase::Closed(_) => vec![],
    }
}
