//! Processes and the broker are killed, frozen, wiped, added and taken away under load:
//! every accepted event has one outcome and one completion for each of its subscriptions.

use std::time::{Duration, Instant};

use triggerfish_test_broker::{Cluster, Settings};
use triggerfish_tests::kafka::{Brokers, Installation, Kind, Table};

use super::ending::{Run, all_is_well};
use super::fates::Fates;
use super::{from_environment, turn};

/// How many kills; `CHAOS_KILLS` asks for more.
const KILLS: usize = 15;
/// How many brokers, of which one at a time is killed. One alone takes everything with it;
/// `CHAOS_NODES=3` has copies.
const BROKERS: u16 = 1;
/// What happens when follows from it; `CHAOS_SEED` tries another course.
pub(super) const SEED: u64 = 20_260_401;
/// Events a second; `CHAOS_RATE` asks for another number.
pub(super) const RATE: u64 = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_breaks_each_event_has_one_outcome() {
    let Some(_turn) = turn("exactly once while things break").await else {
        return;
    };
    let seed = from_environment("CHAOS_SEED", SEED);
    let rate = from_environment("CHAOS_RATE", RATE);
    let kills = from_environment("CHAOS_KILLS", KILLS);
    let at_least = Duration::from_secs(from_environment("CHAOS_SECONDS", 0));
    let brokers = from_environment("CHAOS_NODES", BROKERS);
    println!("seed {seed}, {rate} events a second, {kills} kills, {brokers} brokers");

    let settings = Settings {
        nodes: brokers,
        ..Settings::default()
    };
    let cluster = Cluster::start(settings).expect("the brokers start");
    let mut installation = Installation::new(Brokers::Own(Box::new(cluster)));
    installation.start(2).await;
    let mut run = Run::begin(installation, rate).await;
    let mut fates = Fates::new(seed, brokers);
    let begun = Instant::now();
    let killed = |run: &Run| {
        let faults = &run.installation.faults;
        faults.count(Kind::Kill) + faults.count(Kind::Wipe)
    };
    while killed(&run) < kills || begun.elapsed() < at_least {
        fates.next(&mut run.installation).await;
    }
    fates.mend_all(&mut run.installation);

    let mut table = Table::default();
    table.row("seed", seed);
    let findings = run.end(&mut table).await;
    println!("{table}");
    all_is_well(&findings);
    assert!(
        findings.completions > 1000,
        "too little load to prove anything"
    );
}
