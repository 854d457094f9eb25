//! What must hold of what clients, subscribers and platforms are told.

use std::time::Duration;

use triggerfish_api::ports::Verdict as Told;
use triggerfish_core::{
    ActionState, CompletionReport, Invocation, InvocationId, Outcome, invariant::Invariant,
};
use triggerfish_log::{Offset, Partition};

use super::{Checks, Expected, pace};
use crate::life::Life;

impl Checks {
    /// Somebody was told that what he handed in is taken.
    pub(crate) fn acknowledged(&self, expected: Expected) {
        let mut seen = self.seen.lock();
        let nowhere = (self.topics.registry.clone(), Partition(0), Offset::ZERO);
        if !seen.is_taken(&expected, &nowhere, self.history.now()) {
            let detail = format!("{expected:?} was acknowledged and is not in the log");
            seen.broken(Invariant::AcknowledgedIsKept, detail);
        }
        seen.acknowledged.push(expected);
    }

    /// Somebody who has asked a process at `began` has its answer, which was to come `soon`, or
    /// gets none.
    pub(crate) fn answered(&self, by: &Life, began: u64, soon: Option<Duration>) {
        let now = self.history.now();
        let took = now - began;
        let seen = &mut *self.seen.lock();
        let is_good = soon.is_some_and(|soon| took <= pace::millis(soon));
        if !is_good && seen.troubles.is_calm(began, now) {
            let words = if soon.is_some() {
                "answers"
            } else {
                "gives up"
            };
            let detail = format!("{} {words} after {took} ms", by.name());
            seen.broken(Invariant::AcknowledgedIsKept, detail);
        }
    }

    /// A subscriber was told what became of its result.
    pub(crate) fn judged(&self, id: InvocationId, report: &CompletionReport, verdict: &Told) {
        let seen = &mut *self.seen.lock();
        let closing = seen.oracle.newest(id).and_then(Invocation::closing);
        let outcome = closing.map(|closing| &closing.outcome);
        let counts = outcome.is_some_and(|outcome| match outcome {
            Outcome::Completed(output) => report.error.is_none() && *output == report.output,
            Outcome::Failed { error, .. } => report.error.as_ref() == Some(error),
            Outcome::Expired { .. } => false,
        });
        let is_right = match (verdict, outcome) {
            (Told::Accepted | Told::Repeated, _) => counts,
            (Told::AfterDeadline { .. }, None | Some(Outcome::Expired { .. })) => true,
            (Told::AlreadyClosed { outcome: told }, Some(outcome)) => {
                !counts && *told == outcome.as_str()
            }
            _ => false,
        };
        if !is_right {
            let detail = format!("a result of {id} was judged {verdict:?}, and it is {outcome:?}");
            seen.broken(Invariant::AcknowledgedIsKept, detail);
        }
    }

    /// A client was told that it has started these.
    pub(crate) fn started(&self, ids: &[InvocationId]) {
        let seen = &mut *self.seen.lock();
        let is_known = |id: &&InvocationId| {
            let known = seen.oracle.newest(**id);
            known.is_some_and(|known| known.id == **id)
        };
        if let Some(id) = ids.iter().find(|id| !is_known(id)) {
            let detail = format!("{id} was said to be started, and is not in the log");
            seen.broken(Invariant::AcknowledgedIsKept, detail);
        }
    }

    /// A platform was told what was decided.
    pub(crate) fn decided(&self, action: &ActionState) {
        let Some(decision) = &action.decision else {
            return;
        };
        let mut seen = self.seen.lock();
        let before = seen.told.insert(action.id, decision.verdict);
        if before.is_some_and(|before| before != decision.verdict) {
            let detail = format!("two decisions were told about {}", action.id);
            seen.broken(Invariant::OneDecision, detail);
        }
    }
}
