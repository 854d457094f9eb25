//! Whose partitions are whose, as the group and librdkafka see it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::{Offset as KafkaOffset, TopicPartitionList};
use triggerfish_log::{Offset, Partition, Revoking, Topic};

/// The partitions of a session, from their assignment until they are given up.
pub(super) struct Ownership {
    topic: Topic,
    /// The next record of each, as far as it went to the inbox.
    next: HashMap<Partition, Offset>,
    /// On their way to another session.
    leaving: Option<Leaving>,
}

/// A hand-over that waits for the session.
struct Leaving {
    partitions: Vec<Partition>,
    deadline: Instant,
    granted: Arc<AtomicBool>,
}

/// How a hand-over ended.
pub(super) enum HandOver {
    /// The session let go.
    Granted(Vec<Partition>),
    /// It took too long.
    Overdue(Vec<Partition>),
}

impl Ownership {
    pub(super) fn new(topic: Topic) -> Self {
        Self {
            topic,
            next: HashMap::new(),
            leaving: None,
        }
    }

    pub(super) fn gain(&mut self, partition: Partition, from: Offset) {
        self.next.insert(partition, from);
    }

    pub(super) fn give_up(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            self.next.remove(partition);
        }
    }

    pub(super) fn owns(&self, partition: Partition) -> bool {
        self.next.contains_key(&partition)
    }

    /// Whether records of the partition are for the session.
    pub(super) fn reads(&self, partition: Partition) -> bool {
        let leaving = self.leaving.as_ref();
        self.owns(partition)
            && leaving.is_none_or(|leaving| !leaving.partitions.contains(&partition))
    }

    pub(super) fn moved_to(&mut self, partition: Partition, next: Offset) {
        if let Some(position) = self.next.get_mut(&partition) {
            *position = next;
        }
    }

    /// The next record of a partition whose records are for the session.
    pub(super) fn next(&self, partition: Partition) -> Option<Offset> {
        let next = self.next.get(&partition).copied();
        next.filter(|_| self.reads(partition))
    }

    pub(super) fn all(&self) -> Vec<Partition> {
        self.next.keys().copied().collect()
    }

    /// The guard that the session is given for partitions that shall leave.
    pub(super) fn leave(&mut self, partitions: Vec<Partition>, within: Duration) -> Revoking {
        let deadline = Instant::now() + within;
        let granted = Arc::new(AtomicBool::new(false));
        self.leaving = Some(Leaving {
            partitions: partitions.clone(),
            deadline,
            granted: Arc::clone(&granted),
        });
        let driver = std::thread::current();
        Revoking::new(partitions, deadline, move || {
            granted.store(true, Ordering::Release);
            driver.unpark();
        })
    }

    pub(super) fn is_handing_over(&self) -> bool {
        self.leaving.is_some()
    }

    /// How the hand-over ended, once it has. With `lost` it is over whatever the session does.
    pub(super) fn handed_over(&mut self, lost: bool) -> Option<HandOver> {
        let leaving = self.leaving.as_ref()?;
        let granted = leaving.granted.load(Ordering::Acquire);
        let overdue = lost || Instant::now() >= leaving.deadline;
        if !granted && !overdue {
            return None;
        }
        let partitions = self.leaving.take()?.partitions;
        Some(if granted && !lost {
            HandOver::Granted(partitions)
        } else {
            HandOver::Overdue(partitions)
        })
    }

    /// The partitions as librdkafka takes them.
    pub(super) fn list(&self, partitions: &[Partition]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(self.topic.as_str(), number(*partition));
        }
        list
    }
}

/// A partition's number as librdkafka has it.
pub(super) fn number(partition: Partition) -> i32 {
    i32::try_from(partition.0).unwrap_or(i32::MAX)
}

/// A position as librdkafka has it.
pub(super) fn place(offset: Offset) -> KafkaOffset {
    KafkaOffset::Offset(i64::try_from(offset.0).unwrap_or(i64::MAX))
}

/// The partitions in librdkafka's list.
pub(super) fn partitions_of(list: &TopicPartitionList) -> Vec<Partition> {
    let number = |n: i32| Partition(u32::try_from(n).unwrap_or_default());
    let elements = list.elements();
    elements.iter().map(|one| number(one.partition())).collect()
}
