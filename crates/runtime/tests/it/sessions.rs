//! Sessions that are over before the worker is: it takes up with another.

use std::sync::atomic::Ordering;
use std::time::Duration;

use triggerfish_core::{InvocationId, Phase};
use triggerfish_log::{Offset, Partition};

use crate::seams::Fate;
use crate::world::{PATIENCE, World};

/// Its own task begins with the first wait of the test, so nothing has been heard before.
#[tokio::test]
async fn a_worker_is_ready_when_it_knows_its_share_and_has_read_it() {
    let world = World::new(1).await;
    world.complete_some(0, 0..2).await;
    let first = world.worker("a").await;
    assert!(!first.readiness.is_ready(), "nobody said what is its own");
    first.until_ready(true).await;
    assert_eq!(first.handle.running().borrow().len(), 1);
    let second = world.worker("b").await;
    assert!(!second.readiness.is_ready());
    second.until_ready(true).await;
    assert!(second.handle.running().borrow().is_empty());
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_worker_is_not_ready_while_it_has_no_session() {
    let world = World::new(1).await;
    let worker = world.worker("a").await;
    worker.until_ready(true).await;
    world.log.opens.send_replace(false);
    world.log.fates.lock().unwrap().push_back(Fate::Fenced);
    world.complete_some(0, 0..1).await;
    worker.until_ready(false).await;
    world.log.opens.send_replace(true);
    worker.until_ready(true).await;
    world.wait_for_completions(1).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_whose_session_was_fenced_takes_up_with_another() {
    for fate in [Fate::Fenced, Fate::Unknown] {
        let world = World::new(2).await;
        let worker = world.worker("a").await;
        world.complete_some(0, 0..2).await;
        world.wait_for_completions(2).await;
        world.log.fates.lock().unwrap().extend([fate, fate]);
        world.complete_some(0, 2..5).await;
        world.complete_some(1, 5..7).await;
        world.wait_for_completions(7).await;
        assert!(world.log.fates.lock().unwrap().is_empty(), "{fate:?}");
        worker.stop().await;
        world.digests("a").await;
    }
}

#[tokio::test]
async fn another_session_does_not_wait_for_the_group_to_take_leave() {
    let world = World::new(1).await;
    let worker = world.worker("a").await;
    worker.until_ready(true).await;
    world.log.is_mute.store(true, Ordering::Relaxed);
    world.log.fates.lock().unwrap().push_back(Fate::Fenced);
    world.complete_some(0, 0..1).await;
    world.wait_for_completions(1).await;
    worker.stop().await;
    world.digests("a").await;
}

#[tokio::test]
async fn a_drain_whose_session_is_over_ends_in_good_order() {
    for fate in [Fate::Fenced, Fate::Unknown] {
        let world = World::new(1).await;
        let worker = world.worker("a").await;
        world.complete_some(0, 0..2).await;
        world.wait_for_completions(2).await;
        world.is_busy.store(true, Ordering::Relaxed);
        let stopping = tokio::spawn(worker.stop());
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.log.fates.lock().unwrap().push_back(fate);
        world.complete_some(0, 2..4).await;
        stopping.await.unwrap();
        assert!(world.log.fates.lock().unwrap().is_empty(), "{fate:?}");
        world.is_busy.store(false, Ordering::Relaxed);
        let next = world.worker("a").await;
        world.wait_for_completions(4).await;
        next.stop().await;
        world.digests("a").await;
    }
}

#[tokio::test]
async fn a_drain_ends_although_the_group_does_not_take_leave() {
    let world = World::new(1).await;
    let worker = world.worker("a").await;
    world.complete_some(0, 0..2).await;
    world.wait_for_completions(2).await;
    world.log.is_mute.store(true, Ordering::Relaxed);
    let ended = tokio::time::timeout(Duration::from_secs(20), worker.stop());
    ended.await.expect("it ends by itself");
    world.digests("a").await;
}

#[tokio::test]
async fn a_session_that_withholds_records_is_noticed_and_replaced() {
    let world = World::new(2).await;
    world.log.deaf.lock().unwrap().push_back(());
    let worker = world.worker("a").await;
    world.complete_some(0, 0..3).await;
    world.complete_some(1, 3..5).await;
    world.wait_for_completions(5).await;
    assert!(world.log.deaf.lock().unwrap().is_empty());
    worker.stop().await;
    world.digests("a").await;
}

/// A commit of `world` that never returns is under way: of an invocation, up to its last record.
async fn with_a_commit_that_hangs(world: &World) -> (InvocationId, Offset) {
    world.log.fates.lock().unwrap().push_back(Fate::HangsBefore);
    let mut hanging = world.log.hanging.subscribe();
    let id = world.request(0, 7).await;
    let last = world.complete(id).await;
    let hangs = hanging.wait_for(|hanging| *hanging == 1);
    let hangs = tokio::time::timeout(PATIENCE, hangs).await;
    hangs.expect("it commits").expect("the world stays");
    (id, last)
}

#[tokio::test]
async fn questions_do_not_wait_for_a_commit() {
    let world = World::new(1).await;
    let worker = world.worker("a").await;
    let (id, last) = with_a_commit_that_hangs(&world).await;
    let asked = worker.handle.get_after(Partition(0), last, id.key());
    let found = tokio::time::timeout(PATIENCE, asked).await;
    let found = found.expect("an answer").expect("it runs here");
    let phase = found.expect("it was folded").phase;
    assert!(matches!(phase, Phase::Closed(_)), "{phase:?}");
    worker.kill().await;
}

#[tokio::test]
async fn results_that_come_close_together_wait_to_share_a_commit() {
    let mut world = World::new(1).await;
    world.commit_pause = Duration::from_hours(1);
    let worker = world.worker("a").await;
    world.complete_some(0, 0..1).await;
    world.wait_for_completions(1).await;
    world.log.fates.lock().unwrap().push_back(Fate::Fenced);
    let second = world.request(0, 1).await;
    let last = world.complete(second).await;
    let asked = worker.handle.get_after(Partition(0), last, second.key());
    let found = tokio::time::timeout(PATIENCE, asked).await;
    let found = found.expect("questions are answered meanwhile").unwrap();
    let phase = found.expect("it was folded").phase;
    assert!(matches!(phase, Phase::Closed(_)), "{phase:?}");
    let fates = std::mem::take(&mut *world.log.fates.lock().unwrap());
    assert_eq!(fates, [Fate::Fenced], "no other commit has begun");
    worker.kill().await;
    world.commit_pause = Duration::ZERO;
    let worker = world.worker("a").await;
    world.wait_for_completions(2).await;
    worker.stop().await;
}

/// Whatever the loop waits for when it is told to stop.
#[tokio::test]
async fn an_end_does_not_wait_for_a_log_that_is_away() {
    let world = World::new(1).await;
    let worker = world.worker("a").await;
    with_a_commit_that_hangs(&world).await;
    // Only the clock of timers: nothing else here takes long.
    tokio::time::pause();
    worker.stop().await;
    tokio::time::resume();
    let worker = world.worker("a").await;
    world.wait_for_completions(1).await;
    worker.stop().await;
    world.digests("a").await;
}
