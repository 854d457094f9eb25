//! What the writer does besides: sets up topics, drops records past their retention, compacts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use triggerfish_log::{LogError, Record, TopicSpec};

use crate::batch::{self, Budget};
use crate::keys::BatchKey;
use crate::store::{StoreError, StoredTopic};
use crate::topics::{PartitionLog, Settings, TopicLog};
use crate::writer::{Writer, now_us};

/// Batches dropped in one write, so that appends need not wait for long.
const DROPS_PER_WRITE: usize = 10_000;
/// Compacted batches are made about this large.
const COMPACTED_BYTES: usize = 1 << 20;

/// What a clean-up did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleanedUp {
    /// Batches dropped because all their records were past the topic's retention.
    pub batches_dropped: usize,
    /// Records dropped because a later one has their key, or as old tombstones.
    pub records_compacted: usize,
}

impl Writer {
    /// The regular clean-up; compacts only where enough was appended.
    pub(crate) fn clean_up_by_the_way(&mut self) {
        if self.shared.check().is_err() {
            return;
        }
        let now_us = now_us();
        for topic in self.shared.topics.all() {
            let settings = *topic.settings.read();
            for log in topic.partitions() {
                let due = log.wants_compaction(self.shared.options.compact_after_bytes);
                let cleaned = match settings {
                    Settings {
                        compacted: true, ..
                    } if due => self.compact(&log, now_us),
                    Settings {
                        compacted: true, ..
                    } => Ok(0),
                    Settings { retention_us, .. } => self.trim(&log, retention_us, now_us),
                };
                if cleaned.is_err() {
                    return;
                }
            }
        }
    }

    /// Drops and compacts everything that can be, as of `now_us`.
    pub(crate) fn clean_up(&mut self, now_us: i64) -> Result<CleanedUp, LogError> {
        self.shared.check()?;
        let mut cleaned = CleanedUp::default();
        for topic in self.shared.topics.all() {
            let settings = *topic.settings.read();
            for log in topic.partitions() {
                if settings.compacted {
                    cleaned.records_compacted += self.compact(&log, now_us)?;
                } else {
                    cleaned.batches_dropped += self.trim(&log, settings.retention_us, now_us)?;
                }
            }
        }
        Ok(cleaned)
    }

    fn trim(
        &mut self,
        log: &Arc<PartitionLog>,
        retention_us: Option<u64>,
        now_us: i64,
    ) -> Result<usize, LogError> {
        let Some(retention_us) = retention_us else {
            return Ok(0);
        };
        let oldest_us = now_us.saturating_sub_unsigned(retention_us);
        let mut dropped = 0;
        loop {
            let extent = log.extent();
            let keys = self.store.keys(log.topic_id, log.partition.0, extent.first);
            let expired = keys
                .take_while(|key| key.as_ref().is_ok_and(|key| key.timestamp_us < oldest_us))
                .take(DROPS_PER_WRITE);
            let expired: Vec<BatchKey> = expired
                .collect::<Result<_, StoreError>>()
                .map_err(|e| self.failed("trim", &e))?;
            let Some(last) = expired.last() else {
                return Ok(dropped);
            };
            let mut write = self.store.group();
            for key in &expired {
                write.remove_batch(*key);
            }
            write.put_bounds(log.topic_id, log.partition.0, last.next, extent.end);
            write
                .write()
                .map_err(|e| self.failed("drop old records", &e))?;
            log.trim(last.next);
            dropped += expired.len();
        }
    }

    /// Keeps the newest record of each key. Returns how many records went.
    pub(crate) fn compact(
        &mut self,
        log: &Arc<PartitionLog>,
        now_us: i64,
    ) -> Result<usize, LogError> {
        let (keys, records) = self.load(log)?;
        let all = records.len();
        let keep_us = self.shared.options.keep_tombstones.as_micros();
        let keep_us = u64::try_from(keep_us).unwrap_or(u64::MAX);
        let kept = newest(records, now_us.saturating_sub_unsigned(keep_us));
        let bytes = kept.iter().map(Record::payload_bytes).sum();
        let gone = all - kept.len();
        if gone > 0 {
            self.replace(log, &keys, &kept)?;
        }
        log.compacted(bytes);
        Ok(gone)
    }

    fn load(&self, log: &PartitionLog) -> Result<(Vec<BatchKey>, Vec<Record>), LogError> {
        let (mut keys, mut records) = (Vec::new(), Vec::new());
        for stored in self.store.batches(log.topic_id, log.partition.0, 0) {
            let (key, stored) = stored.map_err(|e| self.failed("read for compaction", &e))?;
            batch::decode(log, &stored, 0, &mut Budget::unlimited(), &mut records)?;
            keys.push(key);
        }
        Ok((keys, records))
    }

    fn replace(
        &self,
        log: &PartitionLog,
        old: &[BatchKey],
        kept: &[Record],
    ) -> Result<(), LogError> {
        let extent = log.extent();
        let new = rewritten(log, extent.first, extent.end, kept);
        let new_keys: HashSet<_> = new.iter().map(|(key, _)| key.encode()).collect();
        let mut write = self.store.group();
        for key in old.iter().filter(|key| !new_keys.contains(&key.encode())) {
            write.remove_batch(*key);
        }
        for (key, batch) in new {
            write.put_batch(key, batch);
        }
        write.put_bounds(log.topic_id, log.partition.0, extent.first, extent.end);
        write.write().map_err(|e| self.failed("compact", &e))
    }

    /// Makes topics exist as specified; all of them or none.
    pub(crate) fn ensure_topics(&mut self, specs: &[TopicSpec]) -> Result<(), LogError> {
        self.shared.check()?;
        let mut next_id = self
            .shared
            .topics
            .all()
            .iter()
            .map(|t| t.id + 1)
            .max()
            .unwrap_or(1);
        let mut write = self.store.group();
        let mut stored = Vec::new();
        for spec in specs {
            let existing = self.shared.topics.find(&spec.name);
            check_spec(spec, existing.as_deref())?;
            let id = existing.as_ref().map_or(next_id, |topic| topic.id);
            next_id += u32::from(existing.is_none());
            let retention = spec
                .retention
                .map(|r| u64::try_from(r.as_micros()).unwrap_or(u64::MAX));
            let topic = StoredTopic {
                name: spec.name.clone(),
                id,
                partitions: spec.partitions,
                retention_us: retention,
                compacted: spec.compacted,
            };
            write.put_topic(&topic);
            stored.push((topic, existing));
        }
        write
            .write()
            .map_err(|e| self.failed("set up topics", &e))?;
        for (topic, existing) in stored {
            let Some(existing) = existing else {
                self.shared.topics.insert(TopicLog::new(&topic));
                continue;
            };
            *existing.settings.write() = Settings {
                retention_us: topic.retention_us,
                compacted: topic.compacted,
            };
            if topic.partitions > existing.count() {
                existing.grow(topic.partitions);
                self.shared.groups.grow(&topic.name, topic.partitions);
            }
        }
        Ok(())
    }
}

fn check_spec(spec: &TopicSpec, existing: Option<&TopicLog>) -> Result<(), LogError> {
    let refused = |reason| {
        Err(LogError::TopicRefused {
            topic: spec.name.clone(),
            reason,
        })
    };
    if !spec.name.is_valid() {
        return refused("its name must be 1 to 249 letters, digits, '.', '_' or '-'".to_owned());
    }
    if spec.partitions == 0 || spec.partitions > 100_000 {
        return refused(format!(
            "it must have 1 to 100000 partitions, not {}",
            spec.partitions
        ));
    }
    match existing.map(TopicLog::count) {
        Some(count) if count > spec.partitions => refused(format!(
            "it has {count} partitions and cannot shrink to {}: ask for {count} or more",
            spec.partitions
        )),
        _ => Ok(()),
    }
}

/// The last record of each key, in order, without tombstones older than `tombstones_from_us`.
fn newest(records: Vec<Record>, tombstones_from_us: i64) -> Vec<Record> {
    let mut last: HashMap<Option<Bytes>, u64> = HashMap::new();
    for record in &records {
        last.insert(record.key.clone(), record.offset.0);
    }
    let keep = |record: &Record| {
        // Records from before a topic was compacted may have no key; they are no versions of
        // anything.
        let newest = record.key.is_none() || last.get(&record.key) == Some(&record.offset.0);
        newest && (record.value.is_some() || record.timestamp_us >= tombstones_from_us)
    };
    records.into_iter().filter(keep).collect()
}

/// Batches of the records, which together cover every offset from `first` to `end`.
fn rewritten(
    log: &PartitionLog,
    first: u64,
    end: u64,
    records: &[Record],
) -> Vec<(BatchKey, Bytes)> {
    let (mut batches, mut base, mut start, mut bytes) = (Vec::new(), first, 0, 0);
    for (n, record) in records.iter().enumerate() {
        bytes += record.payload_bytes();
        let last = n + 1 == records.len();
        if bytes < COMPACTED_BYTES && !last {
            continue;
        }
        let part = &records[start..=n];
        let next = if last { end } else { record.offset.0 + 1 };
        let newest = part.iter().map(|r| r.timestamp_us).max().unwrap_or(0);
        let key = BatchKey {
            topic: log.topic_id,
            partition: log.partition.0,
            next,
            base,
            timestamp_us: newest,
        };
        batches.push((key, batch::sparse(base, part)));
        (base, start, bytes) = (next, n + 1, 0);
    }
    batches
}
