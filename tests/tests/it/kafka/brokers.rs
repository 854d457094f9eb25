//! Brokers that go: of three one, which the others carry on without, and the only one, which
//! holds nobody's end up.

use std::time::{Duration, Instant};

use triggerfish_test_broker::{Cluster, Settings};
use triggerfish_tests::kafka::{Brokers, Installation, Kind, Table};
use triggerfish_tests::{Random, holds};

use super::chaos::{RATE, SEED};
use super::ending::{Run, all_is_well};
use super::{from_environment, turn};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_may_go() {
    let Some(_turn) = turn("the loss of one of three brokers").await else {
        return;
    };
    let seed = from_environment("CHAOS_SEED", SEED);
    let rate = from_environment("CHAOS_RATE", RATE / 2);
    let mut random = Random::new(seed);
    let settings = Settings {
        nodes: 3,
        ..Settings::default()
    };
    let cluster = Cluster::start(settings).expect("three brokers start");
    let mut installation = Installation::new(Brokers::Own(Box::new(cluster)));
    installation.start(1).await;
    let run = Run::begin(installation, rate).await;

    let node = 1 + u16::try_from(random.below(3)).expect("small");
    let from = Instant::now();
    tokio::task::block_in_place(|| run.installation.brokers.kill(node)).expect("it runs");
    // They go on with two, which is what copies are for.
    for _ in 0..2 {
        let (completed, accepted) = (run.completions(), run.load.accepted());
        holds("events are accepted and completed with two brokers", || {
            run.completions() > completed + 100 && run.load.accepted() > accepted + 100
        })
        .await;
    }
    let alone = from.elapsed();
    tokio::task::block_in_place(|| run.installation.brokers.restart(node)).expect("it starts");
    let faults = run.installation.faults.clone();
    faults.add(Kind::Broker, String::new(), from, Instant::now());
    let completed = run.completions();
    holds("it goes on with three", || {
        run.completions() > completed + 100
    })
    .await;

    let mut table = Table::default();
    table.row("seed", seed);
    table.row("broker that was killed", node);
    table.row("200 events with two brokers within", format!("{alone:.1?}"));
    let findings = run.end(&mut table).await;
    println!("{table}");
    all_is_well(&findings);
    assert!(
        alone < Duration::from_secs(30),
        "{alone:?} without progress"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_end_in_good_order_while_the_broker_says_nothing() {
    const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
    let Some(_turn) = turn("processes that end without a broker").await else {
        return;
    };
    let cluster = Cluster::start(Settings::default()).expect("a broker starts");
    let mut installation = Installation::new(Brokers::Own(Box::new(cluster)))
        .variable("SHUTDOWN__DRAIN_TIMEOUT", "PT2S");
    installation.start(1).await;
    let mut run = Run::begin(installation, RATE / 4).await;

    let from = Instant::now();
    run.installation.brokers.pause(1).expect("it runs");
    let accepted = run.load.accepted();
    for worker in &mut run.installation.workers {
        let asked = Instant::now();
        worker.stop().await;
        assert!(
            asked.elapsed() < DRAIN_TIMEOUT + Duration::from_secs(10),
            "{} took {:?}",
            worker.name,
            asked.elapsed()
        );
    }
    run.installation.brokers.resume(1).expect("it is there");
    for worker in &mut run.installation.workers {
        worker.launch();
    }
    let faults = run.installation.faults.clone();
    faults.add(Kind::Broker, String::new(), from, Instant::now());
    holds("events are accepted again", || {
        run.load.accepted() > accepted + 100
    })
    .await;
    let mut table = Table::default();
    let findings = run.end(&mut table).await;
    println!("{table}");
    all_is_well(&findings);
}
