//! The benchmark with little work: what it counts is right, and it is written down. How fast
//! anything is does not matter here.

use serde_json::Value;

use crate::program::run;

pub(crate) const ROUNDS: usize = 2;

/// Runs a case; gives what it printed and drew.
pub(crate) fn measure(case: &str, args: &[&str]) -> (Value, String) {
    let plots = tempfile::tempdir().unwrap();
    let folder = plots.path().to_str().unwrap();
    let rounds = ROUNDS.to_string();
    let mut line = vec!["bench", case, "--json", "--repeat", &rounds];
    line.extend(["--plot", folder]);
    line.extend(args);
    let found = run(&line).json();
    let plot = std::fs::read_to_string(plots.path().join(format!("{case}.svg"))).unwrap();
    is_well_formed(&found, case);
    assert!(
        plot.starts_with("<svg ") && plot.trim_end().ends_with("</svg>"),
        "{plot}"
    );
    for goal in found["goals"].as_array().unwrap() {
        let name = &found["figures"][goal["figure"].as_str().unwrap()]["name"];
        assert!(plot.contains(name.as_str().unwrap()), "no {name} in {plot}");
    }
    (found, plot)
}

fn is_well_formed(found: &Value, case: &str) {
    assert_eq!(found["case"], case);
    for (key, figure) in found["figures"].as_object().unwrap() {
        let rounds = figure["rounds"].as_array().unwrap();
        assert_eq!(rounds.len() % ROUNDS, 0, "{key} in {found}");
        let rounds: Vec<f64> = rounds.iter().map(|round| round.as_f64().unwrap()).collect();
        let [low, median, high] = ["low", "median", "high"].map(|of| figure[of].as_f64().unwrap());
        assert!(low <= median && median <= high, "{key} in {found}");
        assert!(
            rounds.iter().all(|round| (low..=high).contains(round)),
            "{key} in {found}"
        );
    }
    for (key, latency) in found["latencies"].as_object().unwrap() {
        let quantiles = ["p50", "p90", "p99", "p99.9", "max"];
        let quantiles = quantiles.map(|of| latency[of].as_f64().unwrap());
        assert!(quantiles.is_sorted(), "{key} in {found}");
    }
    let goals = found["goals"].as_array().unwrap();
    assert!(!goals.is_empty(), "{found}");
    for goal in goals {
        let value = goal["value"].as_f64().unwrap();
        let is_reached = match (goal["atLeast"].as_f64(), goal["atMost"].as_f64()) {
            (Some(least), None) => value >= least,
            (None, Some(most)) => value <= most,
            _ => panic!("{goal}"),
        };
        assert_eq!(goal["reached"], is_reached, "{goal}");
    }
}

/// All rounds of a figure.
pub(crate) fn rounds(found: &Value, figure: &str) -> Vec<f64> {
    let rounds = found["figures"][figure]["rounds"].as_array();
    let rounds = rounds.unwrap_or_else(|| panic!("no {figure} in {found}"));
    rounds.iter().map(|round| round.as_f64().unwrap()).collect()
}

/// Whether a promise was kept in every round.
fn is_kept(found: &Value, figure: &str) -> bool {
    let mut goals = found["goals"].as_array().unwrap().iter();
    let goal = goals.find(|goal| goal["figure"] == figure);
    let goal = goal.unwrap_or_else(|| panic!("no goal {figure} in {found}"));
    goal["of"] == "every" && goal["reached"] == true
}

#[test]
fn sync_calls_once_for_each_event() {
    let (found, plot) = measure("sync", &["--invocations", "200"]);
    assert_eq!(rounds(&found, "calls"), [600.0, 600.0]);
    let ratios = rounds(&found, "ratio");
    let sides = [rounds(&found, "measured"), rounds(&found, "reference")];
    for round in 0..ROUNDS {
        let ratio = sides[0][round] / sides[1][round];
        assert!((ratios[round] - ratio).abs() < 1e-9, "{found}");
    }
    assert!(plot.contains("bare loop") && plot.contains("stroke-dasharray"));
}

#[test]
fn latency_counts_every_invocation_but_those_to_warm_up() {
    let args = ["--invocations", "30", "--pause-ms", "2"];
    let (found, plot) = measure("latency", &args);
    for side in ["bare", "measured"] {
        assert_eq!(found["latencies"][side]["count"], 60, "{found}");
    }
    assert_eq!(plot.matches("<polyline").count(), 2);
}

#[test]
fn fire_and_forget_calls_once_for_each_event_of_either_kind() {
    let (found, _) = measure("fire-and-forget", &["--invocations", "200"]);
    assert_eq!(rounds(&found, "calls"), [200.0; 2 * ROUNDS]);
}

#[test]
fn order_is_kept_where_there_is_one_and_the_cap_everywhere() {
    let args = [
        "--count",
        "200",
        "--pause-ms",
        "2",
        "--keys",
        "4",
        "--in-flight",
        "10",
    ];
    let (found, _) = measure("order", &args);
    assert_eq!(rounds(&found, "calls"), [200.0; 3 * ROUNDS]);
    for (kind, most) in [("none", 10.0), ("keys", 4.0), ("one", 1.0)] {
        assert!(is_kept(&found, &format!("{kind}InFlight")), "{found}");
        assert!(is_kept(&found, &format!("{kind}OutOfOrder")), "{found}");
        let in_flight = rounds(&found, &format!("{kind}InFlight"));
        assert!(
            in_flight.iter().all(|seen| (1.0..=most).contains(seen)),
            "{found}"
        );
    }
}

#[test]
fn slow_subscribers_have_as_much_in_flight_as_they_may() {
    let args = ["--count", "120", "--pause-ms", "30", "--in-flight", "8"];
    let (found, _) = measure("slow", &args);
    assert_eq!(rounds(&found, "calls"), [120.0; ROUNDS]);
    assert!(is_kept(&found, "inFlight"), "{found}");
    assert_eq!(rounds(&found, "inFlight"), [8.0; ROUNDS]);
}

#[test]
fn decisions_are_all_asked_for() {
    let args = [
        "--count",
        "40",
        "--at-once-silent",
        "16",
        "--budget-ms",
        "200",
    ];
    let (found, _) = measure("decisions", &args);
    for kind in ["reference", "prompt", "over"] {
        assert_eq!(found["latencies"][kind]["count"], 80, "{found}");
    }
}

#[test]
fn neighbours_stay_within_their_caps_and_nothing_of_the_healthy_is_lost() {
    let args = [
        "--healthy",
        "2",
        "--dead",
        "2",
        "--in-flight",
        "4",
        "--rate",
        "100",
    ];
    let (found, plot) = measure(
        "neighbours",
        &[
            &args[..],
            &["--time-ms", "300", "--call-timeout-ms", "1000"],
        ]
        .concat(),
    );
    assert!(
        is_kept(&found, "inFlight") && is_kept(&found, "inFlightShare"),
        "{found}"
    );
    // The silent and the dripping hold all their places, and no place is anybody else's.
    assert_eq!(rounds(&found, "inFlight"), [4.0; ROUNDS]);
    for (events, completed) in rounds(&found, "events")
        .iter()
        .zip(rounds(&found, "completed"))
    {
        // Two useless ones of four kinds had four events each at least.
        assert!(completed >= events + 2.0 * 4.0 * 4.0, "{found}");
    }
    // 100 events a second for 300 ms, in each round.
    for kind in ["silent", "dripping", "flooding", "refusing"] {
        assert_eq!(found["latencies"][kind]["count"], 60, "{found}");
    }
    assert!(plot.contains("2 flooding, throughput"));
}

#[test]
fn all_is_every_case_with_its_reference() {
    let ran = run(&["bench", "all", "--quick", "--json", "--repeat", "1"]);
    // What is going on is told beside the output.
    assert!(
        ran.err.contains("sync, round 1 of 1: bare loop"),
        "{}",
        ran.err
    );
    let lines = ran.good();
    let cases: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = cases
        .iter()
        .map(|case| case["case"].as_str().unwrap())
        .collect();
    let help = run(&["bench", "--help"]).good();
    for name in &names {
        assert!(help.contains(&format!("\n  {name} ")), "{name} in {help}");
    }
    assert!(names.len() >= 13, "{names:?}");
}
