//! Folding and saving side by side.

use std::sync::mpsc;
use std::time::Duration;

use futures::future::join_all;
use triggerfish_log::Partition;

use crate::world::{Running, World, eventually};

const REQUESTS: u64 = 20_000;

async fn position(worker: &Running) -> u64 {
    let status = worker.handle.status().await;
    let one = status.iter().find(|one| one.partition == Partition(0));
    one.map_or(0, |one| one.position)
}

#[test]
fn what_is_folded_while_a_save_takes_long_is_bounded() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    // Saves run on threads that may block: with one, a test can hold them up.
    let runtime = runtime.worker_threads(2).max_blocking_threads(1);
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new(1).await;
        let worker = world.worker("a").await;
        world.request(0, 0).await;
        eventually("the request is folded", async || {
            position(&worker).await == 1
        })
        .await;
        let (release, held) = mpsc::channel::<()>();
        let holding = tokio::task::spawn_blocking(move || held.recv());
        join_all((1..=REQUESTS).map(|key| world.request(0, key))).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let folded = position(&worker).await;
        assert!(folded < REQUESTS / 2, "{folded} are in memory");
        drop(release);
        assert!(holding.await.unwrap().is_err());
        eventually("everything is folded", async || {
            position(&worker).await == REQUESTS + 1
        })
        .await;
        worker.stop().await;
    });
}
