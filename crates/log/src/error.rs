//! What can go wrong, sorted by what the caller has to do about it.

use std::io;

use crate::{Offset, Partition, Topic};

/// A failed operation on the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log did not answer in time or is not reachable; the same call may succeed later. An
    /// append that ends like this may have happened all the same.
    #[error("the log is unavailable: {reason}")]
    Unavailable {
        /// What the engine saw.
        reason: String,
    },
    /// The topic does not exist; `ensure_topics` was not called for it or failed.
    #[error("topic {topic:?} does not exist: create it first")]
    UnknownTopic {
        /// The topic that was asked for.
        topic: Topic,
    },
    /// The topic has fewer partitions.
    #[error("topic {topic:?} has no partition {partition}, only {partitions} of them")]
    UnknownPartition {
        /// The topic that was asked for.
        topic: Topic,
        /// The partition that was asked for.
        partition: Partition,
        /// How many partitions there are.
        partitions: u32,
    },
    /// The topic cannot be made as it was specified.
    #[error("topic {topic:?} cannot be set up as asked: {reason}")]
    TopicRefused {
        /// The topic.
        topic: Topic,
        /// What is wrong with the specification.
        reason: String,
    },
    /// The request itself is wrong; it will be refused every time.
    #[error("request refused: {reason}")]
    Refused {
        /// What is wrong with it.
        reason: String,
    },
    /// A record, or the metadata of a position, is larger than the log takes.
    #[error("{what} of {bytes} bytes is over the limit of {limit} bytes ({setting})")]
    TooLarge {
        /// What was too large.
        what: String,
        /// Its size.
        bytes: usize,
        /// The largest size that is taken.
        limit: usize,
        /// The setting that raises the limit.
        setting: &'static str,
    },
    /// A position after the end of the partition: the log is not the one it was taken from, or
    /// has lost its tail.
    #[error(
        "position {offset} of {topic}/{partition} is after the end {end}: another or damaged log"
    )]
    BeyondEnd {
        /// The topic.
        topic: Topic,
        /// The partition.
        partition: Partition,
        /// The position asked for.
        offset: Offset,
        /// The end of the partition.
        end: Offset,
    },
    /// The session does not own the partition.
    #[error("partition {topic}/{partition} is not assigned to this session")]
    NotAssigned {
        /// The topic.
        topic: Topic,
        /// The partition.
        partition: Partition,
    },
    /// Another session took this one's place; drop everything and open a new one.
    #[error("fenced: {reason}")]
    Fenced {
        /// By what.
        reason: String,
    },
    /// The log is closed, by request or because it could no longer vouch for its promises.
    #[error("the log is closed: {reason}")]
    Closed {
        /// Why, and what to do about it.
        reason: String,
    },
    /// Something stored does not read back as it was written.
    #[error("the log is damaged: {what}")]
    Corrupt {
        /// What and where.
        what: String,
    },
    /// The operating system refused.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// The cause.
        source: io::Error,
    },
}

impl LogError {
    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// A commit that did not succeed: one case for each reaction.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing happened, nothing will; the same batch may be committed again.
    #[error("commit aborted, it may be repeated: {reason}")]
    Aborted {
        /// What the engine saw.
        reason: String,
    },
    /// Nothing happened: the session has lost its partitions or its writer name. Drop everything
    /// about it and open another one; every further call on it fails.
    #[error("commit fenced: {reason}")]
    Fenced {
        /// By what.
        reason: String,
    },
    /// It may have happened or not. Re-open and restore; never repeat it blindly.
    #[error("commit with unknown outcome: {reason}")]
    Unknown {
        /// What the engine saw.
        reason: String,
    },
    /// Nothing happened, and this batch will be refused every time: it is the batch that is
    /// wrong. The session goes on.
    #[error("commit refused")]
    Refused(#[source] LogError),
}
