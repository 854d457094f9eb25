//! What the cases stand on: a log from the engine's harness, names of their own, and waiting for
//! things to happen with a deadline.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::{
    Appender, Assigned, Batch, Consumed, EventLog, GroupName, InstanceName, Limit, NewRecord,
    Offset, Outputs, Partition, Polled, Reader, Record, Session, SessionSpec, Topic, TopicSpec,
    WriterName,
};

/// How an engine gives the suite its log.
pub trait Harness: Send + Sync + 'static {
    /// The engine.
    type Log: EventLog;

    /// Opens the log; after [`Harness::close`], the same one again.
    fn open(&self) -> impl Future<Output = Self::Log> + Send;

    /// Closes the log as an orderly end of the process would.
    fn close(&self, log: Self::Log) -> impl Future<Output = ()> + Send;

    /// Has the engine compact, and drop what is past its retention, now.
    fn clean_up(&self, log: &Self::Log) -> impl Future<Output = Cleaning> + Send;

    /// How long the suite waits for something that must happen.
    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }

    /// How long the engine waits for a session that does not give its partitions up.
    fn hand_over(&self) -> Duration;
}

/// Whether an engine cleans up when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleaning {
    /// It is done.
    Done,
    /// The engine does it in its own time; a case then checks what must hold before and after.
    InItsOwnTime,
}

/// One case at work.
pub struct Case<H: Harness> {
    /// The engine's harness.
    pub harness: H,
    /// The log under test.
    pub log: H::Log,
    name: String,
    ids: AtomicU64,
}

static CASES: AtomicU64 = AtomicU64::new(0);

impl<H: Harness> Case<H> {
    /// Opens the log for a case of this name.
    pub async fn begin(harness: H, name: &str) -> Self {
        let log = harness.open().await;
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let number = CASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}-{:x}-{number}", since.as_micros());
        Self {
            harness,
            log,
            name,
            ids: AtomicU64::new(0),
        }
    }

    /// A name that nothing else has.
    pub fn unique(&self, what: &str) -> String {
        format!(
            "{}-{what}-{}",
            self.name,
            self.ids.fetch_add(1, Ordering::Relaxed)
        )
    }

    /// A new topic that keeps everything.
    pub async fn topic(&self, partitions: u32) -> Topic {
        self.topic_as(partitions, None, false).await
    }

    /// A new topic.
    pub async fn topic_as(
        &self,
        partitions: u32,
        retention: Option<Duration>,
        compacted: bool,
    ) -> Topic {
        let name = Topic::from(self.unique("topic"));
        let spec = TopicSpec {
            name: name.clone(),
            partitions,
            retention,
            compacted,
        };
        self.log
            .ensure_topics(&[spec])
            .await
            .expect("a topic can be made");
        name
    }

    /// A group that nobody has joined.
    pub fn group(&self) -> GroupName {
        GroupName::from(self.unique("group"))
    }

    /// A writer that nobody else is.
    pub fn writer(&self) -> WriterName {
        WriterName::from(self.unique("writer"))
    }

    /// Opens a session.
    pub async fn session(
        &self,
        group: &GroupName,
        topic: &Topic,
        outputs: Outputs,
    ) -> <H::Log as EventLog>::Session {
        let spec = SessionSpec {
            group: group.clone(),
            topic: topic.clone(),
            instance: InstanceName::from(self.unique("instance")),
            outputs,
        };
        self.log.open_session(spec).await.expect("a session opens")
    }

    /// Appends values to partition 0 and returns their offsets.
    pub async fn append(&self, topic: &Topic, values: &[&str]) -> Vec<Offset> {
        let records = values.iter().map(|v| new(topic, 0, v)).collect();
        self.append_all(records).await
    }

    /// Appends records and returns their offsets.
    pub async fn append_all(&self, records: Vec<NewRecord>) -> Vec<Offset> {
        let appender = self
            .log
            .open_appender(self.writer())
            .await
            .expect("an appender opens");
        let places = appender.append(records).await.expect("an append succeeds");
        places.into_iter().map(|(_, offset)| offset).collect()
    }

    /// Everything that can be read of a partition.
    pub async fn read(&self, topic: &Topic, partition: u32) -> Vec<Record> {
        read_from(&self.log, topic, partition, Offset::ZERO).await
    }

    /// The values of everything that can be read of a partition.
    pub async fn values(&self, topic: &Topic, partition: u32) -> Vec<String> {
        self.read(topic, partition).await.iter().map(text).collect()
    }

    /// Everything that can be read of a partition, once these many records can: what was
    /// committed shows a moment after its commit has returned.
    pub async fn committed(&self, topic: &Topic, partition: u32, count: usize) -> Vec<Record> {
        let until = self.deadline();
        loop {
            let records = self.read(topic, partition).await;
            if records.len() >= count {
                return records;
            }
            assert!(
                Instant::now() < until,
                "{} of {count} records can be read",
                records.len()
            );
        }
    }

    /// The values of the same.
    pub async fn committed_values(
        &self,
        topic: &Topic,
        partition: u32,
        count: usize,
    ) -> Vec<String> {
        let records = self.committed(topic, partition, count).await;
        records.iter().map(text).collect()
    }

    /// Polls until the session has been assigned this many partitions, and returns them sorted.
    /// Hand-overs that are asked for meanwhile are granted, and what leaves is taken off.
    pub async fn assigned<S: Session>(&self, session: &mut S, count: usize) -> Vec<Assigned> {
        let mut owned: Vec<Assigned> = Vec::new();
        let until = self.deadline();
        while owned.len() != count {
            assert!(
                Instant::now() < until,
                "owns {owned:?}, not {count} partitions"
            );
            match poll(session, Duration::from_millis(50)).await {
                Polled::Assigned(more) => owned.extend(more),
                Polled::Revoking(leaving) => {
                    owned.retain(|a| !leaving.partitions.contains(&a.partition));
                }
                Polled::Lost(lost) => owned.retain(|a| !lost.contains(&a.partition)),
                Polled::Records(_) | Polled::Idle => {}
            }
        }
        owned.sort_by_key(|assigned| assigned.partition);
        owned
    }

    /// Polls until this many records came.
    pub async fn records<S: Session>(&self, session: &mut S, count: usize) -> Vec<Record> {
        let mut records = Vec::new();
        let until = self.deadline();
        while records.len() < count {
            assert!(
                Instant::now() < until,
                "{} of {count} records came",
                records.len()
            );
            if let Polled::Records(more) = poll(session, Duration::from_millis(50)).await {
                records.extend(more);
            }
        }
        records
    }

    /// When patience ends.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.harness.patience()
    }

    /// Closes the log and opens it again.
    #[must_use]
    pub async fn reopened(self) -> Self {
        let Self {
            harness,
            log,
            name,
            ids,
        } = self;
        harness.close(log).await;
        let log = harness.open().await;
        Self {
            harness,
            log,
            name,
            ids,
        }
    }
}

/// Polls once.
pub(super) async fn poll<S: Session>(session: &mut S, wait: Duration) -> Polled {
    session
        .poll(Limit::default(), wait)
        .await
        .expect("a poll succeeds")
}

/// A record with this text as its value.
pub(super) fn new(topic: &Topic, partition: u32, value: &str) -> NewRecord {
    NewRecord {
        topic: topic.clone(),
        partition: Partition(partition),
        key: None,
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Vec::new(),
    }
}

/// The same with a key; no value is a tombstone.
pub(super) fn keyed(topic: &Topic, key: &str, value: Option<&str>) -> NewRecord {
    NewRecord {
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: value.map(|v| Bytes::copy_from_slice(v.as_bytes())),
        ..new(topic, 0, "")
    }
}

/// A record's value as text.
pub(super) fn text(record: &Record) -> String {
    let value = record.value.as_deref().expect("a record with a value");
    String::from_utf8_lossy(value).into_owned()
}

/// A position to commit, with metadata.
pub(super) fn consumed(topic: &Topic, partition: u32, offset: Offset, metadata: &str) -> Consumed {
    Consumed {
        topic: topic.clone(),
        partition: Partition(partition),
        offset,
        metadata: Bytes::copy_from_slice(metadata.as_bytes()),
    }
}

/// A batch.
pub(super) fn batch(records: Vec<NewRecord>, consumed: Vec<Consumed>) -> Batch {
    Batch { records, consumed }
}

/// Everything that can be read of a partition from a position.
pub(super) async fn read_from<L: EventLog>(
    log: &L,
    topic: &Topic,
    partition: u32,
    mut from: Offset,
) -> Vec<Record> {
    let mut reader = log.open_reader().await.expect("a reader opens");
    let mut records = Vec::new();
    loop {
        let limit = Limit::records(7);
        let page = reader.read(topic, Partition(partition), from, limit).await;
        let page = page.expect("a read succeeds");
        assert!(
            page.next > from || page.records.is_empty(),
            "a read that does not move on"
        );
        records.extend(page.records);
        from = page.next;
        if page.at_end {
            return records;
        }
    }
}
