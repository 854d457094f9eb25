use std::collections::BTreeSet;
use std::time::Instant;

use stateright::{Checker, Model};
use triggerfish_model::{
    Limits, Protocol,
    property::{Claim, claims},
};

/// What goes wrong together; each multiplies the states, all at once are too many.
fn histories() -> [(&'static str, Limits); 6] {
    let none = Limits {
        faults: 0,
        repeats: 0,
        callbacks: 0,
        retries: false,
        saves: 1,
    };
    [
        (
            "a repeated append, a callback, a retry",
            Limits {
                repeats: 1,
                callbacks: 1,
                retries: true,
                ..none
            },
        ),
        (
            "two callbacks, a retry",
            Limits {
                callbacks: 2,
                retries: true,
                ..none
            },
        ),
        (
            "a fault, a retry",
            Limits {
                faults: 1,
                retries: true,
                ..none
            },
        ),
        (
            "a fault, a callback",
            Limits {
                faults: 1,
                callbacks: 1,
                ..none
            },
        ),
        (
            "a fault, a repeated append",
            Limits {
                faults: 1,
                repeats: 1,
                ..none
            },
        ),
        ("two faults", Limits { faults: 2, ..none }),
    ]
}

#[test]
fn in_every_history_within_the_limits() {
    let mut reached = BTreeSet::new();
    for (name, limits) in histories() {
        let begun = Instant::now();
        let model = Protocol {
            limits,
            without: None,
        };
        let checked = model.checker().threads(2).spawn_bfs().join();
        eprintln!(
            "{name}: {} states, {} steps, depth {}, {:.1} s",
            checked.unique_state_count(),
            checked.state_count(),
            checked.max_depth(),
            begun.elapsed().as_secs_f64()
        );
        for (name, claim) in claims() {
            match (claim, checked.discovery(name)) {
                (Claim::Always(_), Some(history)) => {
                    panic!("it is wrong that {name}: {:?}", history.into_actions())
                }
                (Claim::Sometimes(_), Some(_)) => drop(reached.insert(name)),
                (_, None) => {}
            }
        }
    }
    for (name, claim) in claims() {
        let counts = matches!(claim, Claim::Sometimes(_));
        assert!(
            !counts || reached.contains(name),
            "it never came to this: {name}"
        );
    }
}
