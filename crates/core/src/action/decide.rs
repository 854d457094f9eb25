//! What the answers of callbacks mean for an action.

use std::sync::Arc;

use super::{ActionState, Activation, Decision, MemberClosed, Part};
use crate::{
    callback::{FailurePolicy, Timing},
    effect::Effect,
    invocation::{Closing, Invocation},
    observation::FailureKind,
    time::Timestamp,
};

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The action may be carried out.
    Allow,
    /// It may not.
    Deny,
}

impl Verdict {
    /// The name in the HTTP API and in decisions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Deny => "DENY",
        }
    }
}

/// What came of an invocation's state for its action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Whether the action is another one now.
    pub changed: bool,
    /// [`Effect::EmitDecision`] if the decision has fallen.
    pub effect: Option<Effect>,
}

impl ActionState {
    /// Takes note of a member as it is after the record at `offset`. What is known already,
    /// is still open or belongs elsewhere changes nothing.
    pub fn told(&mut self, invocation: &Invocation, offset: u64) -> Told {
        let member = invocation.request.member.as_deref();
        let member = member.filter(|member| member.action_id == self.id);
        let (Some(member), Some(closing)) = (member, invocation.closing()) else {
            return Told::default();
        };
        let index = usize::from(member.part).wrapping_sub(1);
        let request = Arc::clone(&self.request);
        let (Some(part), Some(state)) = (request.parts.get(index), self.members.get_mut(index))
        else {
            return Told::default();
        };
        if state.closed.is_some() || state.invocation != invocation.id {
            return Told::default();
        }
        state.closed = Some(closed(part, invocation, closing));
        Told {
            changed: true,
            effect: self.settle(offset),
        }
    }

    /// Decides, if nothing is missing for that, and sees whether everything is over.
    pub(super) fn settle(&mut self, offset: u64) -> Option<Effect> {
        self.finished = self.finished.or_else(|| self.last_closing(|_| true));
        if self.request.timing == Timing::After || self.decision.is_some() {
            return None;
        }
        let at = self.last_closing(|part| self.waits_for(part))?;
        let reason = self.reason_to_deny();
        self.decision = Some(Decision {
            verdict: if reason.is_some() {
                Verdict::Deny
            } else {
                Verdict::Allow
            },
            reason,
            at,
            offset,
        });
        Some(Effect::EmitDecision)
    }

    /// When the last of the members that `counts` closed; `None` while one is open.
    fn last_closing(&self, counts: impl Fn(&Part) -> bool) -> Option<Timestamp> {
        let mut last = self.request.asked;
        for (part, member) in self.request.parts.iter().zip(&self.members) {
            if counts(part) {
                last = last.max(member.closed.as_ref()?.at);
            }
        }
        Some(last)
    }

    /// A loop is stopped by every callback, also by one that only watches.
    fn waits_for(&self, part: &Part) -> bool {
        part.policy != FailurePolicy::Audit || self.request.is_loop()
    }

    fn reason_to_deny(&self) -> Option<Arc<str>> {
        let mut reason = String::new();
        for (part, member) in self.request.parts.iter().zip(&self.members) {
            let closed = member.closed.as_ref().filter(|_| self.waits_for(part));
            let Some(closed) = closed.filter(|closed| closed.verdict == Verdict::Deny) else {
                continue;
            };
            if !reason.is_empty() {
                reason.push_str("; ");
            }
            reason.push_str(&part.name);
            reason.push_str(": ");
            reason.push_str(closed.error.as_deref().unwrap_or("no reason was given"));
        }
        (!reason.is_empty()).then(|| reason.into())
    }
}

fn closed(part: &Part, invocation: &Invocation, closing: &Closing) -> MemberClosed {
    let called = invocation.called.as_deref();
    let failure = called.and_then(|called| called.failure);
    let outcome = Activation::of(invocation.request.mode, &closing.outcome, failure);
    let was_called = called.filter(|_| outcome != Activation::Stopped);
    MemberClosed {
        outcome,
        verdict: verdict(part.policy, outcome, failure),
        status: called.and_then(|called| called.status),
        took: was_called.map(|called| called.took),
        error: closing.outcome.error().cloned(),
        at: closing.at,
    }
}

/// A loop is never let through, whatever the policy. A status that came denies; only who
/// could not be reached, or did not answer in time, can be forgiven.
fn verdict(policy: FailurePolicy, outcome: Activation, failure: Option<FailureKind>) -> Verdict {
    match outcome {
        Activation::Allowed | Activation::Succeeded => Verdict::Allow,
        Activation::Stopped => Verdict::Deny,
        Activation::Denied | Activation::Failed => match policy {
            FailurePolicy::Allow if failure != Some(FailureKind::Status) => Verdict::Allow,
            FailurePolicy::Deny | FailurePolicy::Allow | FailurePolicy::Audit => Verdict::Deny,
        },
    }
}
