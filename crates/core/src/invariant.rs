//! The invariants of Triggerfish, each with one id and one definition.
//!
//! Those that can be seen in a single step or a single position are checked by the
//! functions here; the runtime runs them on every step (a panic in debug builds, a
//! counter in release builds). The others are checked by tests over whole runs and
//! use the same ids.

use crate::{
    action::ActionState,
    apply::Step,
    effect::{Effect, owed},
    invocation::Invocation,
};

/// The invariants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// I1
    OneOutcome,
    /// I2
    OutcomeIsFinal,
    /// I3
    RebuildEqualsLive,
    /// I4
    ViewNeverLeads,
    /// I5
    FoldIsTotal,
    /// I6
    AcknowledgedIsKept,
    /// I7
    CauseBeforeEffect,
    /// I8
    SecretsStayInside,
    /// I9
    OneDecision,
}

impl Invariant {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::OneOutcome,
        Self::OutcomeIsFinal,
        Self::RebuildEqualsLive,
        Self::ViewNeverLeads,
        Self::FoldIsTotal,
        Self::AcknowledgedIsKept,
        Self::CauseBeforeEffect,
        Self::SecretsStayInside,
        Self::OneDecision,
    ];

    /// The id, `I1` to `I9`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::OneOutcome => "I1",
            Self::OutcomeIsFinal => "I2",
            Self::RebuildEqualsLive => "I3",
            Self::ViewNeverLeads => "I4",
            Self::FoldIsTotal => "I5",
            Self::AcknowledgedIsKept => "I6",
            Self::CauseBeforeEffect => "I7",
            Self::SecretsStayInside => "I8",
            Self::OneDecision => "I9",
        }
    }

    /// The definition.
    #[must_use]
    pub const fn statement(self) -> &'static str {
        match self {
            Self::OneOutcome => {
                "every accepted invocation gets exactly one outcome and exactly one completion record"
            }
            Self::OutcomeIsFinal => "an outcome never changes",
            Self::RebuildEqualsLive => "a view rebuilt from the log equals the live one",
            Self::ViewNeverLeads => "the view's position never leads the committed position",
            Self::FoldIsTotal => {
                "nothing that decodes makes the fold fail; what does not decode goes to dead-letters and the partition moves on"
            }
            Self::AcknowledgedIsKept => "an acknowledged request is never lost",
            Self::CauseBeforeEffect => {
                "no effect is carried out before its cause is committed, and nothing is appended for a partition after its release"
            }
            Self::SecretsStayInside => {
                "a secret, password or token never appears in a log line, metric, API answer, error or history entry"
            }
            Self::OneDecision => {
                "every action that is asked about gets exactly one decision, which never changes"
            }
        }
    }
}

/// A broken invariant and what was seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invariant {} broken: {}: {detail}", .invariant.id(), .invariant.statement())]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// What was seen.
    pub detail: String,
}

fn violation(invariant: Invariant, detail: impl Into<String>) -> Result<(), Violation> {
    Err(Violation {
        invariant,
        detail: detail.into(),
    })
}

/// Checks one step of the fold against [`Invariant::OneOutcome`],
/// [`Invariant::OutcomeIsFinal`] and the agreement of effects with [`owed`].
pub fn check_step(before: Option<&Invocation>, step: &Step) -> Result<(), Violation> {
    let closed_before = before.and_then(Invocation::closing);
    let closed_after = step.state.as_ref().and_then(Invocation::closing);
    if closed_before.is_some() && closed_before != closed_after {
        return violation(Invariant::OutcomeIsFinal, "a closed invocation changed");
    }
    let emits = step
        .effects
        .iter()
        .filter(|e| **e == Effect::EmitCompletion)
        .count();
    let closes = usize::from(closed_before.is_none() && closed_after.is_some());
    if emits != closes {
        return violation(
            Invariant::OneOutcome,
            format!("{emits} completions for {closes} closings"),
        );
    }
    if step.ignored.is_some() && !(step.effects.is_empty() && step.state.as_ref() == before) {
        return violation(
            Invariant::OneOutcome,
            "an ignored observation had an effect",
        );
    }
    let still_owed = step.state.as_ref().map(owed).unwrap_or_default();
    let calls_nobody_owes = step
        .effects
        .iter()
        .any(|effect| *effect != Effect::EmitCompletion && !still_owed.contains(effect));
    if calls_nobody_owes {
        return violation(
            Invariant::RebuildEqualsLive,
            "an effect is not owed by the state",
        );
    }
    Ok(())
}

/// Checks one step of an action against [`Invariant::OneDecision`]. `effect` is what the
/// step asks for.
pub fn check_decision(
    before: Option<&ActionState>,
    after: &ActionState,
    effect: Option<Effect>,
) -> Result<(), Violation> {
    let known = before.and_then(|before| before.decision.as_ref());
    if known.is_some() && known != after.decision.as_ref() {
        return violation(Invariant::OneDecision, "a decision changed");
    }
    let falls = known.is_none() && after.decision.is_some();
    if falls != (effect == Some(Effect::EmitDecision)) {
        return violation(
            Invariant::OneDecision,
            "a decision was not emitted as it fell",
        );
    }
    Ok(())
}

/// Checks [`Invariant::ViewNeverLeads`]; positions are "next to read".
pub fn check_position(view: u64, committed: u64) -> Result<(), Violation> {
    if view > committed {
        return violation(
            Invariant::ViewNeverLeads,
            format!("view at {view}, committed position {committed}"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_statements_are_distinct() {
        let ids: std::collections::HashSet<_> = Invariant::ALL.iter().map(|i| i.id()).collect();
        let statements: std::collections::HashSet<_> =
            Invariant::ALL.iter().map(|i| i.statement()).collect();
        assert_eq!((ids.len(), statements.len()), (9, 9));
    }

    #[test]
    fn a_leading_view_is_found() {
        assert!(check_position(5, 5).is_ok());
        assert_eq!(
            check_position(6, 5).unwrap_err().invariant,
            Invariant::ViewNeverLeads
        );
    }
}
