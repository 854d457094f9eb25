//! Where the work on views is done that blocks.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::{JoinError, spawn_blocking};

/// Work that blocks.
pub type Work = Box<dyn FnOnce() + Send>;

/// Does what blocks; a simulation has its own.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Does the work, and is ready when it is done. Work that has begun comes to its end,
    /// even if nobody waits for it any more.
    fn work(&self, work: Work) -> Pin<Box<dyn Future<Output = Result<(), JoinError>> + Send>>;
}

/// The runtime's threads for such work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threads;

impl Disk for Threads {
    fn work(&self, work: Work) -> Pin<Box<dyn Future<Output = Result<(), JoinError>> + Send>> {
        Box::pin(spawn_blocking(work))
    }
}

/// What comes of `work`, done on `disk`.
pub(crate) async fn done<T: Send + 'static>(
    disk: Arc<dyn Disk>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    let (done, result) = oneshot::channel();
    // Nobody may wait for it any more.
    let work = Box::new(move || drop(done.send(work())));
    disk.work(work).await?;
    Ok(result.await.expect("work that is done has said so"))
}
