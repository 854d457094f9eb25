//! Partitions go from one worker to another.

use crate::world::{Note, World, eventually};

#[tokio::test]
async fn a_partition_is_released_before_the_other_worker_acts_for_it() {
    let world = World::new(4).await;
    let first = world.worker("a").await;
    eventually("the first has all", async || {
        first.handle.snapshots().await.len() == 4
    })
    .await;
    let mut total = 0;
    for partition in 0..4 {
        world.complete_some(partition, 0..3).await;
        total += 3;
    }
    let second = world.worker("b").await;
    for partition in 0..4 {
        world.complete_some(partition, 10..13).await;
        total += 3;
    }
    eventually("half of them have moved", async || {
        second.handle.snapshots().await.len() == 2
    })
    .await;
    for partition in 0..4 {
        world.complete_some(partition, 20..23).await;
        total += 3;
    }
    world.wait_for_completions(total).await;
    check_order(&world);
    first.stop().await;
    eventually("the second has all", async || {
        second.handle.snapshots().await.len() == 4
    })
    .await;
    for partition in 0..4 {
        world.complete_some(partition, 30..33).await;
        total += 3;
    }
    world.wait_for_completions(total).await;
    second.stop().await;
    check_order(&world);
    world.digests("b").await;
}

/// At any moment at most one worker acts for a partition.
fn check_order(world: &World) {
    let mut owner = [None; 4];
    for (name, note) in world.notes.all() {
        match note {
            Note::Opened(partition, _) => {
                let before = owner[partition as usize].replace(name);
                assert_eq!(before, None, "{name} has {partition}, too");
            }
            Note::Released(partition) => {
                let owner = &mut owner[partition as usize];
                if *owner == Some(name) {
                    *owner = None;
                }
            }
            Note::Applied(partition, _) => {
                assert_eq!(
                    owner[partition as usize],
                    Some(name),
                    "acts for {partition}"
                );
            }
        }
    }
}
