//! The thread of a session.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};
use tokio::sync::oneshot;
use triggerfish_log::{Assigned, Committed, LogError, Offset, Outputs, Partition, SessionSpec};

use super::Request;
use super::commit::Writer;
use super::context::{Callbacks, Rebalance};
use super::inbox::Inbox;
use super::ownership::{HandOver, Ownership, number, partitions_of, place};
use crate::engine::{ANSWER_WITHIN, Shared};
use crate::error::{code, is_fatal, misconfigured, unavailable};
use crate::record;

/// Longest rest between two looks around, when nobody wakes the thread.
const REST: Duration = Duration::from_millis(50);
/// Messages taken from the consumer before requests are looked at again.
const MESSAGES_PER_TURN: usize = 2_000;
/// How long one try to learn committed positions may take. They can be held back by the
/// transaction of a dead session; the others are not kept waiting for that.
const POSITIONS_WITHIN: Duration = Duration::from_millis(500);

pub(super) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) spec: SessionSpec,
    pub(super) consumer: BaseConsumer<Callbacks>,
    pub(super) writer: Option<Writer>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) ownership: Ownership,
    requests: Receiver<Request>,
    /// Partitions that the group gave and whose positions are not known yet.
    gained: Option<TopicPartitionList>,
    /// The inbox is full, and the consumer was told to fetch nothing.
    held_back: bool,
}

/// Whether the thread goes on.
enum Turn {
    On,
    Close(Option<oneshot::Sender<()>>),
}

impl Driver {
    pub(super) fn run(
        shared: Arc<Shared>,
        spec: SessionSpec,
        requests: Receiver<Request>,
        inbox: Arc<Inbox>,
        opened: oneshot::Sender<Result<(), LogError>>,
    ) {
        let driver = Self::open(shared, spec, requests, inbox);
        let (driver, open) = match driver {
            Ok(driver) => (Some(driver), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // Whoever opened it may have given up; then nobody asks, and the thread ends.
        drop(opened.send(open));
        if let Some(driver) = driver {
            driver.serve();
        }
    }

    fn open(
        shared: Arc<Shared>,
        spec: SessionSpec,
        requests: Receiver<Request>,
        inbox: Arc<Inbox>,
    ) -> Result<Self, LogError> {
        // First the writer: its name fences an earlier session before this one reads anything.
        let writer = match &spec.outputs {
            Outputs::PositionsOnly => None,
            Outputs::Atomic(name) => Some(Writer::open(&shared, name)?),
        };
        let config = shared.settings.session(spec.group.as_str());
        let consumer = config.create_with_context(Callbacks::default());
        let mut consumer: BaseConsumer<Callbacks> =
            consumer.map_err(|error| misconfigured(&error))?;
        let driver = std::thread::current();
        consumer.set_nonempty_callback(move || driver.unpark());
        let subscribed = consumer.subscribe(&[spec.topic.as_str()]);
        subscribed.map_err(|error| unavailable("joining the group", &error))?;
        Ok(Self {
            ownership: Ownership::new(spec.topic.clone()),
            shared,
            spec,
            consumer,
            writer,
            inbox,
            requests,
            gained: None,
            held_back: false,
        })
    }

    fn serve(mut self) {
        let reply = loop {
            if let Turn::Close(reply) = self.answer() {
                break reply;
            }
            let more = self.read();
            self.settle();
            if !more {
                std::thread::park_timeout(REST);
            }
        };
        self.callbacks().close();
        // The consumer leaves the group as it is dropped.
        drop(self);
        if let Some(reply) = reply {
            // Whoever closed the session need not wait.
            let _ = reply.send(());
        }
    }

    pub(super) fn callbacks(&self) -> Arc<Callbacks> {
        Arc::clone(self.consumer.context())
    }

    /// Does what it was asked to.
    fn answer(&mut self) -> Turn {
        // A receiver that has gone away wants no answer.
        loop {
            match self.requests.try_recv() {
                Ok(Request::Seek(partition, to, reply)) => {
                    drop(reply.send(self.alive().and_then(|()| self.seek(partition, to))));
                }
                Ok(Request::Pause(partitions, reply)) => {
                    drop(reply.send(self.alive().map(|()| self.pause(&partitions))));
                }
                Ok(Request::Resume(partitions, reply)) => {
                    drop(reply.send(self.alive().map(|()| self.resume(&partitions))));
                }
                Ok(Request::Commit(batch, reply)) => drop(reply.send(self.commit(&batch))),
                Ok(Request::Close(reply)) => return Turn::Close(Some(reply)),
                Err(TryRecvError::Empty) => return Turn::On,
                Err(TryRecvError::Disconnected) => return Turn::Close(None),
            }
        }
    }

    fn alive(&self) -> Result<(), LogError> {
        let fenced = self.inbox.fenced();
        fenced.map_or(Ok(()), |reason| Err(LogError::Fenced { reason }))
    }

    /// Takes what has come from the consumer; `true` if there may be more.
    pub(super) fn read(&mut self) -> bool {
        self.hold_back_or_go_on();
        let callbacks = self.callbacks();
        for _ in 0..MESSAGES_PER_TURN {
            let came = match self.consumer.poll(Duration::ZERO) {
                None if callbacks.take_served() => continue,
                None => return false,
                Some(Ok(message)) => Ok(record::read(&self.spec.topic, &message)),
                Some(Err(error)) => Err(error),
            };
            match came {
                Ok(record) if self.ownership.reads(record.partition) => {
                    self.ownership
                        .moved_to(record.partition, record.offset.next());
                    self.inbox.deliver(record);
                }
                Ok(_) => {}
                Err(error) => self.failed(&error),
            }
            if self.inbox.is_full() {
                return false;
            }
        }
        true
    }

    /// A session that does not poll must not fill the memory.
    fn hold_back_or_go_on(&mut self) {
        let owned = self.ownership.all();
        if !self.held_back && self.inbox.is_full() {
            self.held_back = true;
            self.tell_consumer("pausing", &owned, BaseConsumer::pause);
        } else if self.held_back && self.inbox.has_room() {
            self.held_back = false;
            let running: Vec<_> = owned
                .into_iter()
                .filter(|partition| !self.inbox.is_paused(*partition))
                .collect();
            self.tell_consumer("resuming", &running, BaseConsumer::resume);
        }
    }

    fn tell_consumer(
        &self,
        doing: &str,
        partitions: &[Partition],
        tell: impl Fn(&BaseConsumer<Callbacks>, &TopicPartitionList) -> KafkaResult<()>,
    ) {
        if partitions.is_empty() {
            return;
        }
        if let Err(error) = tell(&self.consumer, &self.ownership.list(partitions)) {
            tracing::warn!(target: "kafka", ?partitions, %error, "{doing} partitions failed");
        }
    }

    fn failed(&mut self, error: &KafkaError) {
        match code(error) {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                self.find_first_kept();
            }
            Some(
                code @ (RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::TopicAuthorizationFailed),
            ) => {
                tracing::error!(group = %self.spec.group, topic = %self.spec.topic, %code, "the brokers don't let this user read: give it the right to");
            }
            _ if is_fatal(error) => self.inbox.fence(&error.to_string()),
            // Lost connections and the like, which the client gets over by itself.
            _ => tracing::debug!(target: "kafka", %error, "reading"),
        }
    }

    /// A position fell behind what the log keeps: reading goes on at the first kept record.
    fn find_first_kept(&mut self) {
        for (partition, next) in self.ownership.positions() {
            match self.shared.watermarks(&self.spec.topic, partition) {
                Ok((first, _)) if next < Offset(first) => {
                    tracing::warn!(topic = %self.spec.topic, %partition, position = %next, first, "records were gone before they were read; reading on at the first kept one");
                    if let Err(error) = self.move_to(partition, Offset(first)) {
                        tracing::warn!(%partition, %error, "moving to the first kept record failed");
                    }
                }
                Ok((_, end)) if next > Offset(end) => {
                    let reason = format!(
                        "position {next} of {}/{partition} is after the end {end}: another log, or one that lost its tail",
                        self.spec.topic
                    );
                    self.inbox.fence(&reason);
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%partition, %error, "the log does not say what it keeps");
                }
            }
        }
    }

    fn seek(&mut self, partition: Partition, to: Offset) -> Result<(), LogError> {
        if !self.ownership.reads(partition) {
            return Err(LogError::NotAssigned {
                topic: self.spec.topic.clone(),
                partition,
            });
        }
        let (first, end) = self.shared.watermarks(&self.spec.topic, partition)?;
        if to > Offset(end) {
            return Err(LogError::BeyondEnd {
                topic: self.spec.topic.clone(),
                partition,
                offset: to,
                end: Offset(end),
            });
        }
        self.move_to(partition, to.max(Offset(first)))
    }

    fn move_to(&mut self, partition: Partition, to: Offset) -> Result<(), LogError> {
        let moved = self.consumer.seek(
            self.spec.topic.as_str(),
            number(partition),
            place(to),
            ANSWER_WITHIN,
        );
        moved.map_err(|error| unavailable("seeking", &error))?;
        self.inbox.forget_records(&[partition]);
        self.ownership.moved_to(partition, to);
        Ok(())
    }

    fn pause(&self, partitions: &[Partition]) {
        let owned = self.owned_of(partitions);
        self.inbox.pause(&owned);
        self.tell_consumer("pausing", &owned, BaseConsumer::pause);
    }

    fn resume(&self, partitions: &[Partition]) {
        let owned = self.owned_of(partitions);
        self.inbox.resume(&owned);
        if !self.held_back {
            self.tell_consumer("resuming", &owned, BaseConsumer::resume);
        }
    }

    fn owned_of(&self, partitions: &[Partition]) -> Vec<Partition> {
        let owned = partitions.iter().filter(|p| self.ownership.owns(**p));
        owned.copied().collect()
    }

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
                    self.inbox.lost(partitions);
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
            self.inbox.lost(partitions);
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
        let asked = self
            .consumer
            .committed_offsets(gained.clone(), POSITIONS_WITHIN)
            .and_then(|known| {
                known
                    .elements()
                    .iter()
                    .try_for_each(rdkafka_error)
                    .map(|()| known)
            });
        let mut known = match asked {
            Ok(known) => known,
            Err(error) => {
                tracing::debug!(target: "kafka", %error, "committed positions are not known yet");
                self.gained = Some(gained);
                return;
            }
        };
        let assigned: Vec<Assigned> = known.elements().iter().map(assigned).collect();
        let from = assigned.iter().map(|one| {
            let committed = one.committed.as_ref();
            (one.partition, committed.map_or(Offset::ZERO, |c| c.offset))
        });
        for (partition, from) in from.collect::<Vec<_>>() {
            let start = match from {
                Offset::ZERO => KafkaOffset::Beginning,
                from => place(from),
            };
            let topic = self.spec.topic.as_str();
            if let Err(error) = known.set_partition_offset(topic, number(partition), start) {
                tracing::warn!(target: "kafka", %partition, %error, "setting a position failed");
            }
            self.ownership.gain(partition, from);
        }
        if let Err(error) = self.consumer.incremental_assign(&known) {
            self.inbox
                .fence(&format!("taking partitions failed: {error}"));
            return;
        }
        // A rebalance that gives nothing is answered all the same, and is no news.
        if !assigned.is_empty() {
            self.inbox.assigned(assigned);
        }
    }
}

fn rdkafka_error(
    one: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>,
) -> KafkaResult<()> {
    one.error()
}

fn assigned(one: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>) -> Assigned {
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
