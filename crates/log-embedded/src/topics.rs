//! Topics and partitions while the log is open: their bounds, and the newest batches in memory.
//!
//! Bounds and batches are changed by the writer thread alone, after the change is on disk.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use triggerfish_log::{LogError, Partition, Topic};

use crate::store::{Store, StoreError, StoredTopic};

/// All topics by name.
#[derive(Default)]
pub(crate) struct Topics {
    by_name: RwLock<HashMap<Topic, Arc<TopicLog>>>,
}

impl Topics {
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
        let topics = Self::default();
        for stored in store.topics()? {
            topics.insert(TopicLog::load(&stored, store)?);
        }
        Ok(topics)
    }

    pub(crate) fn find(&self, topic: &Topic) -> Option<Arc<TopicLog>> {
        self.by_name.read().get(topic).cloned()
    }

    pub(crate) fn get(&self, topic: &Topic) -> Result<Arc<TopicLog>, LogError> {
        self.find(topic).ok_or_else(|| LogError::UnknownTopic {
            topic: topic.clone(),
        })
    }

    pub(crate) fn partition(
        &self,
        topic: &Topic,
        partition: Partition,
    ) -> Result<Arc<PartitionLog>, LogError> {
        self.get(topic)?.partition(partition)
    }

    pub(crate) fn all(&self) -> Vec<Arc<TopicLog>> {
        self.by_name.read().values().cloned().collect()
    }

    pub(crate) fn insert(&self, topic: TopicLog) {
        self.by_name
            .write()
            .insert(topic.name.clone(), Arc::new(topic));
    }
}

/// One topic.
pub(crate) struct TopicLog {
    pub(crate) name: Topic,
    pub(crate) id: u32,
    pub(crate) settings: RwLock<Settings>,
    partitions: RwLock<Vec<Arc<PartitionLog>>>,
    watchers: Mutex<Vec<Weak<Notify>>>,
}

/// What may be changed of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) retention_us: Option<u64>,
    pub(crate) compacted: bool,
}

impl TopicLog {
    pub(crate) fn new(stored: &StoredTopic) -> Self {
        let partition = |n| {
            Arc::new(PartitionLog::new(
                stored.name.clone(),
                stored.id,
                Partition(n),
                0,
            ))
        };
        Self {
            name: stored.name.clone(),
            id: stored.id,
            settings: RwLock::new(Settings {
                retention_us: stored.retention_us,
                compacted: stored.compacted,
            }),
            partitions: RwLock::new((0..stored.partitions).map(partition).collect()),
            watchers: Mutex::default(),
        }
    }

    fn load(stored: &StoredTopic, store: &Store) -> Result<Self, StoreError> {
        let topic = Self::new(stored);
        for log in topic.partitions() {
            let number = log.partition.0;
            let (first, end) = store.bounds(stored.id, number)?.unwrap_or((0, 0));
            let mut tail = log.tail.lock();
            let first_key = store.keys(stored.id, number, first).next().transpose()?;
            tail.first = first_key.map_or(end, |key| key.base);
            tail.end = end;
            if let Some(last) = store.last_key(stored.id, number)? {
                tail.end = end.max(last.next);
                tail.last_timestamp_us = last.timestamp_us;
            }
            if stored.compacted {
                tail.since_compaction = store.bytes_of(stored.id, number)?;
            }
        }
        Ok(topic)
    }

    pub(crate) fn partitions(&self) -> Vec<Arc<PartitionLog>> {
        self.partitions.read().clone()
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.partitions.read().len()).expect("counts of partitions are u32")
    }

    pub(crate) fn partition(&self, partition: Partition) -> Result<Arc<PartitionLog>, LogError> {
        let partitions = self.partitions.read();
        let found = partitions.get(partition.0 as usize).cloned();
        found.ok_or_else(|| LogError::UnknownPartition {
            topic: self.name.clone(),
            partition,
            partitions: u32::try_from(partitions.len()).unwrap_or(u32::MAX),
        })
    }

    pub(crate) fn grow(&self, to: u32) {
        let mut partitions = self.partitions.write();
        for n in u32::try_from(partitions.len()).unwrap_or(u32::MAX)..to {
            partitions.push(Arc::new(PartitionLog::new(
                self.name.clone(),
                self.id,
                Partition(n),
                0,
            )));
        }
    }

    /// Has `wake` notified of every record that becomes readable, until it is dropped.
    pub(crate) fn watch(&self, wake: &Arc<Notify>) {
        self.watchers.lock().push(Arc::downgrade(wake));
    }

    pub(crate) fn wake_watchers(&self) {
        self.watchers.lock().retain(|watcher| {
            let watcher = watcher.upgrade();
            if let Some(wake) = &watcher {
                wake.notify_one();
            }
            watcher.is_some()
        });
    }
}

/// One partition.
pub(crate) struct PartitionLog {
    pub(crate) topic: Topic,
    pub(crate) topic_id: u32,
    pub(crate) partition: Partition,
    tail: Mutex<Tail>,
}

/// A batch in memory.
#[derive(Clone)]
pub(crate) struct Resident {
    pub(crate) base: u64,
    pub(crate) next: u64,
    pub(crate) batch: Bytes,
}

#[derive(Default)]
struct Tail {
    first: u64,
    end: u64,
    last_timestamp_us: i64,
    /// The newest batches, without gaps up to `end`. May be empty.
    batches: VecDeque<Resident>,
    since_compaction: usize,
    compacted_to: usize,
}

/// Where the records at a position are.
pub(crate) enum Source {
    /// At the end: there are none.
    AtEnd,
    /// In these batches in memory; whether they reach the end.
    Memory(Vec<Resident>),
    /// In the store.
    Store,
}

/// What a partition holds.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) first: u64,
    pub(crate) end: u64,
    pub(crate) last_timestamp_us: i64,
}

impl PartitionLog {
    pub(crate) fn new(topic: Topic, topic_id: u32, partition: Partition, end: u64) -> Self {
        let tail = Tail {
            first: end,
            end,
            ..Tail::default()
        };
        Self {
            topic,
            topic_id,
            partition,
            tail: Mutex::new(tail),
        }
    }

    pub(crate) fn extent(&self) -> Extent {
        let tail = self.tail.lock();
        Extent {
            first: tail.first,
            end: tail.end,
            last_timestamp_us: tail.last_timestamp_us,
        }
    }

    /// Where to read about `bytes` bytes or `records` records from a position.
    pub(crate) fn source(&self, from: u64, records: usize, bytes: usize) -> (Source, Extent) {
        let tail = self.tail.lock();
        let extent = Extent {
            first: tail.first,
            end: tail.end,
            last_timestamp_us: tail.last_timestamp_us,
        };
        if from >= tail.end {
            return (Source::AtEnd, extent);
        }
        if tail.batches.front().is_none_or(|oldest| oldest.base > from) {
            return (Source::Store, extent);
        }
        let start = tail.batches.partition_point(|batch| batch.next <= from);
        let (mut taken, mut room, mut count) = (Vec::new(), bytes, records as u64);
        for batch in tail.batches.range(start..) {
            taken.push(batch.clone());
            room = room.saturating_sub(batch.batch.len());
            count = count.saturating_sub(batch.next - batch.base.max(from));
            if room == 0 || count == 0 {
                break;
            }
        }
        (Source::Memory(taken), extent)
    }

    /// Makes batches readable that are on disk.
    pub(crate) fn publish(&self, batches: impl Iterator<Item = Resident>, timestamp_us: i64) {
        let mut tail = self.tail.lock();
        for batch in batches {
            tail.end = batch.next;
            tail.since_compaction += batch.batch.len();
            tail.batches.push_back(batch);
        }
        tail.last_timestamp_us = timestamp_us;
    }

    /// Drops a batch from memory if it is the oldest there.
    pub(crate) fn evict(&self, base: u64) {
        let mut tail = self.tail.lock();
        if tail
            .batches
            .front()
            .is_some_and(|oldest| oldest.base == base)
        {
            tail.batches.pop_front();
        }
    }

    /// Drops everything before `first`, which is gone from the store.
    pub(crate) fn trim(&self, first: u64) {
        let mut tail = self.tail.lock();
        tail.first = first;
        while tail
            .batches
            .front()
            .is_some_and(|oldest| oldest.next <= first)
        {
            tail.batches.pop_front();
        }
    }

    /// Whether enough was appended since the last compaction for another one.
    pub(crate) fn wants_compaction(&self, after_bytes: usize) -> bool {
        let tail = self.tail.lock();
        tail.since_compaction > after_bytes.max(tail.compacted_to)
    }

    /// The store holds the partition's records in other batches than memory does; from here on
    /// they are read from there.
    pub(crate) fn compacted(&self, to_bytes: usize) {
        let mut tail = self.tail.lock();
        tail.batches.clear();
        tail.since_compaction = 0;
        tail.compacted_to = to_bytes;
    }
}
