//! Rules that are broken on purpose are found, each within so many seeds.

use triggerfish_runtime::faults::Fault;

use crate::runner::{first_that_fails, story};

/// The most seeds that a fault may take to be found.
const ENOUGH: u64 = 300;

/// Finds `fault`, and that by one of these invariants; how it was found.
fn found(fault: Fault, invariants: &[&str]) -> String {
    let (found, run) = first_that_fails(0..ENOUGH, Some(fault));
    let Some((seed, report)) = found else {
        panic!("{} was not found in {run} seeds", fault.name());
    };
    let broken = report.broken.expect("it failed");
    let id = broken.invariant.id();
    assert!(invariants.contains(&id), "{}: {broken}", fault.name());
    format!("{}: seed {seed}, after {run}: {broken}", fault.name())
}

macro_rules! faults {
    ($($name:ident: $fault:ident by $($invariant:literal),+;)+) => {
        $(
            #[test]
            fn $name() {
                println!("{}", found(Fault::$fault, &[$($invariant),+]));
            }
        )+

        #[test]
        fn none_is_left_out() {
            assert_eq!([$(Fault::$fault),+].len(), Fault::ALL.len());
        }
    };
}

faults! {
    a_view_that_is_saved_before_the_commit: ViewFirst by "I1", "I4";
    requests_that_are_folded_twice: NoDedupe by "I1", "I3";
    deadlines_that_nobody_reports: TimerLost by "I1", "I9";
    a_view_that_goes_on_ahead_of_the_log: ViewAhead by "I1", "I4", "I5", "I6";
    a_secret_in_a_log_line: SecretInLogLine by "I8";
    a_decision_after_its_budget: LateDecisions by "I9";
    an_outcome_that_a_later_result_replaces: OutcomeOverwritten by "I1", "I2";
    calls_before_the_fold_has_caught_up: ActsWhileCatchingUp by "I7";
    an_append_after_the_release: AppendAfterRelease by "I7";
    a_position_before_its_append: PositionBeforeAppend by "I6";
    results_beside_the_commit: ResultsBesideCommit by "I1", "I7";
    a_record_that_stops_its_partition: UnreadableStops by "I1", "I5", "I6";
    a_record_that_is_forgotten: UnreadableForgotten by "I5";
    a_rebuild_that_begins_too_late: RebuildTooLate by "I1", "I3", "I6";
    an_event_that_is_acknowledged_before_its_append: EventAcknowledgedFirst by "I6";
    a_result_that_is_acknowledged_before_its_append: ResultAcknowledgedFirst by "I6";
    lists_that_are_silently_short: ShortLists by "I6";
    calls_of_one_key_side_by_side: KeysOverlap by "I7";
    a_retry_that_does_not_wait: RetriesAtOnce by "I7";
}

/// A story is told in words, and shorter than the plan it comes from.
#[test]
fn what_fails_is_told_as_a_short_story() {
    let fault = Some(Fault::SecretInLogLine);
    let (found, _) = first_that_fails(0..ENOUGH, fault);
    let (seed, _) = found.expect("it is found");
    let story = story(seed, fault);
    assert!(story.contains("invariant I8 broken"), "{story}");
    assert!(story.contains(&format!(
        "SIM_FAULT=secret-in-log-line SIM_SEED={seed} cargo test"
    )));
    let steps = story.lines().filter(|line| line.contains(" ms  ")).count();
    assert!((1..=2).contains(&steps), "{story}");
}
