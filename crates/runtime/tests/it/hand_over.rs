//! Partitions go from one worker to another.

use std::time::Duration;

use triggerfish_log::{Partition, Polled};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stood_still_answers_nothing_from_before_the_news() {
    let world = World::new(1).await;
    let worker = world.worker("a").await;
    eventually("it runs", async || {
        worker.handle.snapshots().await.len() == 1
    })
    .await;
    assert!(worker.handle.running().borrow().contains(&Partition(0)));
    let id = world.request(0, 1).await;
    *world.stall.lock().unwrap() = Some(Duration::from_millis(4_200));
    eventually("it stands still", async || {
        world.stall.lock().unwrap().is_none()
    })
    .await;
    // Meanwhile another has the partition; the questions come with the news.
    let asked: Vec<_> = (0..50)
        .map(|_| {
            let handle = worker.handle.clone();
            tokio::spawn(async move { handle.get(Partition(0), id.key()).await })
        })
        .collect();
    world
        .log
        .tell
        .send(Polled::Lost(vec![Partition(0)]))
        .unwrap();
    for answer in asked {
        let answer = answer.await.unwrap();
        assert!(answer.is_err(), "it tells what it has lost: {answer:?}");
    }
    assert!(worker.handle.running().borrow().is_empty());
    worker.stop().await;
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
