//! Whatever the log holds, the fold neither fails nor breaks an invariant.

use std::collections::HashMap;

use proptest::prelude::*;
use triggerfish_core::{
    Effect, Invocation, InvocationKey, Seen, apply,
    invariant::check_step,
    owed,
    testing::{Entry, log},
};

type States = HashMap<InvocationKey, Invocation>;

/// Folds `entries`, checking every step; returns the states and every effect.
fn fold(entries: &[Entry]) -> (States, Vec<(InvocationKey, Effect)>) {
    let mut states = States::new();
    let mut effects = Vec::new();
    for (offset, (id, at, observation)) in entries.iter().enumerate() {
        let seen = Seen {
            id: *id,
            offset: offset as u64,
            at: *at,
        };
        let before = states.remove(&id.key());
        let step = apply(before.clone(), seen, observation.clone());
        if let Err(violation) = check_step(before.as_ref(), &step) {
            panic!("{violation} at {offset}: {observation:?}");
        }
        effects.extend(step.effects.iter().map(|effect| (id.key(), *effect)));
        if let Some(state) = step.state {
            states.insert(id.key(), state);
        }
    }
    (states, effects)
}

proptest! {
    #[test]
    fn any_log_keeps_the_invariants(entries in log(60)) {
        let (states, effects) = fold(&entries);
        for (key, state) in &states {
            let emitted = effects.iter().filter(|e| **e == (*key, Effect::EmitCompletion)).count();
            prop_assert_eq!(emitted, usize::from(!state.is_open()));
        }
    }

    #[test]
    fn two_folds_of_one_log_agree(entries in log(60)) {
        prop_assert_eq!(fold(&entries), fold(&entries));
    }

    #[test]
    fn every_record_twice_changes_nothing(entries in log(40)) {
        let doubled: Vec<Entry> = entries.iter().flat_map(|e| [e.clone(), e.clone()]).collect();
        let (once, effects) = fold(&entries);
        let (twice, doubled_effects) = fold(&doubled);
        prop_assert_eq!(outcomes(&once), outcomes(&twice));
        prop_assert_eq!(effects, doubled_effects);
    }

    #[test]
    fn what_is_owed_is_what_nobody_has_reported_on(entries in log(60)) {
        let (states, effects) = fold(&entries);
        for (key, state) in &states {
            for effect in owed(state) {
                prop_assert!(effects.contains(&(*key, effect)), "{:?} was never an effect", effect);
            }
            if let Some(Effect::Call { attempt, .. }) = owed(state).first() {
                prop_assert_eq!(*attempt, state.attempts + 1);
            }
        }
    }
}

fn outcomes(states: &States) -> HashMap<InvocationKey, Option<String>> {
    let name = |state: &Invocation| state.closing().map(|c| format!("{:?}", c.outcome));
    states
        .iter()
        .map(|(key, state)| (*key, name(state)))
        .collect()
}
