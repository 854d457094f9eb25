//! What passes between a session and the loop that drives it.

use std::collections::HashSet;
use std::fmt;
use std::time::Instant;

use bytes::Bytes;

use crate::{
    GroupName, InstanceName, LogError, MAX_METADATA_BYTES, NewRecord, Offset, Partition, Record,
    Topic, WriterName,
};

/// Which session to open.
#[derive(Clone, Debug)]
pub struct SessionSpec {
    /// The group whose members share the partitions, and under whose name positions are kept.
    pub group: GroupName,
    /// The one topic that is read.
    pub topic: Topic,
    /// Who this is, for people.
    pub instance: InstanceName,
    /// What the session's commits may hold.
    pub outputs: Outputs,
}

/// What the commits of a session may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// Positions alone; a commit with records is refused.
    PositionsOnly,
    /// Records and positions, as a whole or not at all, under this writer's name.
    Atomic(WriterName),
}

/// What a poll saw.
#[derive(Debug)]
pub enum Polled {
    /// Records of owned partitions, in offset order within each partition. Never empty.
    Records(Vec<Record>),
    /// Partitions that are owned from here on. Reading starts at the committed position, or at
    /// the first kept record where nothing is committed; `seek` before the next poll to start
    /// elsewhere. May be none: the first news of this kind says that the group has counted the
    /// session in, whether or not there is something for it.
    Assigned(Vec<Assigned>),
    /// Partitions that are about to go to another session: finish, commit, then drop this.
    Revoking(Revoking),
    /// Partitions that are gone already: drop everything about them, commit nothing.
    Lost(Vec<Partition>),
    /// Nothing happened within the wait.
    Idle,
}

/// A partition that was gained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Which one.
    pub partition: Partition,
    /// What the group committed last, by whichever member.
    pub committed: Option<Committed>,
}

/// A committed position and what was kept beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next record to process.
    pub offset: Offset,
    /// The bytes given with the commit; empty if there were none.
    pub metadata: Bytes,
}

/// Partitions on their way to another session. The hand-over waits until this is dropped, or
/// until the deadline, after which the partitions are lost. While it is held the session may
/// commit for them, and polls yield none of their records.
pub struct Revoking {
    /// Which partitions. An engine may name more than will leave; the rest is assigned again.
    pub partitions: Vec<Partition>,
    /// When the engine stops waiting.
    pub deadline: Instant,
    release: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Revoking {
    /// For engines: `release` is called exactly once, when this is dropped. It must not block.
    pub fn new(
        partitions: Vec<Partition>,
        deadline: Instant,
        release: impl FnOnce() + Send + Sync + 'static,
    ) -> Self {
        Self {
            partitions,
            deadline,
            release: Some(Box::new(release)),
        }
    }
}

impl Drop for Revoking {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release();
        }
    }
}

impl fmt::Debug for Revoking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revoking")
            .field("partitions", &self.partitions)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// What one commit makes durable, as a whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Records to append, in order.
    pub records: Vec<NewRecord>,
    /// Positions to commit. At most one per partition.
    pub consumed: Vec<Consumed>,
}

impl Batch {
    /// For engines: refuses what a session of `topic` with these outputs refuses every time,
    /// whatever is in the log.
    ///
    /// # Errors
    /// [`LogError::Refused`] or [`LogError::TooLarge`].
    pub fn check(&self, topic: &Topic, outputs: &Outputs) -> Result<(), LogError> {
        let refused = |reason: String| Err(LogError::Refused { reason });
        if !self.records.is_empty() && *outputs == Outputs::PositionsOnly {
            return refused("the session was opened for positions only, without a writer".into());
        }
        let mut seen = HashSet::new();
        for consumed in &self.consumed {
            if consumed.topic != *topic {
                return refused(format!(
                    "the session does not read topic {}",
                    consumed.topic
                ));
            }
            if !seen.insert(consumed.partition) {
                return refused(format!("partition {} is in it twice", consumed.partition));
            }
            if consumed.metadata.len() > MAX_METADATA_BYTES {
                return Err(LogError::TooLarge {
                    what: format!("metadata of partition {}", consumed.partition),
                    bytes: consumed.metadata.len(),
                    limit: MAX_METADATA_BYTES,
                    setting: "it cannot be raised",
                });
            }
        }
        Ok(())
    }
}

/// A position to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// The session's topic.
    pub topic: Topic,
    /// A partition that the session owns.
    pub partition: Partition,
    /// The next record to process.
    pub offset: Offset,
    /// At most [`crate::MAX_METADATA_BYTES`]; comes back with [`Assigned`].
    pub metadata: Bytes,
}
