//! Processes that go away, with a word or without.

use std::time::Duration;

use triggerfish_api::ports::Invocations as _;
use triggerfish_log::{EventLog, Limit, Offset, Partition, Reader};

use crate::{
    office::{all, listed, requests, until_shared},
    world::{World, complete, eventually, report},
};

/// Whether the last word of a process is that it is gone.
async fn is_off_the_topic(world: &World, name: &str) -> bool {
    let mut reader = world.log.open_reader().await.unwrap();
    let topic = &world.topics.workers;
    let page = reader.read(topic, Partition(0), Offset::ZERO, Limit::default());
    let mut records = page.await.unwrap().records.into_iter();
    let last = records.rfind(|record| record.key.as_deref() == Some(name.as_bytes()));
    last.is_none_or(|record| record.value.is_none())
}

#[tokio::test]
async fn while_an_owner_is_away_its_part_is_missed_by_name() {
    let world = World::new().await;
    let (owner, producer) = (
        world.consumer("owner").await,
        world.producer("producer").await,
    );
    until_shared(&producer, &[("owner", 2), ("producer", 0)]).await;
    let ids = requests(&world, 0..2).await;
    assert!(producer.status.get(ids[0]).await.unwrap().is_some());
    owner.kill().await;

    let refused = producer.status.get(ids[0]).await.unwrap_err();
    assert!(refused.reason.contains("partition 0 "), "{refused}");
    assert!(refused.retry_after > Duration::ZERO);
    let refused = producer.status.list(all()).await.unwrap_err();
    assert!(refused.reason.contains("partitions 0, 1 "), "{refused}");
    assert!(producer.status.pending().await.is_err());
    let late = complete(&producer.status, ids[1], report(None, None)).await;
    assert!(late.unwrap_err().reason.contains("partition 1 "));

    let heir = world.consumer("heir").await;
    eventually("the heir answers", async || {
        listed(&producer, all()).await == Ok((vec![ids[1], ids[0]], 2))
    })
    .await;
    // The completion that was refused was not appended.
    assert!(
        producer
            .status
            .get(ids[1])
            .await
            .unwrap()
            .unwrap()
            .is_open()
    );
    heir.stop().await;
    producer.stop().await;
}

#[tokio::test]
async fn who_takes_leave_is_asked_nothing_more_and_a_question_waits_for_the_heir() {
    let world = World::new().await;
    let (owner, producer) = (
        world.consumer("owner").await,
        world.producer("producer").await,
    );
    until_shared(&producer, &[("owner", 2), ("producer", 0)]).await;
    let ids = requests(&world, 0..4).await;
    let heir = world.consumer("heir").await;
    until_shared(&producer, &[("heir", 1), ("owner", 1), ("producer", 0)]).await;
    let asking = async {
        for _ in 0..30 {
            for id in &ids {
                assert!(producer.status.get(*id).await.unwrap().is_some());
            }
            assert_eq!(listed(&producer, all()).await.unwrap().1, 4);
        }
    };
    // No question fails, as the hand-over is shorter than anybody waits.
    tokio::join!(asking, owner.stop());
    assert!(is_off_the_topic(&world, "owner").await);
    until_shared(&producer, &[("heir", 2), ("producer", 0)]).await;
    heir.stop().await;
    producer.stop().await;
}

#[tokio::test]
async fn who_was_silent_for_long_is_taken_off_the_topic() {
    let world = World::new().await;
    let (gone, left) = (world.producer("gone").await, world.producer("left").await);
    until_shared(&left, &[("gone", 0), ("left", 0)]).await;
    gone.kill().await;
    left.stop().await;
    // By now the last words are old, by any clock.
    world.clock.wait(Duration::from_hours(24 * 365 * 50));
    let young = world.producer("young").await;
    until_shared(&young, &[("young", 0)]).await;
    eventually("it is taken off", async || {
        is_off_the_topic(&world, "gone").await
    })
    .await;
    young.stop().await;
}
