//! The view of the partition: what the fold has made of the log so far.

use std::hash::{Hash, Hasher};

use triggerfish_core::{Effect, Invocation, Observation, Outcome, Phase, apply, invariant};

use crate::{Record, Rule};

/// The state of the invocation, and which record of the log is next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// What the core's fold made of the records before `position`.
    pub state: Option<Invocation>,
    /// The next record to read.
    pub position: usize,
    /// Whether a step of the fold broke one of the core's own invariants.
    pub broken: bool,
}

impl View {
    /// Folds the next record of the log by the core's fold; what is to be done then.
    pub fn fold(&mut self, record: Record, without: Option<Rule>) -> Vec<Effect> {
        let observation = record.observation();
        let forgets =
            without == Some(Rule::Dedupe) && matches!(observation, Observation::Requested(_));
        let before = self.state.take();
        let known = before.clone().filter(|_| !forgets);
        let step = apply(known, record.seen(self.position), observation);
        self.broken |= invariant::check_step(before.as_ref(), &step).is_err();
        self.state = step.state;
        self.position += 1;
        step.effects
    }

    /// The outcome, once there is one.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        let closing = self.state.as_ref()?.closing()?;
        Some(&closing.outcome)
    }

    /// The number of the call that is owed.
    #[must_use]
    pub fn owed_call(&self) -> Option<u32> {
        match self.state.as_ref()?.phase {
            Phase::Due { attempt, .. } => Some(attempt),
            Phase::Waiting | Phase::Closed(_) => None,
        }
    }
}

/// Everything in which two states of the one invocation can differ: id and request are the
/// same in all of them.
impl Hash for View {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.position.hash(hasher);
        self.broken.hash(hasher);
        let Some(state) = &self.state else {
            return false.hash(hasher);
        };
        state.offset.hash(hasher);
        state.attempts.hash(hasher);
        state.last_failure.is_some().hash(hasher);
        match &state.phase {
            Phase::Due { attempt, due } => (0_u8, attempt, due).hash(hasher),
            Phase::Waiting => 1_u8.hash(hasher),
            Phase::Closed(closing) => {
                (2_u8, closing.at, closing.offset).hash(hasher);
                let outcome = &closing.outcome;
                (outcome.as_str(), outcome.output(), outcome.error()).hash(hasher);
            }
        }
    }
}
