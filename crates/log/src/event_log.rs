//! The traits an engine implements. Generic inside, so that a service is compiled against the
//! contract and an engine is chosen once, at the top.

use std::future::Future;
use std::{sync::Arc, time::Duration};

use crate::{
    Batch, Bounds, CommitError, Limit, LogError, NewRecord, Offset, Page, Partition, Polled,
    Position, Record, SessionSpec, Topic, TopicSpec, WriterName,
};

/// An open log. Cheap to clone; all clones are the same log.
pub trait EventLog: Clone + Send + Sync + 'static {
    /// Ownership of partitions and atomic commits.
    type Session: Session;
    /// Plain durable appends.
    type Appender: Appender;
    /// Reads without a group.
    type Reader: Reader;

    /// Makes the topics exist with these settings. Existing topics keep their records; their
    /// settings are brought to the specification, and their partitions may grow.
    ///
    /// # Errors
    /// [`LogError::TopicRefused`] if a topic would have to shrink or the name is not legal.
    fn ensure_topics(
        &self,
        topics: &[TopicSpec],
    ) -> impl Future<Output = Result<(), LogError>> + Send;

    /// How many partitions the topic has.
    ///
    /// # Errors
    /// [`LogError::UnknownTopic`] if it does not exist.
    fn partitions(&self, topic: &Topic) -> impl Future<Output = Result<u32, LogError>> + Send;

    /// Joins a group. With [`crate::Outputs::Atomic`] an earlier session of the same writer name
    /// is fenced, and what it left unfinished is undone, before this returns.
    ///
    /// # Errors
    /// [`LogError::UnknownTopic`] if the topic does not exist.
    fn open_session(
        &self,
        spec: SessionSpec,
    ) -> impl Future<Output = Result<Self::Session, LogError>> + Send;

    /// Opens an appender. The name is a label for people: appenders do not fence each other.
    fn open_appender(
        &self,
        writer: WriterName,
    ) -> impl Future<Output = Result<Self::Appender, LogError>> + Send;

    /// Opens a reader. It sees committed records only.
    fn open_reader(&self) -> impl Future<Output = Result<Self::Reader, LogError>> + Send;
}

/// Membership of a group: owns partitions, reads them, and commits {records + positions}
/// atomically. One per processing loop.
///
/// Dropping a session without [`Session::close`] leaves the group too, but does not wait.
pub trait Session: Send {
    /// Waits up to `wait` for the first thing to happen and returns it; more records that are
    /// there already are returned with the first, up to `limit`.
    ///
    /// Must be called regularly, or the group takes the partitions away. While a
    /// [`crate::Revoking`] is held it may return nothing but [`Polled::Idle`].
    ///
    /// **Cancel-safe:** a poll that is dropped before it is ready has consumed nothing; whatever
    /// it would have returned comes with the next one. It may sit in `tokio::select!`.
    ///
    /// # Errors
    /// [`LogError::Fenced`] once the session has been fenced, [`LogError::Closed`] once the log
    /// is closed. After a retryable error the same session may poll on.
    fn poll(
        &mut self,
        limit: Limit,
        wait: Duration,
    ) -> impl Future<Output = Result<Polled, LogError>> + Send;

    /// Makes `to` the next record to read of an owned partition of the session's topic. A
    /// position before the first kept record reads from there. Does not touch what is committed.
    ///
    /// # Errors
    /// [`LogError::NotAssigned`]; [`LogError::BeyondEnd`] for a position after the end.
    fn seek(
        &mut self,
        partition: Partition,
        to: Offset,
    ) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Polls yield no records of these partitions until they are resumed; a hand-over resumes
    /// them too. Partitions that are not owned are passed over.
    fn pause(
        &mut self,
        partitions: &[Partition],
    ) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Undoes [`Session::pause`].
    fn resume(
        &mut self,
        partitions: &[Partition],
    ) -> impl Future<Output = Result<(), LogError>> + Send;

    /// All records become visible and all positions are committed, durably, or neither; to
    /// readers elsewhere it shows a moment later. Returns the offsets of the records in their
    /// order. An empty batch succeeds and does nothing.
    ///
    /// Whoever may have to commit the same again keeps an [`Arc`] of it.
    ///
    /// A commit that is dropped before it is ready counts as [`CommitError::Unknown`].
    ///
    /// # Errors
    /// One case for each reaction, see [`CommitError`].
    fn commit(
        &mut self,
        batch: impl Into<Arc<Batch>> + Send,
    ) -> impl Future<Output = Result<Vec<Offset>, CommitError>> + Send;

    /// Leaves the group at once: its partitions go to the others without waiting.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Plain appends without ownership. Cheap to clone; clones may append at the same time.
pub trait Appender: Clone + Send + Sync + 'static {
    /// Appends all records and returns where they went, in their order. Acknowledged means
    /// durable. The records of one call keep their order within each partition.
    ///
    /// Many records in one call cost one await; many calls at the same time share a flush.
    ///
    /// # Errors
    /// After an error, or when dropped before it is ready, any part of the records may have been
    /// appended; repeating the call is safe for readers that ignore duplicates.
    /// [`LogError::UnknownTopic`], [`LogError::UnknownPartition`] and [`LogError::TooLarge`] are
    /// found before anything is appended.
    fn append(
        &self,
        records: Vec<NewRecord>,
    ) -> impl Future<Output = Result<Vec<(Partition, Offset)>, LogError>> + Send;
}

/// Reads committed records without a group: restores, lists, tools, checkers.
pub trait Reader: Send {
    /// What the partition holds at the moment.
    ///
    /// # Errors
    /// [`LogError::UnknownTopic`] or [`LogError::UnknownPartition`].
    fn bounds(
        &mut self,
        topic: &Topic,
        partition: Partition,
    ) -> impl Future<Output = Result<Bounds, LogError>> + Send;

    /// Reads what is there from a position, without waiting for more. A position before the
    /// first kept record reads from there. A page may be empty and yet not `at_end`: read on
    /// from its `next`.
    ///
    /// # Errors
    /// [`LogError::BeyondEnd`] for a position after the end.
    fn read(
        &mut self,
        topic: &Topic,
        partition: Partition,
        from: Offset,
        limit: Limit,
    ) -> impl Future<Output = Result<Page, LogError>> + Send;

    /// Tails several partitions at once: waits up to `wait` for records at or after any of the
    /// positions, returns them in offset order within each partition, and moves the positions
    /// past them. Empty after the wait.
    ///
    /// **Cancel-safe:** the positions move only when records are returned.
    ///
    /// # Errors
    /// As [`Reader::read`].
    fn follow(
        &mut self,
        positions: &mut [Position],
        limit: Limit,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<Record>, LogError>> + Send;
}
