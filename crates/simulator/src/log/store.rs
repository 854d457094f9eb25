//! Topics, and what is in them.

use std::collections::BTreeMap;

use triggerfish_log::{
    Bounds, GroupName, Limit, LogError, NewRecord, Offset, Page, Partition, Record, Topic,
    TopicSpec, WriterName,
};

use super::group::Group;

#[derive(Default)]
pub(super) struct State {
    topics: BTreeMap<Topic, Vec<Kept>>,
    pub(super) groups: BTreeMap<(GroupName, Topic), Group>,
    pub(super) writers: BTreeMap<WriterName, (GroupName, Topic, u64)>,
    pub(super) members_ever: u64,
}

/// One partition.
#[derive(Default)]
struct Kept {
    records: Vec<Record>,
    /// The offset of the next record.
    next: Offset,
}

impl State {
    pub(super) fn ensure(&mut self, specs: &[TopicSpec]) -> Result<(), LogError> {
        for spec in specs {
            let refused = |reason: &str| LogError::TopicRefused {
                topic: spec.name.clone(),
                reason: reason.to_owned(),
            };
            if !spec.name.is_valid() {
                return Err(refused("its name is not legal"));
            }
            let there = self.topics.get(&spec.name).map_or(0, Vec::len);
            let wanted = spec.partitions as usize;
            if wanted == 0 || wanted < there {
                return Err(refused("it can't have fewer partitions"));
            }
            let topic = self.topics.entry(spec.name.clone()).or_default();
            topic.resize_with(wanted, Kept::default);
            for (key, group) in &mut self.groups {
                if key.1 == spec.name {
                    group.grow(wanted);
                }
            }
        }
        Ok(())
    }

    pub(super) fn partitions(&self, topic: &Topic) -> Result<u32, LogError> {
        let kept = self.topic(topic)?;
        Ok(u32::try_from(kept.len()).unwrap_or(u32::MAX))
    }

    fn topic(&self, topic: &Topic) -> Result<&Vec<Kept>, LogError> {
        let kept = self.topics.get(topic);
        kept.ok_or_else(|| LogError::UnknownTopic {
            topic: topic.clone(),
        })
    }

    fn kept(&self, topic: &Topic, partition: Partition) -> Result<&Kept, LogError> {
        let all = self.topic(topic)?;
        let kept = all.get(partition.0 as usize);
        kept.ok_or_else(|| LogError::UnknownPartition {
            topic: topic.clone(),
            partition,
            partitions: u32::try_from(all.len()).unwrap_or(u32::MAX),
        })
    }

    /// Whether all of them can be appended.
    pub(super) fn check(&self, records: &[NewRecord]) -> Result<(), LogError> {
        for record in records {
            self.kept(&record.topic, record.partition)?;
        }
        Ok(())
    }

    /// Appends what has been checked.
    pub(super) fn append(&mut self, records: &[NewRecord], timestamp_us: i64) -> Vec<Record> {
        let mut appended = Vec::with_capacity(records.len());
        for new in records {
            let kept = self.topics.get_mut(&new.topic);
            let Some(kept) = kept.and_then(|kept| kept.get_mut(new.partition.0 as usize)) else {
                continue;
            };
            let record = Record {
                topic: new.topic.clone(),
                partition: new.partition,
                offset: kept.next,
                timestamp_us,
                key: new.key.clone(),
                value: new.value.clone(),
                headers: new.headers.clone(),
            };
            kept.next = kept.next.next();
            kept.records.push(record.clone());
            appended.push(record);
        }
        appended
    }

    /// The end of a transaction takes an offset in each partition that it wrote to, as on
    /// Kafka.
    pub(super) fn mark(&mut self, appended: &[Record]) {
        let places = appended
            .iter()
            .map(|record| (&record.topic, record.partition));
        let places: std::collections::BTreeSet<_> = places.collect();
        for (topic, partition) in places {
            let kept = self.topics.get_mut(topic);
            if let Some(kept) = kept.and_then(|kept| kept.get_mut(partition.0 as usize)) {
                kept.next = kept.next.next();
            }
        }
    }

    pub(super) fn bounds(&self, topic: &Topic, partition: Partition) -> Result<Bounds, LogError> {
        let kept = self.kept(topic, partition)?;
        Ok(Bounds {
            first: Offset::ZERO,
            end: kept.next,
        })
    }

    pub(super) fn read(
        &self,
        topic: &Topic,
        partition: Partition,
        from: Offset,
        limit: Limit,
    ) -> Result<Page, LogError> {
        let kept = self.kept(topic, partition)?;
        if from > kept.next {
            return Err(LogError::BeyondEnd {
                topic: topic.clone(),
                partition,
                offset: from,
                end: kept.next,
            });
        }
        let begin = kept.records.partition_point(|record| record.offset < from);
        let (mut records, mut bytes) = (Vec::new(), 0);
        for record in &kept.records[begin..] {
            bytes += record.payload_bytes();
            let is_full = records.len() >= limit.records.get() || bytes > limit.bytes.get();
            if is_full && !records.is_empty() {
                break;
            }
            records.push(record.clone());
        }
        let at_end = begin + records.len() == kept.records.len();
        let next = match records.last() {
            Some(last) if !at_end => last.offset.next(),
            _ => kept.next,
        };
        Ok(Page {
            records,
            next,
            at_end,
        })
    }

    pub(super) fn records(&self, topic: &Topic, partition: Partition) -> Vec<Record> {
        let kept = self.kept(topic, partition);
        kept.map(|kept| kept.records.clone()).unwrap_or_default()
    }

    pub(super) fn ends(&self, topic: &Topic) -> Vec<Offset> {
        let kept = self.topics.get(topic).into_iter().flatten();
        kept.map(|kept| kept.next).collect()
    }

    pub(super) fn committed(&self, group: &str, topic: &Topic) -> Vec<Option<Offset>> {
        let group = self.groups.get(&(group.into(), topic.clone()));
        group.map(Group::positions).unwrap_or_default()
    }

    pub(super) fn forget_positions(&mut self) {
        self.groups.values_mut().for_each(Group::forget_positions);
    }
}
