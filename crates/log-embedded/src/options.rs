//! What can be set, and why a log may not open.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of the embedded log. [`EmbeddedOptions::new`] gives every one but the folder a
/// default that suits a machine with two cores and 512 MiB to spare.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Where the log lives. Made if it is not there; belongs to one process at a time.
    pub folder: PathBuf,
    /// The most bytes of key, value and headers of one record. Default 16 MiB, at most 1 GiB.
    pub record_bytes_max: usize,
    /// The most bytes that may wait for the writer; beyond it appends wait. Default 64 MiB.
    pub queue_bytes_max: usize,
    /// Bytes of newest records kept in memory for readers. Default 32 MiB.
    pub tail_bytes_max: usize,
    /// Bytes of stored blocks kept in memory for readers that lag. Default 16 MiB.
    pub cache_bytes: u64,
    /// How long a hand-over waits for the session that gives partitions up. Default 10 s.
    pub hand_over: Duration,
    /// How often records past their retention are looked for. Default 30 s.
    pub clean_up_every: Duration,
    /// A compacted partition is compacted once this much was appended since the last time, and
    /// at least as much as it held then. Default 1 MiB.
    pub compact_after_bytes: usize,
    /// How long compaction keeps tombstones, so that every follower sees them. Default 24 h.
    pub keep_tombstones: Duration,
}

impl EmbeddedOptions {
    /// The defaults, in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            record_bytes_max: 16 << 20,
            queue_bytes_max: 64 << 20,
            tail_bytes_max: 32 << 20,
            cache_bytes: 16 << 20,
            hand_over: Duration::from_secs(10),
            clean_up_every: Duration::from_secs(30),
            compact_after_bytes: 1 << 20,
            keep_tombstones: Duration::from_hours(24),
        }
    }
}

/// Why a log did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another part of this one, has the folder open.
    #[error("log folder {folder:?} is in use{by}: stop that process, or choose another folder")]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// `" by process 123"`, where it is known.
        by: String,
    },
    /// The folder holds something that is not a log.
    #[error("folder {folder:?} is not empty and holds no log ({found:?} is in it): choose another")]
    NotALog {
        /// The folder.
        folder: PathBuf,
        /// What was found.
        found: String,
    },
    /// The folder was written by another version.
    #[error(
        "log folder {folder:?} has format {found:?}, this program reads {expected:?}: \
         use the program that wrote it"
    )]
    Format {
        /// The folder.
        folder: PathBuf,
        /// What its format file says.
        found: String,
        /// What it would have to say.
        expected: &'static str,
    },
    /// A setting is out of its range.
    #[error("{setting} is {value}, it must be {rule}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What it was set to.
        value: usize,
        /// What is allowed.
        rule: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {doing} in log folder {folder:?}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The folder.
        folder: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The store in the folder did not open or does not read back.
    #[error(
        "the store in log folder {folder:?} does not open: {reason}; \
         restore the folder from a copy"
    )]
    Store {
        /// The folder.
        folder: PathBuf,
        /// What the store said.
        reason: String,
    },
}
