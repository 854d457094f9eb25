//! Kafka forgets the positions of a group that is away for long. No completion may be
//! emitted again for that.

use std::collections::BTreeSet;

use triggerfish_log::{Appender as _, NewRecord, Partition};
use triggerfish_runtime::Error;

use crate::world::{Asked, LIFETIME, World, eventually};

async fn expire(world: &World, count: usize) {
    world.clock.wait(LIFETIME);
    eventually("all are expired", async || {
        world.wake.notify_one();
        world.completions().await.len() >= count
    })
    .await;
}

#[tokio::test]
async fn a_group_that_lost_its_positions_goes_on_after_its_last_completions() {
    let world = World::new().await;
    let running = world.worker(world.appender.clone()).await;
    for key in 0..6 {
        world.request(&Asked::new(0, key)).await;
    }
    expire(&world, 6).await;
    running.stop().await;
    world.request(&Asked::new(0, 6)).await;
    world.request(&Asked::new(1, 7)).await;
    let folder = world.views().join("a");
    std::fs::remove_dir_all(folder).unwrap();
    let running = world.worker_of("forgotten", world.appender.clone()).await;
    expire(&world, 8).await;
    running.stop().await;
    let completions = world.completions().await;
    let id = |completion: &serde_json::Value| completion["id"].to_string();
    let ids: BTreeSet<String> = completions.iter().map(id).collect();
    assert_eq!((ids.len(), completions.len()), (8, 8));
}

#[tokio::test]
async fn without_proof_of_how_far_it_came_a_group_does_not_begin() {
    let world = World::new().await;
    let foreign = NewRecord {
        topic: world.topics.completions.clone(),
        partition: Partition(1),
        key: None,
        value: Some("{}".into()),
        headers: Vec::new(),
    };
    world.appender.append(vec![foreign]).await.unwrap();
    let consumer = world.role(world.appender.clone());
    let ended = world.member("a", "forgotten", vec![consumer]).await.ended();
    let Err(error @ Error::Restore { .. }) = ended.await else {
        panic!("it began");
    };
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("--reset-offsets"), "{cause}");
}
