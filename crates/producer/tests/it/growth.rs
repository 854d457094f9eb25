//! The invocation log grows: ids across the growth.

use std::time::Duration;

use triggerfish_api::ports::{Ingest as _, Start, StartIdentity};
use triggerfish_core::Timestamp;
use triggerfish_log::EventLog as _;
use triggerfish_producer::PartitionsError;
use triggerfish_registry::Growth;

use crate::world::{PARTITIONS, TRIGGER, World, eventually, start};

const GROWN: u16 = 16;

fn keyed(n: u32) -> Start {
    Start {
        identity: StartIdentity::Key {
            scope: "me".to_owned(),
            key: n.to_string(),
        },
        ..start(r#"{"a":1}"#)
    }
}

#[tokio::test]
async fn a_key_from_before_a_growth_finds_what_it_started() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let ingest = world.ingest().await;
    let mut before = Vec::new();
    for n in 0..20 {
        before.push(ingest.start(keyed(n)).await.unwrap());
    }
    world.grow(GROWN).await;
    for (n, before) in (0..20).zip(before) {
        let again = ingest.start(keyed(n)).await.unwrap();
        assert_eq!(again, before, "the same ids and secrets");
    }
    assert_eq!(world.requests().await.len(), 20, "nothing else started");
    let mut places = Vec::new();
    for n in 20..60 {
        let started = ingest.start(keyed(n)).await.unwrap();
        assert_eq!(ingest.start(keyed(n)).await.unwrap(), started);
        places.push(started[0].id.partition());
    }
    assert!(places.iter().any(|place| *place >= PARTITIONS));
}

/// The new partitions are with nobody yet: the group hears of them later.
#[tokio::test]
async fn a_growth_that_does_not_count_yet_refuses_no_key() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let ingest = world.ingest().await;
    world.announce_growth(GROWN).await;
    for n in 0..20 {
        let started = ingest.start(keyed(n)).await.unwrap();
        assert!(started[0].id.partition() < PARTITIONS);
        assert_eq!(ingest.start(keyed(n)).await.unwrap(), started);
    }
}

#[tokio::test]
async fn an_event_from_before_a_growth_makes_the_id_it_had() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let event = |n: u32, time: Timestamp| {
        format!(r#"{{"triggerId":"{TRIGGER}","id":"{n}","time":"{time}","input":{{"a":1}}}}"#)
    };
    let past = Timestamp::parse("2020-01-01T00:00:00Z").unwrap();
    let reading = world.upstream().await;
    for n in 0..20 {
        world.produce(event(n, past), &[]).await;
    }
    eventually("all are started", async || {
        world.requests().await.len() == 20
    })
    .await;
    let ids = async || {
        let requests = world.requests().await;
        let ids = requests.into_iter().map(|(id, _)| id);
        ids.collect::<std::collections::BTreeSet<_>>()
    };
    let before = ids().await;
    world.grow(GROWN).await;
    for n in 0..20 {
        world.produce(event(n, past), &[]).await;
    }
    let now = Timestamp::from_millis(4_000_000_000_000);
    for n in 20..60 {
        world.produce(event(n, now), &[]).await;
    }
    eventually("all are read", async || world.requests().await.len() == 80).await;
    let after = ids().await;
    assert_eq!(after.len(), 60, "the first 20 are the same invocations");
    assert!(after.is_superset(&before));
    assert!(after.iter().any(|id| id.partition() >= PARTITIONS));
    reading.end().await;
}

#[tokio::test]
async fn a_record_that_is_read_again_after_a_growth_makes_the_id_it_had() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let ids = async || {
        let requests = world.requests().await;
        let ids = requests.into_iter().map(|(id, _)| id);
        ids.collect::<std::collections::BTreeSet<_>>()
    };
    let reading = world.upstream().await;
    for n in 0..20 {
        // One has no time, the other one that is yet to come.
        let time = ["", r#","time":"2100-01-01T00:00:00Z""#][n % 2];
        let event = format!(r#"{{"triggerId":"{TRIGGER}","input":{{"a":1}}{time}}}"#);
        world.produce(event, &[]).await;
    }
    let count = async || world.requests().await.len();
    eventually("all are started", async || count().await == 20).await;
    let before = ids().await;
    world.grow(GROWN).await;
    let again = world.upstream_of("others").await;
    eventually("all are read again", async || count().await == 40).await;
    assert_eq!(ids().await, before);
    again.end().await;
    reading.end().await;
}

#[tokio::test]
async fn of_several_processes_that_see_a_growth_the_first_counts() {
    let world = World::new().await;
    let notice = Duration::from_hours(1);
    world.partition_watch(notice).record().await.unwrap();
    assert_eq!(world.registry.snapshot().growths().len(), 1, "none is new");
    world.grow(4).await;
    let watches = (0..4).map(|_| world.partition_watch(notice));
    world.grow_topics(8).await;
    let recorded = watches.map(|watch| async move { watch.record().await });
    for recorded in futures::future::join_all(recorded).await {
        recorded.unwrap();
    }
    let growths = world.registry.snapshot().growths().to_vec();
    let counts: Vec<u16> = growths.iter().map(|growth| growth.partitions).collect();
    assert_eq!(counts, [PARTITIONS, 4, 8]);
    assert_eq!(growths[0].since, Timestamp::EPOCH);
    // A log with fewer partitions than the registry knows is another log.
    let more = Growth {
        since: growths[2].since.after(notice),
        partitions: 9,
    };
    world.registry.grow_partitions(more).await.unwrap();
    let refused = world.partition_watch(notice).record().await.unwrap_err();
    assert!(
        matches!(
            refused,
            PartitionsError::Shrunk {
                partitions: 8,
                known: 9,
                ..
            }
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn results_have_a_place_before_a_growth_counts() {
    let world = World::new().await;
    world.grow_invocation_log(GROWN).await;
    let watch = world.partition_watch(Duration::from_hours(1));
    watch.record().await.unwrap();
    let completions = world.log.partitions(&world.topics.completions).await;
    assert_eq!(completions.unwrap(), u32::from(GROWN));
}
