//! The log as every service sees it: topics of ordered partitions of byte records, groups that
//! share the partitions out, and commits of {records + positions} that happen as a whole or not
//! at all. Start reading at [`EventLog`].
//!
//! An [`Offset`] that names a position is always the *next* record to read, never the last one read.
//! Offsets of a partition only grow, and they have gaps: never compute a count or an end from them.
//!
//! This crate knows nothing of what the bytes mean, does no I/O and names no engine. Nothing above
//! it may depend on which engine it runs on; the `conformance` feature holds the suite that every
//! engine has to pass.

mod error;
mod event_log;
mod last_record;
mod session_words;
mod words;

pub use error::{CommitError, LogError};
pub use event_log::{Appender, EventLog, Reader, Session};
pub use last_record::last_record;
pub use session_words::{
    Assigned, Batch, Committed, Consumed, Outputs, Polled, Revoking, SessionSpec,
};
pub use words::{
    Bounds, GroupName, InstanceName, Limit, MAX_METADATA_BYTES, NewRecord, Offset, Page, Partition,
    Position, Record, Topic, TopicSpec, WriterName,
};

#[cfg(feature = "conformance")]
pub mod conformance;
