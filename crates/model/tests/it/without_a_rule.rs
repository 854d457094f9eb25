use stateright::{Checker, Model};
use triggerfish_model::{Limits, Protocol, Rule, property};

/// Breaks one rule; each of the properties must be seen to fail, with the history that leads
/// there.
#[expect(clippy::print_stderr, reason = "the history is what there is to see")]
fn fails(rule: Rule, expected: &[&'static str]) {
    let model = Protocol {
        limits: Limits {
            faults: 1,
            repeats: 1,
            callbacks: 1,
            retries: false,
            saves: 1,
        },
        without: Some(rule),
    };
    let failures = stateright::HasDiscoveries::AllOf(expected.iter().copied().collect());
    let checked = model
        .checker()
        .threads(2)
        .finish_when(failures)
        .spawn_bfs()
        .join();
    for property in expected {
        let history = checked.discovery(property);
        let history = history.unwrap_or_else(|| panic!("without {rule:?}: {property}: holds"));
        eprintln!(
            "without {rule:?} it is wrong that {property}: {:?}",
            history.into_actions()
        );
    }
}

#[test]
fn saved_before_the_commit() {
    fails(
        Rule::CommitFirst,
        &[property::NEVER_LEADS, property::EXACTLY_ONE],
    );
}

#[test]
fn completion_and_position_apart() {
    fails(Rule::OneTransaction, &[property::AT_MOST_ONE]);
}

#[test]
fn zombies_commit() {
    fails(Rule::Fencing, &[property::AT_MOST_ONE]);
}

#[test]
fn the_next_owner_does_not_wait() {
    fails(Rule::StablePosition, &[property::AT_MOST_ONE]);
}

#[test]
fn a_request_is_folded_twice() {
    fails(
        Rule::Dedupe,
        &[property::AT_MOST_ONE, property::FINAL, property::STEPS],
    );
}

#[test]
fn calls_before_the_fold_has_caught_up() {
    fails(Rule::CatchUpFirst, &[property::REPEATED_CALLS]);
}

#[test]
fn zombies_call() {
    fails(Rule::Pulse, &[property::REPEATED_CALLS]);
}

#[test]
fn called_before_it_is_in_the_log() {
    fails(Rule::ReadFromLog, &[property::CAUSED]);
}
