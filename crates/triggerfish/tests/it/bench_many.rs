//! The cases of the benchmark that have a great many of something, with few: what they count
//! is right.

use crate::bench::{ROUNDS, measure, rounds};

#[test]
fn open_ones_are_completed_restarted_and_expire() {
    let args = [
        "--count",
        "120",
        "--completions",
        "20",
        "--deadlines",
        "40",
        "--deadline-s",
        "4",
    ];
    let (found, plot) = measure("open", &args);
    assert_eq!(rounds(&found, "open"), [120.0; ROUNDS]);
    for (latency, expected) in [("few", 40), ("completion", 40), ("late", 80)] {
        assert_eq!(found["latencies"][latency]["count"], expected, "{found}");
    }
    let (peak, rest) = (rounds(&found, "peak"), rounds(&found, "resident"));
    assert!(
        peak.iter().zip(&rest).all(|(peak, rest)| peak >= rest),
        "{found}"
    );
    assert!(plot.contains("memory at most"));
}

#[test]
fn rebuilt_views_are_what_they_were() {
    let (found, _) = measure(
        "rebuild",
        &["--count", "150", "--burst", "100", "--waiting", "30"],
    );
    // What was asked for and what came of the call, for each invocation.
    assert_eq!(rounds(&found, "records"), [300.0; ROUNDS]);
}

#[test]
fn many_subscriptions_are_called_as_often_as_few() {
    let args = ["--count", "90", "--many", "30", "--few", "3"];
    let (found, _) = measure("subscriptions", &args);
    assert_eq!(rounds(&found, "calls"), [180.0; ROUNDS]);
    let sides = [rounds(&found, "measured"), rounds(&found, "reference")];
    for (round, ratio) in rounds(&found, "ratio").into_iter().enumerate() {
        let expected = sides[0][round] / sides[1][round];
        assert!((ratio - expected).abs() < 1e-9, "{found}");
    }
}

#[test]
fn status_is_asked_at_a_pace() {
    let (found, plot) = measure("status", &["--count", "100", "--requests", "15"]);
    for kind in ["bare", "byId", "common", "rare"] {
        assert_eq!(found["latencies"][kind]["count"], 30, "{found}");
    }
    assert!(plot.contains("page of a rare trigger"));
}

#[test]
fn filters_let_a_third_of_the_calls_through() {
    let args = ["--count", "30", "--subscriptions", "6", "--groups", "3"];
    let (found, _) = measure("fan-out", &args);
    // Thirty events with two calls each, and sixty with one.
    assert_eq!(rounds(&found, "calls"), [120.0; ROUNDS]);
}

#[test]
fn after_an_outage_everything_that_waited_goes_out() {
    let args = [
        "--count",
        "100",
        "--outage-s",
        "1",
        "--alone-s",
        "1",
        "--rate",
        "20",
    ];
    let (found, _) = measure("outage", &args);
    for side in ["alone", "during"] {
        assert_eq!(found["latencies"][side]["count"], 40, "{found}");
    }
    let (early, later) = (rounds(&found, "early"), rounds(&found, "later"));
    assert!(
        early
            .iter()
            .zip(&later)
            .all(|(early, later)| early <= later),
        "{found}"
    );
}
