//! Membership of a group and atomic commits.
//!
//! `Driver` is a thread that owns the consumer and hears the group. Commits may wait for brokers
//! longer than the group does, so each kind is made `Aside`, by another thread that it waits for:
//! those of positions by the consumer, those of records by the `Writer`, a transactional
//! producer. `KafkaSession` is its handle: requests go to the thread, what came for the session
//! is in the `Inbox`. `membership` answers the group, `ownership` knows whose partitions are
//! whose.

mod aside;
mod commit;
mod context;
mod driver;
mod inbox;
mod membership;
mod ownership;
mod writer;

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::Thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use triggerfish_log::{
    Batch, CommitError, Limit, LogError, Offset, Partition, Polled, Session, SessionSpec,
};

use self::driver::Driver;
use self::inbox::Inbox;
use crate::shared::Shared;

/// A session. Its thread ends with it.
pub struct KafkaSession {
    requests: Sender<Request>,
    driver: Thread,
    inbox: Arc<Inbox>,
}

/// What the thread is asked to do; it answers each.
enum Request {
    Seek(Partition, Offset, oneshot::Sender<Result<(), LogError>>),
    Pause(Vec<Partition>, oneshot::Sender<Result<(), LogError>>),
    Resume(Vec<Partition>, oneshot::Sender<Result<(), LogError>>),
    Commit(
        Arc<Batch>,
        oneshot::Sender<Result<Vec<Offset>, CommitError>>,
    ),
    Close(oneshot::Sender<()>),
}

impl KafkaSession {
    pub(crate) async fn open(shared: Arc<Shared>, spec: SessionSpec) -> Result<Self, LogError> {
        let (requests, received) = std::sync::mpsc::channel();
        let (opened, open) = oneshot::channel();
        let inbox = Arc::new(Inbox::default());
        let delivered = Arc::clone(&inbox);
        let thread = std::thread::Builder::new()
            .name(format!("kafka {}", spec.group))
            .spawn(move || Driver::run(shared, spec, received, delivered, opened))
            .map_err(|source| LogError::Io {
                doing: "starting the thread of a session".to_owned(),
                source,
            })?;
        open.await.map_err(|_| gone())??;
        Ok(Self {
            requests,
            driver: thread.thread().clone(),
            inbox,
        })
    }

    fn send(&self, request: Request) -> Result<(), LogError> {
        self.requests.send(request).map_err(|_| gone())?;
        self.driver.unpark();
        Ok(())
    }

    async fn ask(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<(), LogError>>) -> Request,
    ) -> Result<(), LogError> {
        let (reply, answer) = oneshot::channel();
        self.send(request(reply))?;
        answer.await.map_err(|_| gone())?
    }
}

fn gone() -> LogError {
    LogError::Closed {
        reason: "the thread of the session has ended; open another session".to_owned(),
    }
}

impl Session for KafkaSession {
    async fn poll(&mut self, limit: Limit, wait: Duration) -> Result<Polled, LogError> {
        let until = Instant::now() + wait;
        loop {
            let came = self.inbox.came();
            if let Some(polled) = self.inbox.take(limit)? {
                // The thread may wait for room.
                self.driver.unpark();
                return Ok(polled);
            }
            if tokio::time::timeout_at(until, came).await.is_err() {
                return Ok(Polled::Idle);
            }
        }
    }

    async fn seek(&mut self, partition: Partition, to: Offset) -> Result<(), LogError> {
        self.ask(|reply| Request::Seek(partition, to, reply)).await
    }

    async fn pause(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        self.ask(|reply| Request::Pause(partitions.to_vec(), reply))
            .await
    }

    async fn resume(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        self.ask(|reply| Request::Resume(partitions.to_vec(), reply))
            .await
    }

    async fn commit(
        &mut self,
        batch: impl Into<Arc<Batch>> + Send,
    ) -> Result<Vec<Offset>, CommitError> {
        let (reply, answer) = oneshot::channel();
        let unknown = |error: LogError| CommitError::Unknown {
            reason: error.to_string(),
        };
        self.send(Request::Commit(batch.into(), reply))
            .map_err(unknown)?;
        answer.await.map_err(|_| unknown(gone()))?
    }

    async fn close(self) {
        let (reply, answer) = oneshot::channel();
        if self.send(Request::Close(reply)).is_ok() {
            // A thread that has ended has left the group.
            drop(answer.await);
        }
    }
}

impl Drop for KafkaSession {
    fn drop(&mut self) {
        // The thread sees that nobody asks any more.
        let (ended, _) = std::sync::mpsc::channel();
        drop(std::mem::replace(&mut self.requests, ended));
        self.driver.unpark();
    }
}
