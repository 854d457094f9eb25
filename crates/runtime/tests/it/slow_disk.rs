//! A disk on which a piece of work is held until the test lets it go.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use triggerfish_runtime::{Disk, Work};

#[derive(Debug)]
pub(crate) struct SlowDisk {
    /// How many pieces of work have come.
    come: AtomicUsize,
    /// Which of them is held, counted from 1.
    held: usize,
    lets_go: watch::Sender<bool>,
}

impl SlowDisk {
    pub(crate) fn that_holds(held: usize) -> Arc<Self> {
        Arc::new(Self {
            come: AtomicUsize::new(0),
            held,
            lets_go: watch::channel(false).0,
        })
    }

    pub(crate) fn come(&self) -> usize {
        self.come.load(Ordering::Relaxed)
    }

    pub(crate) fn let_go(&self) {
        self.lets_go.send_replace(true);
    }
}

impl Disk for SlowDisk {
    fn work(&self, work: Work) -> Pin<Box<dyn Future<Output = Result<(), JoinError>> + Send>> {
        let is_held = self.come.fetch_add(1, Ordering::Relaxed) + 1 == self.held;
        let mut lets_go = self.lets_go.subscribe();
        // A task of its own: what has begun comes to its end, even if nobody waits for it.
        Box::pin(tokio::spawn(async move {
            if is_held {
                let _ = lets_go.wait_for(|lets_go| *lets_go).await;
            }
            spawn_blocking(work).await.expect("the work does not panic");
        }))
    }
}
