//! Partitions go from one worker to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use triggerfish_log::{Assigned, Committed, Offset, Partition, Polled, Revoking};

use crate::slow_disk::SlowDisk;
use crate::world::{Note, PATIENCE, Running, World, eventually};

/// Longer than a test waits.
const FOREVER: Duration = Duration::from_hours(1);

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

#[tokio::test]
async fn a_partition_goes_when_what_was_begun_for_it_has_ended() {
    let world = World::new(2).await;
    let first = world.worker("a").await;
    let runs = async |worker: &Running, count| worker.handle.running().borrow().len() == count;
    eventually("the first has all", async || runs(&first, 2).await).await;
    world.is_busy.store(true, Ordering::Relaxed);
    let second = world.worker("b").await;
    eventually("one is to leave", async || runs(&first, 1).await).await;
    let stays = *first.handle.running().borrow().first().unwrap();
    world.complete_some(stays.0, 0..3).await;
    world.wait_for_completions(3).await;
    let is_released =
        |(name, note): &(&str, Note)| matches!(note, Note::Released(_)) && *name == "a";
    assert!(!world.notes.has(is_released), "nothing is cut off");
    assert!(runs(&second, 0).await);
    world.is_busy.store(false, Ordering::Relaxed);
    eventually("it has moved", async || runs(&second, 1).await).await;
    first.stop().await;
    second.stop().await;
    check_order(&world);
}

#[tokio::test]
async fn what_takes_too_long_is_cut_off() {
    let mut world = World::new(2).await;
    (world.drain_timeout, world.hand_over_wait) = (FOREVER, Duration::from_millis(100));
    let first = world.worker("a").await;
    let runs = async |worker: &Running, count| worker.handle.running().borrow().len() == count;
    eventually("the first has all", async || runs(&first, 2).await).await;
    world.is_busy.store(true, Ordering::Relaxed);
    let second = world.worker("b").await;
    eventually("it has moved", async || runs(&second, 1).await).await;
    assert!(world.is_busy.swap(false, Ordering::Relaxed));
    first.stop().await;
    second.stop().await;
    check_order(&world);
}

#[tokio::test]
async fn a_hand_over_of_what_was_lost_meanwhile_takes_nothing_away_later() {
    let world = World::new(1).await;
    let worker = world.worker("a").await;
    let runs = async |count| worker.handle.running().borrow().len() == count;
    eventually("it has the partition", async || runs(1).await).await;
    world.complete_some(0, 0..3).await;
    world.wait_for_completions(3).await;

    world.is_busy.store(true, Ordering::Relaxed);
    let is_released = Arc::new(AtomicBool::new(false));
    let release = {
        let is_released = Arc::clone(&is_released);
        move || is_released.store(true, Ordering::Relaxed)
    };
    let later = Instant::now() + PATIENCE;
    let revoking = Revoking::new(vec![Partition(0)], later, release);
    let tell = |news| world.log.tell.send(news).unwrap();
    tell(Polled::Revoking(revoking));
    eventually("it is to leave", async || runs(0).await).await;
    tell(Polled::Lost(vec![Partition(0)]));
    let end = world.read_all(&world.topics.invocation_log, 0).await.len();
    let committed = Committed {
        offset: Offset(end as u64),
        metadata: Bytes::new(),
    };
    tell(Polled::Assigned(vec![Assigned {
        partition: Partition(0),
        committed: Some(committed),
    }]));
    eventually("it has the partition again", async || runs(1).await).await;
    assert!(is_released.load(Ordering::Relaxed));

    world.is_busy.store(false, Ordering::Relaxed);
    world.complete_some(0, 3..6).await;
    world.wait_for_completions(6).await;
    assert!(runs(1).await);
    worker.stop().await;
    check_order(&world);
}

/// The work of a restore that is given up goes on, and holds the view.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_an_earlier_restore_still_holds_is_waited_for() {
    const FOLD: usize = 2;
    const OPEN_ANEW: usize = 3;
    let mut world = World::new(1).await;
    let first = world.worker("a").await;
    world.complete_some(0, 0..3).await;
    world.wait_for_completions(3).await;
    first.stop().await;
    std::fs::remove_dir_all(world.views("a")).unwrap();

    let disk = SlowDisk::that_holds(FOLD);
    world.disk = Some(Arc::clone(&disk) as _);
    world.log.tell_the_next();
    let worker = world.worker("a").await;
    eventually("it folds", async || disk.come() == FOLD).await;
    let end = world.read_all(&world.topics.invocation_log, 0).await.len();
    let committed = Committed {
        offset: Offset(end as u64),
        metadata: Bytes::new(),
    };
    let tell = |news| world.log.tell.send(news).unwrap();
    tell(Polled::Lost(vec![Partition(0)]));
    tell(Polled::Assigned(vec![Assigned {
        partition: Partition(0),
        committed: Some(committed),
    }]));
    eventually(
        "it tries to open the view and tries once more",
        async || disk.come() > OPEN_ANEW,
    )
    .await;
    disk.let_go();
    worker.until_ready(true).await;
    world.complete_some(0, 3..6).await;
    world.wait_for_completions(6).await;
    worker.stop().await;
    world.digests("a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stood_still_does_nothing_from_before_the_news() {
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
    let acts = world.acts_after_stall.load(Ordering::Relaxed);
    assert_eq!(acts, 0, "it acts for what it has lost");
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
