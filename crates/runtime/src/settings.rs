//! How a worker runs, and why it ends.

use std::path::PathBuf;
use std::time::Duration;

use triggerfish_log::{CommitError, GroupName, InstanceName, LogError, Partition};
use triggerfish_view::Settings;

use crate::{restore::RestoreError, topics::Topics};

/// How a worker runs.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Sessions of one group share the partitions out.
    pub group: GroupName,
    /// Who this is.
    pub instance: InstanceName,
    /// Folder of the views; one folder a partition below it.
    pub views: PathBuf,
    /// Identity of the log, so that a view is never used with another.
    pub cluster: String,
    /// The topics.
    pub topics: Topics,
    /// How long closed invocations are kept.
    pub view: Settings,
    /// How long a drain may take.
    pub drain_timeout: Duration,
}

/// Why a worker ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log failed for good.
    #[error("the log failed")]
    Log(#[from] LogError),
    /// A partition could not be restored.
    #[error("restoring partition {partition} failed")]
    Restore {
        /// Which one.
        partition: Partition,
        /// Why.
        source: RestoreError,
    },
    /// A view failed.
    #[error("a view failed")]
    View(#[from] triggerfish_view::Error),
    /// A commit failed in a way that only a new start can mend.
    #[error("committing to the log failed")]
    Commit(#[from] CommitError),
    /// A task of the worker died.
    #[error("a task of the worker failed")]
    Task(#[from] tokio::task::JoinError),
}
