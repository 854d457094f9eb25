//! Any process answers, whichever owns the partition.

use std::time::{Duration, Instant};

use bytes::Bytes;
use triggerfish_api::ports::{Invocations, ListQuery, Verdict};
use triggerfish_core::{InvocationId, InvocationKey};
use triggerfish_log::{Appender, EventLog, NewRecord, Partition};
use triggerfish_runtime::{Clock, Retention};

use crate::{
    office::{all, listed, requests, until_shared},
    world::{Asked, PARTITIONS, World, complete, eventually, keys, report},
};

#[tokio::test]
async fn every_process_gives_the_same_answers() {
    let world = World::new().await;
    let (one, two) = (world.consumer("one").await, world.consumer("two").await);
    let neither = world.producer("neither").await;
    for office in [&one, &two, &neither] {
        until_shared(office, &[("neither", 0), ("one", 1), ("two", 1)]).await;
    }
    let ids = requests(&world, 0..10).await;
    let output = Some(r#"{"approved":true}"#);
    for (id, office) in ids.iter().zip([&neither, &neither, &one, &one, &two, &two]) {
        let verdict = complete(&office.status, *id, report(output, None)).await;
        assert_eq!(verdict, Ok(Verdict::Accepted));
        let again = complete(&neither.status, *id, report(output, None)).await;
        assert_eq!(again, Ok(Verdict::Repeated));
    }
    let newest_first: Vec<_> = ids.iter().rev().copied().collect();
    let unknown = InvocationId::new(world.clock.now(), 0, InvocationKey(99));
    for office in [&one, &two, &neither] {
        for id in &ids {
            let found = office.status.get(*id).await.unwrap().unwrap();
            let expected = one.status.get(*id).await.unwrap().unwrap();
            assert_eq!(found, expected);
        }
        assert_eq!(office.status.get(unknown).await, Ok(None));
        let open = ListQuery {
            open_only: true,
            limit: 3,
            ..all()
        };
        assert_eq!(listed(office, all()).await, Ok((newest_first.clone(), 10)));
        assert_eq!(
            listed(office, open).await,
            Ok((newest_first[..3].to_vec(), 4))
        );
        eventually("nothing is pending", async || {
            office.status.pending().await.unwrap()[0].count == 0
        })
        .await;
    }
    for office in [one, two, neither] {
        office.stop().await;
    }
}

#[tokio::test]
async fn what_was_acknowledged_a_moment_ago_is_found_by_all() {
    let world = World::new().await;
    let (owner, producer) = (
        world.consumer("owner").await,
        world.producer("producer").await,
    );
    until_shared(&producer, &[("owner", 2), ("producer", 0)]).await;
    for id in requests(&world, 0..40).await {
        assert!(producer.status.get(id).await.unwrap().is_some());
    }
    owner.stop().await;
    producer.stop().await;
}

#[tokio::test]
async fn two_that_claim_one_partition_double_no_row() {
    let world = World::new().await;
    let (owner, producer) = (
        world.consumer("owner").await,
        world.producer("producer").await,
    );
    // It folds the same log, so it really answers for the same partitions.
    let double = world.owner("double", "others", Vec::new()).await;
    until_shared(&producer, &[("double", 2), ("owner", 2), ("producer", 0)]).await;
    let mut ids = requests(&world, 0..6).await;
    ids.reverse();
    let last = producer.status.get(ids[0]).await.unwrap();
    assert!(last.is_some());
    eventually("both have folded all", async || {
        producer.status.pending().await.unwrap()[0].count == 0
    })
    .await;
    for _ in 0..5 {
        assert_eq!(listed(&producer, all()).await, Ok((ids.clone(), 6)));
    }
    // The one that claimed last goes away without a word: the other is asked.
    double.kill().await;
    assert_eq!(listed(&producer, all()).await, Ok((ids.clone(), 6)));
    assert!(producer.status.get(ids[0]).await.unwrap().is_some());
    owner.stop().await;
    producer.stop().await;
}

/// Somebody who is not there claims all partitions.
async fn claim_all(world: &World, name: &'static str, url: &str) {
    let announcement = format!(
        r#"{{"instance":"{name}","roles":["completion-consumer"],"url":"{url}",
            "started":"2026-05-03T18:21:39Z","version":"1","partitions":[
            {{"partition":0,"since":"2026-05-03T18:21:39Z"}},
            {{"partition":1,"since":"2026-05-03T18:21:39Z"}}]}}"#
    );
    let record = NewRecord {
        topic: world.topics.workers.clone(),
        partition: Partition(0),
        key: Some(Bytes::from_static(name.as_bytes())),
        value: Some(announcement.into()),
        headers: Vec::new(),
    };
    world.appender.append(vec![record]).await.unwrap();
}

#[tokio::test]
async fn a_later_claim_by_one_that_does_not_own_it_delays_nobody_for_long() {
    let world = World::new().await;
    let (owner, producer) = (
        world.consumer("owner").await,
        world.producer("producer").await,
    );
    until_shared(&producer, &[("owner", 2), ("producer", 0)]).await;
    let ids = requests(&world, 0..2).await;
    // One cannot be reached, the other says that it is not its.
    let innocent = world.producer("innocent").await;
    claim_all(&world, "gone", "http://127.0.0.1:1").await;
    claim_all(&world, "innocent-claim", &innocent.url).await;
    until_shared(
        &producer,
        &[
            ("gone", 2),
            ("innocent", 0),
            ("innocent-claim", 2),
            ("owner", 2),
            ("producer", 0),
        ],
    )
    .await;
    let began = Instant::now();
    for office in [&producer, &owner] {
        assert!(office.status.get(ids[0]).await.unwrap().is_some());
        assert_eq!(listed(office, all()).await.unwrap().1, 2);
    }
    assert!(began.elapsed() < Duration::from_secs(2));
    for office in [owner, producer, innocent] {
        office.stop().await;
    }
}

#[tokio::test]
async fn a_process_with_other_keys_is_told_nothing() {
    let world = World::new().await;
    let owner = world.consumer("owner").await;
    let stranger = world.office("stranger", "producer", None, keys(2)).await;
    until_shared(&stranger, &[("owner", 2), ("stranger", 0)]).await;
    let ids = requests(&world, 0..1).await;
    assert!(owner.status.get(ids[0]).await.unwrap().is_some());
    let refused = stranger.status.get(ids[0]).await.unwrap_err();
    assert!(refused.reason.contains("partition 0 "), "{refused}");
    assert!(stranger.status.list(all()).await.is_err());
    owner.stop().await;
    stranger.stop().await;
}

#[tokio::test]
async fn partitions_may_be_added_while_all_run() {
    let world = World::new().await;
    let (owner, producer) = (
        world.consumer("owner").await,
        world.producer("producer").await,
    );
    until_shared(&producer, &[("owner", 2), ("producer", 0)]).await;
    let ids = requests(&world, 0..2).await;
    let day = Duration::from_hours(24);
    let retention = Retention {
        log: day,
        outputs: day,
    };
    let specs = world.topics.specs(PARTITIONS + 1, retention);
    world.log.ensure_topics(&specs).await.unwrap();
    let new = world.request(&Asked::new(2, 7)).await;
    eventually("the new partition is served", async || {
        producer
            .status
            .get(new)
            .await
            .is_ok_and(|found| found.is_some())
    })
    .await;
    let done = complete(&producer.status, new, report(None, None)).await;
    assert_eq!(done, Ok(Verdict::Accepted));
    for office in [&producer, &owner] {
        eventually("lists have it too", async || {
            listed(office, all()).await == Ok((vec![new, ids[1], ids[0]], 3))
        })
        .await;
    }
    owner.stop().await;
    producer.stop().await;
}

#[tokio::test]
async fn a_list_that_does_not_fit_into_one_answer_is_fetched_in_pieces() {
    let world = World::new().await;
    let (owner, producer) = (
        world.consumer("owner").await,
        world.producer("producer").await,
    );
    until_shared(&producer, &[("owner", 2), ("producer", 0)]).await;
    let mut ids = Vec::new();
    for key in 0..24 {
        let asked = Asked {
            input_bytes: 900_000,
            ..Asked::new(u16::try_from(key % 2).unwrap(), key)
        };
        ids.push(world.request(&asked).await);
    }
    ids.reverse();
    assert!(producer.status.get(ids[0]).await.unwrap().is_some());
    assert!(producer.status.get(ids[1]).await.unwrap().is_some());
    assert_eq!(listed(&producer, all()).await, Ok((ids.clone(), 24)));
    let few = ListQuery { limit: 15, ..all() };
    assert_eq!(listed(&producer, few).await, Ok((ids[..15].to_vec(), 24)));
    owner.stop().await;
    producer.stop().await;
}
