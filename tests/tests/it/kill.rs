//! `kill -9` at any moment: nothing acknowledged is lost, nothing completes twice, and
//! only what was under way is called again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use triggerfish_tests::{Random, Service, Setup, completions};

use crate::load::{Load, all_closed};
use crate::ordered::Ordered;

/// How often; `KILLS` in the environment asks for more.
const KILLS: u64 = 20;
/// The moments of the kills follow from it; `KILL_SEED` in the environment tries others.
const SEED: u64 = 20_260_101;
/// How long before a kill a call can have arrived whose report was not in the log yet.
/// A subscriber takes up to 20 ms; the rest is patience with a busy machine.
const IN_FLIGHT: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_and_double_nothing() {
    let seed = from_environment("KILL_SEED", SEED);
    let mut random = Random::new(seed);
    let setup = Setup::new();
    let mut service = setup.start().await;
    let mut load = Load::begin(&setup, false).await;
    let mut ordered = Ordered::begin(&setup).await;
    let mut kills = Vec::new();
    println!("seed {seed}");
    println!("kill  moment            acknowledged before  ready again after");
    for number in 1..=from_environment("KILLS", KILLS) {
        // Every fourth kill may come before the service has got ready again.
        let moment = if number % 4 == 0 {
            random.below(300)
        } else {
            200 + random.below(600)
        };
        let moment = Duration::from_millis(moment);
        if number % 4 != 0 {
            service.ready().await;
        }
        tokio::time::sleep(moment).await;
        let before = load.acknowledged();
        service.kill();
        let killed = Instant::now();
        kills.push(killed);
        service = setup.launch();
        let ready = if (number + 1) % 4 == 0 {
            "(killed before)".to_owned()
        } else {
            service.ready().await;
            format!("{:.0?}", killed.elapsed())
        };
        println!("{number:>4}  +{moment:<15.0?}  {before:>19}  {ready}");
    }
    service.ready().await;
    load.end().await;
    ordered.end().await;
    all_closed(&service.api).await;
    drop(service.stop().await);

    let found = completions::read(&setup.data()).await;
    let in_order = ordered.check(&found);
    let of_load: Vec<_> = found
        .iter()
        .filter(|one| !Ordered::is_own(one))
        .cloned()
        .collect();
    load.check_completions(&of_load);
    let is_killed_between = |first: Instant, second: Instant| {
        kills
            .iter()
            .any(|kill| (first..=second).contains(kill) && *kill - first < IN_FLIGHT)
    };
    let repeated = load.check_repetitions(is_killed_between);
    check_reports(&setup);
    println!(
        "{} acknowledged, {} completions, {repeated} calls repeated after a kill; {in_order} events in order",
        load.acknowledged(),
        of_load.len(),
    );
    assert!(
        load.acknowledged() > 500,
        "too little load to prove anything"
    );
    views_can_be_rebuilt(&setup).await;
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// A call whose report is in the log is never made again.
fn check_reports(setup: &Setup) {
    let mut reports: HashMap<(String, u64), u32> = HashMap::new();
    for record in setup.tail("invocation-log") {
        let value = &record["value"];
        if value["observation"] == "attempt_reported" {
            let id = value["invocationId"].as_str().expect("an id").to_owned();
            let attempt = value["attempt"].as_u64().expect("a number");
            *reports.entry((id, attempt)).or_default() += 1;
        }
    }
    assert!(!reports.is_empty());
    let doubled: Vec<_> = reports.iter().filter(|(_, count)| **count > 1).collect();
    assert!(
        doubled.is_empty(),
        "calls made again although their report was kept: {doubled:?}"
    );
}

/// The views agree with the log, and so do views made from nothing.
async fn views_can_be_rebuilt(setup: &Setup) {
    let (is_content, kept) = setup.verify();
    assert!(is_content, "{kept:#}");
    std::fs::remove_dir_all(setup.data().join("views")).expect("the views are there");
    let service: Service = setup.start().await;
    drop(service.stop().await);
    let (is_content, rebuilt) = setup.verify();
    assert!(is_content, "{rebuilt:#}");
    assert_eq!(digests(&rebuilt), digests(&kept));
}

fn digests(verified: &Value) -> Vec<(&Value, &Value, &Value)> {
    let rows = verified.as_array().expect("a row for each partition");
    assert!(!rows.is_empty());
    rows.iter()
        .map(|row| (&row["partition"], &row["position"], &row["view"]))
        .collect()
}
