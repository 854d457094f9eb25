//! What the group gives and takes, and how the session's thread answers it.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};
use triggerfish_log::{Assigned, Committed, Offset, Partition};

use super::context::Rebalance;
use super::driver::Driver;
use super::ownership::{HandOver, number, partitions_of, place};

/// How long one try to learn committed positions may take. They can be held back by the
/// transaction of a dead session; the others are not kept waiting for that.
const POSITIONS_WITHIN: Duration = Duration::from_millis(500);

impl Driver {
    /// Answers the group: takes what was given, gives up what was asked for.
    pub(super) fn settle(&mut self) {
        let lost = self.consumer.assignment_lost();
        if self.ownership.is_handing_over() {
            match self.ownership.handed_over(lost) {
                None => return,
                Some(HandOver::Granted(partitions)) => {
                    self.unassign(&partitions);
                    self.inbox.released(&partitions);
                }
                Some(HandOver::Overdue(partitions)) => {
                    self.unassign(&partitions);
                    self.inbox.lost(&partitions);
                }
            }
        }
        if let Some(gained) = self.gained.take() {
            self.take_over(gained);
        }
        while self.gained.is_none() && !self.ownership.is_handing_over() {
            match self.callbacks().next_rebalance() {
                None => return,
                Some(Rebalance::Assign(gained)) => self.take_over(gained),
                Some(Rebalance::Revoke(leaving)) => self.revoke(&leaving),
            }
        }
    }

    fn revoke(&mut self, leaving: &TopicPartitionList) {
        let partitions = partitions_of(leaving);
        if self.consumer.assignment_lost() {
            self.unassign(&partitions);
            self.inbox.lost(&partitions);
        } else {
            let within = self.shared.settings.hand_over;
            let guard = self.ownership.leave(partitions, within);
            self.inbox.revoking(guard);
        }
    }

    fn unassign(&mut self, partitions: &[Partition]) {
        self.tell_consumer("giving up", partitions, BaseConsumer::incremental_unassign);
        self.ownership.give_up(partitions);
    }

    /// Learns the committed positions of partitions that the group gave, and reads from there.
    fn take_over(&mut self, gained: TopicPartitionList) {
        let mut known = match self.committed(&gained) {
            Ok(known) => known,
            Err(error) => {
                tracing::debug!(target: "kafka", %error, "committed positions are not known yet");
                self.gained = Some(gained);
                return;
            }
        };
        let assigned: Vec<Assigned> = known.elements().iter().map(assigned).collect();
        for one in &assigned {
            let committed = one.committed.as_ref();
            let from = committed.map_or(Offset::ZERO, |committed| committed.offset);
            let start = match from {
                Offset::ZERO => KafkaOffset::Beginning,
                from => place(from),
            };
            let (topic, partition) = (self.spec.topic.as_str(), number(one.partition));
            if let Err(error) = known.set_partition_offset(topic, partition, start) {
                tracing::warn!(target: "kafka", %partition, %error, "setting a position failed");
            }
            self.ownership.gain(one.partition, from);
        }
        if let Err(error) = self.consumer.incremental_assign(&known) {
            self.inbox
                .fence(&format!("taking partitions failed: {error}"));
            return;
        }
        if self.held_back {
            self.tell_consumer("pausing", &partitions_of(&known), BaseConsumer::pause);
        }
        self.inbox.assigned(assigned);
    }

    /// The committed positions of these partitions. The session is over if one is after the
    /// end: reading could only go on somewhere else, silently.
    fn committed(&self, gained: &TopicPartitionList) -> KafkaResult<TopicPartitionList> {
        let within = POSITIONS_WITHIN;
        let known = self.consumer.committed_offsets(gained.clone(), within)?;
        let known = without_errors(known)?;
        let mut ends = TopicPartitionList::new();
        for one in known.elements() {
            if let KafkaOffset::Offset(_) = one.offset() {
                ends.add_partition_offset(one.topic(), one.partition(), KafkaOffset::End)?;
            }
        }
        if ends.count() == 0 {
            return Ok(known);
        }
        let ends = without_errors(self.consumer.offsets_for_times(ends, within)?)?;
        for end in ends.elements() {
            let committed = known.find_partition(end.topic(), end.partition());
            if let Some(KafkaOffset::Offset(from)) = committed.map(|one| one.offset())
                && let KafkaOffset::Offset(end_at) = end.offset()
                && from > end_at
            {
                let position = |offset: i64| Offset(u64::try_from(offset).unwrap_or_default());
                let partition = Partition(u32::try_from(end.partition()).unwrap_or_default());
                self.fence_beyond_end(partition, position(from), position(end_at));
            }
        }
        Ok(known)
    }
}

fn without_errors(list: TopicPartitionList) -> KafkaResult<TopicPartitionList> {
    let elements = list.elements();
    elements.iter().try_for_each(rdkafka_error)?;
    drop(elements);
    Ok(list)
}

fn rdkafka_error(one: &TopicPartitionListElem<'_>) -> KafkaResult<()> {
    one.error()
}

fn assigned(one: &TopicPartitionListElem<'_>) -> Assigned {
    let committed = match one.offset() {
        KafkaOffset::Offset(offset) => Some(Committed {
            offset: Offset(u64::try_from(offset).unwrap_or_default()),
            // Positions that another tool has set carry nothing of ours.
            metadata: STANDARD
                .decode(one.metadata())
                .map_or_else(|_| Bytes::new(), Bytes::from),
        }),
        _ => None,
    };
    Assigned {
        partition: Partition(u32::try_from(one.partition()).unwrap_or_default()),
        committed,
    }
}
