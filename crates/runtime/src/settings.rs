//! How a worker runs, and why it ends.

use std::path::PathBuf;
use std::time::Duration;

use triggerfish_log::{
    CommitError, GroupName, InstanceName, LogError, Outputs, Partition, SessionSpec, WriterName,
};
use triggerfish_view::Settings;

use crate::{restore::RestoreError, topics::Topics, watchdog::Stall};

/// How a worker runs.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Sessions of one group share the partitions out.
    pub group: GroupName,
    /// Who this is.
    pub instance: InstanceName,
    /// The name under which results are committed together with positions. Without one the
    /// worker commits positions alone and emits nothing, not even dead letters: another
    /// group does.
    pub writer: Option<WriterName>,
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
    /// How long a partition that goes to another process may stand still for what is under
    /// way there.
    pub hand_over_wait: Duration,
    /// A partition that can be read on and has not moved for this long has stalled; the
    /// session is opened anew.
    pub stall_after: Duration,
    /// How long after a commit of results the next one may begin, at the earliest. Where a
    /// commit costs much whatever is in it, results that come close together are to share it;
    /// one that comes alone does not wait.
    pub commit_pause: Duration,
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
    /// Partitions can be read and are not.
    #[error("{}", Stall::describe(.0))]
    Stalled(Vec<Stall>),
    /// A task of the worker died.
    #[error("a task of the worker failed")]
    Task(#[from] tokio::task::JoinError),
}

impl WorkerSettings {
    pub(crate) fn session(&self) -> SessionSpec {
        SessionSpec {
            group: self.group.clone(),
            topic: self.topics.invocation_log.clone(),
            instance: self.instance.clone(),
            outputs: self
                .writer
                .clone()
                .map_or(Outputs::PositionsOnly, Outputs::Atomic),
        }
    }
}

impl Error {
    /// Label.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Log(LogError::Fenced { .. }) | Self::Commit(CommitError::Fenced { .. }) => {
                "fenced"
            }
            Self::Commit(_) => "commit_unknown",
            Self::Stalled(_) => "stalled",
            _ => "unavailable",
        }
    }

    /// Whether it is the session that is over, and not the worker: everything in memory is
    /// dropped and another session takes up at the committed positions.
    pub(crate) fn is_about_session(&self) -> bool {
        let is_passing =
            |error: &LogError| error.is_retryable() || matches!(error, LogError::Fenced { .. });
        match self {
            Self::Log(error)
            | Self::Restore {
                source: RestoreError::Log(error),
                ..
            } => is_passing(error),
            Self::Commit(CommitError::Fenced { .. } | CommitError::Unknown { .. })
            | Self::Stalled(_) => true,
            Self::Commit(_) | Self::Restore { .. } | Self::View(_) | Self::Task(_) => false,
        }
    }
}
