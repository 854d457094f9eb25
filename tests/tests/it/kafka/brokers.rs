//! Brokers that go: of three one, which the others carry on without, and the only one, which
//! holds nobody's end up.

use std::time::{Duration, Instant};

use triggerfish_test_broker::{Cluster, Settings, tool};
use triggerfish_tests::kafka::{Brokers, Installation, Kind, Table};
use triggerfish_tests::{Random, eventually, holds};

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

    let first = random.below(3);
    let mut times = Vec::new();
    for round in 0..from_environment("CHAOS_BROKERS", 1) {
        let node = 1 + u16::try_from((first + round) % 3).expect("small");
        let alone = without(&run, node).await;
        times.push(format!("{node}: {alone:.1?}"));
        assert!(
            alone < Duration::from_secs(30),
            "{alone:?} without progress"
        );
    }

    let mut table = Table::default();
    table.row("seed", seed);
    table.row("200 events without broker", times.join(", "));
    let findings = run.end(&mut table).await;
    println!("{table}");
    all_is_well(&findings);
}

/// Kills a broker, waits until things go on without it, and then with it again. How long it took
/// without.
async fn without(run: &Run, node: u16) -> Duration {
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
    eventually("all copies are there again", async || {
        let brokers = &run.installation.brokers;
        let servers = brokers.bootstrap();
        let asked = [
            "--bootstrap-server",
            &servers,
            "--describe",
            "--under-replicated-partitions",
        ];
        let said = tokio::task::block_in_place(|| brokers.tool(tool::TOPICS, &asked).output());
        let said = said.expect("Kafka's own tool runs");
        (said.status.success() && said.stdout.trim_ascii().is_empty()).then_some(())
    })
    .await;
    alone
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
