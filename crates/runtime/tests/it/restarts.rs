//! Ends at any moment, and what comes after.

use std::time::Duration;

use triggerfish_log::{Assigned, Committed, Offset, Partition, Polled};
use triggerfish_runtime::{Clock as _, NotOwned, SystemClock};

use crate::seams::Fate;
use crate::world::{Note, World, eventually};

const P0: Partition = Partition(0);

#[tokio::test]
async fn outputs_are_emitted_once_whatever_moment_the_end_comes_at() {
    for (passing, fate) in [
        (0, Fate::HangsBefore),
        (0, Fate::HangsAfter),
        (1, Fate::HangsBefore),
        (1, Fate::HangsAfter),
        (3, Fate::HangsAfter),
    ] {
        let world = World::new(1).await;
        {
            let mut fates = world.log.fates.lock().unwrap();
            fates.extend(vec![Fate::Passes; passing]);
            fates.push_back(fate);
        }
        let worker = world.worker("a").await;
        let mut hanging = world.log.hanging.subscribe();
        let mut next = 0;
        // One at a time, so that each has a commit of its own.
        while *hanging.borrow_and_update() == 0 {
            world.complete_some(0, next..next + 1).await;
            next += 1;
            let expected = usize::try_from(next).unwrap();
            eventually("emitted, or the commit hangs", async || {
                *world.log.hanging.borrow() > 0 || world.completions().await.len() >= expected
            })
            .await;
        }
        worker.kill().await;
        world.complete_some(0, next..next + 2).await;
        let worker = world.worker("a").await;
        let expected = usize::try_from(next + 2).unwrap();
        world.wait_for_completions(expected).await;
        worker.stop().await;
        world.digests("a").await;
    }
}

#[tokio::test]
async fn kills_in_a_row_lose_and_repeat_nothing() {
    let world = World::new(2).await;
    let mut next = 0;
    for _ in 0..6 {
        let worker = world.worker("a").await;
        world.complete_some(0, next..next + 3).await;
        world.complete_some(1, next..next + 3).await;
        next += 3;
        // Killed somewhere on the way: now and then before anything was folded.
        let enough = usize::try_from(next).unwrap();
        if next % 2 == 0 {
            eventually("half of them", async || {
                world.completions().await.len() >= enough
            })
            .await;
        }
        worker.kill().await;
    }
    let worker = world.worker("a").await;
    world
        .wait_for_completions(usize::try_from(next * 2).unwrap())
        .await;
    worker.stop().await;
    world.digests("a").await;
}

#[tokio::test]
async fn a_view_that_was_deleted_comes_back_the_same() {
    let world = World::new(2).await;
    let worker = world.worker("a").await;
    world.request(0, 1).await;
    world.complete_some(0, 10..20).await;
    let open = world.request(1, 2).await;
    world.wait_for_completions(10).await;
    eventually("the one that stays open is folded", async || {
        matches!(
            worker.handle.get(Partition(1), open.key()).await,
            Ok(Some(_))
        )
    })
    .await;
    worker.stop().await;
    let before = world.digests("a").await;
    std::fs::remove_dir_all(world.views("a")).unwrap();
    let worker = world.worker("a").await;
    eventually("both partitions run", async || {
        worker.handle.snapshots().await.len() == 2
    })
    .await;
    worker.stop().await;
    assert_eq!(world.digests("a").await, before);
    world.wait_for_completions(10).await;
}

#[tokio::test]
async fn a_request_that_came_twice_is_not_new_to_a_rebuild() {
    let world = World::new(1).await;
    let worker = world.worker("a").await;
    let first = world.request(0, 1).await;
    world.complete(first).await;
    world.request(0, 2).await;
    world.request(0, 1).await;
    // So much later that the first is not kept any more, while the second is open.
    let later = SystemClock.now().after(Duration::from_hours(2));
    let last = world.request_at(later, 0, 3).await;
    eventually("the last is folded", async || {
        matches!(worker.handle.get(P0, last.key()).await, Ok(Some(_)))
    })
    .await;
    worker.stop().await;
    let before = world.digests("a").await;
    std::fs::remove_dir_all(world.views("a")).unwrap();
    let worker = world.worker("a").await;
    eventually("the partition runs", async || {
        worker.handle.snapshots().await.len() == 1
    })
    .await;
    assert_eq!(worker.handle.get(P0, first.key()).await, Ok(None));
    worker.stop().await;
    assert_eq!(world.digests("a").await, before);
    world.wait_for_completions(1).await;
}

#[tokio::test]
async fn nothing_acts_before_the_fold_has_seen_what_was_in_the_log() {
    let world = World::new(1).await;
    let ids = [world.request(0, 1).await, world.request(0, 2).await];
    let last = world.complete(ids[0]).await;
    let worker = world.worker("a").await;
    world.wait_for_completions(1).await;
    let later = world.request(0, 3).await;
    eventually("the next is applied", async || {
        world
            .notes
            .has(|(_, note)| *note == Note::Applied(0, later.key()))
    })
    .await;
    let notes: Vec<_> = world
        .notes
        .all()
        .into_iter()
        .map(|(_, note)| note)
        .collect();
    let Note::Opened(0, position) = notes[0] else {
        panic!("something was applied before: {notes:?}");
    };
    assert!(position > last.0, "opened at {position}, {last} was there");
    let early = notes[1..]
        .iter()
        .any(|note| ids.iter().any(|id| *note == Note::Applied(0, id.key())));
    assert!(!early, "those were in the view when it opened: {notes:?}");
    worker.stop().await;
}

#[tokio::test]
async fn a_partition_that_is_being_restored_answers_nobody() {
    let world = World::new(1).await;
    let id = world.request(0, 1).await;
    world.log.reads.send_replace(false);
    let worker = world.worker("a").await;
    let not_yet = worker.handle.get(P0, id.key()).await;
    assert_eq!(not_yet, Err(NotOwned { partition: P0 }));
    assert!(worker.handle.snapshots().await.is_empty());
    let elsewhere = worker.handle.get(Partition(9), id.key()).await;
    assert!(elsewhere.is_err());
    world.log.reads.send_replace(true);
    eventually("restored", async || {
        worker
            .handle
            .get(P0, id.key())
            .await
            .is_ok_and(|found| found.is_some())
    })
    .await;
    worker.stop().await;
}

#[tokio::test]
async fn a_restore_of_an_assignment_that_is_over_counts_for_nothing() {
    let world = World::new(1).await;
    world.complete_some(0, 0..3).await;
    world.log.reads.send_replace(false);
    let worker = world.worker("a").await;
    eventually("the partition is assigned", async || {
        // The folder of the view is made by its restore.
        world.views("a").join("0").exists()
    })
    .await;
    // Another one had it meanwhile, and has worked through two of the three.
    let committed = Committed {
        offset: Offset(4),
        metadata: bytes::Bytes::new(),
    };
    world.log.tell.send(Polled::Lost(vec![P0])).unwrap();
    let again = Assigned {
        partition: P0,
        committed: Some(committed),
    };
    world.log.tell.send(Polled::Assigned(vec![again])).unwrap();
    eventually("the news have been taken", async || {
        world.notes.has(|(_, note)| *note == Note::Released(0))
    })
    .await;
    world.log.reads.send_replace(true);
    world.wait_for_completions(1).await;
    world.complete_some(0, 7..8).await;
    world.wait_for_completions(2).await;
    worker.stop().await;
}
