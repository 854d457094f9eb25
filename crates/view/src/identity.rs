//! What a view is a view of, and what makes an old one useless.

use std::time::Duration;

/// The partition of the log that a view is derived from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    /// The cluster, as the log names it.
    pub cluster: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u16,
}

/// How a view is kept. The keep windows are part of what the log means: views with
/// other windows are other views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long completed invocations are kept after they closed, in log time.
    pub keep_completed: Duration,
    /// How long failed and expired ones are, in log time.
    pub keep_failed: Duration,
    /// How long actions and the calls of their callbacks are, in log time.
    pub keep_callbacks: Duration,
    /// Memory for the store's page cache, in bytes.
    pub cache_bytes: u64,
}

/// How opening went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The offset to read next; 0 when there was nothing of use.
    pub position: u64,
    /// Why an earlier view was thrown away, if one was.
    pub wiped: Option<WipeReason>,
}

/// Why a view was thrown away; a label for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WipeReason {
    /// The store does not open or holds what makes no sense.
    Damaged,
    /// Nothing of it had come to the disk yet when its process ended.
    Unborn,
    /// Its process ended in the middle of building it anew.
    Unfinished,
    /// Written in another format.
    Format,
    /// Derived from another log.
    OtherLog,
    /// Derived with other keep windows.
    KeepWindows,
    /// Its position is beyond the end of the log.
    AheadOfLog,
    /// Its position is beyond the committed one.
    AheadOfCommit,
    /// The log no longer has what follows its position.
    BehindLog,
}

impl WipeReason {
    /// Label for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Unborn => "unborn",
            Self::Unfinished => "unfinished",
            Self::Format => "format",
            Self::OtherLog => "other_log",
            Self::KeepWindows => "keep_windows",
            Self::AheadOfLog => "ahead_of_log",
            Self::AheadOfCommit => "ahead_of_commit",
            Self::BehindLog => "behind_log",
        }
    }
}
