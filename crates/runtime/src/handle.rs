//! Questions to the loop from elsewhere in the process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinError,
};
use triggerfish_core::{ActionState, Invocation, InvocationKey};
use triggerfish_log::{Offset, Partition};
use triggerfish_view::Snapshot;
use triggerfish_wire::peer::ActionStage;

use crate::{
    asking::Asker,
    disk::{Disk, Threads, done},
    tally::Tally,
};

/// The partition is not here, or not ready yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("partition {partition} is not served by this process at the moment")]
pub struct NotOwned {
    /// Which one.
    pub partition: Partition,
}

/// How a partition of this process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Which one.
    pub partition: Partition,
    /// Whether its restore is over.
    pub running: bool,
    /// The next record to fold.
    pub position: u64,
    /// Invocations without an outcome.
    pub open: u64,
    /// Those of them that owe a call, now or later.
    pub queued: u64,
    /// What has begun and ended since it runs here.
    pub tally: Tally,
}

pub(crate) enum Query {
    Get {
        partition: Partition,
        after: Option<Offset>,
        key: InvocationKey,
        reply: oneshot::Sender<Option<Invocation>>,
    },
    Action {
        partition: Partition,
        after: Option<Offset>,
        key: InvocationKey,
        asker: Asker,
    },
    Snapshots {
        reply: oneshot::Sender<Vec<(Partition, Snapshot)>>,
    },
    Status {
        reply: oneshot::Sender<Vec<PartitionStatus>>,
    },
}

/// Asks the loop. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    queries: mpsc::Sender<Query>,
    running: watch::Receiver<BTreeSet<Partition>>,
    disk: Arc<dyn Disk>,
}

impl Handle {
    /// How long a question may wait for the fold.
    const PATIENCE: Duration = Duration::from_secs(15);

    pub(crate) fn new(
        queries: mpsc::Sender<Query>,
        running: watch::Receiver<BTreeSet<Partition>>,
    ) -> Self {
        Self {
            queries,
            running,
            disk: Arc::new(Threads),
        }
    }

    /// Has snapshots read on another disk than the runtime's threads.
    #[must_use]
    pub fn on_disk(self, disk: Arc<dyn Disk>) -> Self {
        Self { disk, ..self }
    }

    /// The partitions that run here, as they come and go; closed when the loop has ended.
    pub fn running(&self) -> watch::Receiver<BTreeSet<Partition>> {
        self.running.clone()
    }

    /// The invocation under `key` as the fold knows it now.
    pub async fn get(
        &self,
        partition: Partition,
        key: InvocationKey,
    ) -> Result<Option<Invocation>, NotOwned> {
        self.ask(partition, |reply| Query::Get {
            partition,
            after: None,
            key,
            reply,
        })
        .await
    }

    /// The invocation under `key` once the record at `offset` has been folded.
    pub async fn get_after(
        &self,
        partition: Partition,
        offset: Offset,
        key: InvocationKey,
    ) -> Result<Option<Invocation>, NotOwned> {
        self.ask(partition, |reply| Query::Get {
            partition,
            after: Some(offset),
            key,
            reply,
        })
        .await
    }

    /// The action under `key` as soon as it is at `stage`, once the record at `after` has been
    /// folded. Waits as long as that takes; whoever can't drops it.
    pub async fn action(
        &self,
        partition: Partition,
        key: InvocationKey,
        after: Option<Offset>,
        stage: ActionStage,
    ) -> Result<Option<Arc<ActionState>>, NotOwned> {
        self.ask(partition, |reply| Query::Action {
            partition,
            after,
            key,
            asker: Asker { stage, reply },
        })
        .await
    }

    /// Readable states of all running partitions.
    pub async fn snapshots(&self) -> Vec<(Partition, Snapshot)> {
        self.ask(Partition(0), |reply| Query::Snapshots { reply })
            .await
            .unwrap_or_default()
    }

    /// What comes of `read`, which reads snapshots and so blocks.
    ///
    /// # Errors
    /// If it panicked, or the process ends.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        done(Arc::clone(&self.disk), read).await
    }

    /// How the partitions are doing.
    pub async fn status(&self) -> Vec<PartitionStatus> {
        self.ask(Partition(0), |reply| Query::Status { reply })
            .await
            .unwrap_or_default()
    }

    async fn ask<T>(
        &self,
        partition: Partition,
        query: impl FnOnce(oneshot::Sender<T>) -> Query,
    ) -> Result<T, NotOwned> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.queries.send(query(reply)).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(Self::PATIENCE, asked).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) | Err(_) => Err(NotOwned { partition }),
        }
    }
}
