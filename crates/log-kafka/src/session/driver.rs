//! The thread of a session.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use tokio::sync::oneshot;
use triggerfish_log::{CommitError, LogError, Offset, Outputs, Partition, Record, SessionSpec};

use super::Request;
use super::aside::Aside;
use super::context::Callbacks;
use super::inbox::Inbox;
use super::ownership::{Ownership, number, place};
use super::writer::{Transaction, Writer};
use crate::error::{code, is_fatal, misconfigured, unavailable};
use crate::record;
use crate::settings::ANSWER_WITHIN;
use crate::shared::Shared;

/// Longest rest between two looks around, when nobody wakes the thread.
pub(super) const REST: Duration = Duration::from_millis(50);
/// Messages taken from the consumer before requests are looked at again.
const MESSAGES_PER_TURN: usize = 1_000;
const BYTES_PER_TURN: usize = 4 << 20;
/// Pause between two tries to seek.
const SEEK_AGAIN: Duration = Duration::from_millis(2);

pub(super) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) spec: SessionSpec,
    pub(super) consumer: Arc<BaseConsumer<Callbacks>>,
    /// Commits positions alone.
    pub(super) positions: Aside<TopicPartitionList, KafkaResult<()>>,
    /// Commits records; only where the session has a writer.
    pub(super) transactions: Option<Aside<Transaction, Result<Vec<Offset>, CommitError>>>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) ownership: Ownership,
    requests: Receiver<Request>,
    /// Partitions that the group gave and whose positions are not known yet.
    pub(super) gained: Option<TopicPartitionList>,
    /// The inbox is full, and the consumer was told to fetch nothing.
    pub(super) held_back: bool,
}

/// Tells the session that its thread has ended, however that came.
struct Ended(Arc<Inbox>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.close();
    }
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
        let _ended = Ended(Arc::clone(&inbox));
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
            Outputs::Atomic(name) => Some(Writer::open(&shared.settings, name)?),
        };
        let config = shared.settings.session(spec.group.as_str());
        let consumer = config.create_with_context(Callbacks::default());
        let mut consumer: BaseConsumer<Callbacks> =
            consumer.map_err(|error| misconfigured(&error))?;
        let driver = std::thread::current();
        let woken = driver.clone();
        consumer.set_nonempty_callback(move || woken.unpark());
        let (group, woken) = (spec.group.as_str(), driver.clone());
        let transactions = writer.map(|writer| {
            let commit = move |transaction: Transaction| writer.commit(&transaction);
            Aside::begin(format!("transactions {group}"), woken, commit)
        });
        let subscribed = consumer.subscribe(&[spec.topic.as_str()]);
        subscribed.map_err(|error| unavailable("joining the group", &error))?;
        let consumer = Arc::new(consumer);
        let committing = Arc::clone(&consumer);
        let commit = move |positions| committing.commit(&positions, CommitMode::Sync);
        Ok(Self {
            positions: Aside::begin(format!("commits {group}"), driver, commit),
            transactions,
            ownership: Ownership::new(spec.topic.clone()),
            shared,
            spec,
            consumer,
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
        self.leave();
        // The consumer ends when it is dropped.
        drop(self);
        if let Some(reply) = reply {
            // Whoever closed the session need not wait.
            let _ = reply.send(());
        }
    }

    /// Leaves the group. Assignments and hand-overs that are not answered yet are answered by
    /// giving everything up; librdkafka would wait for their answers for ever.
    fn leave(&self) {
        self.callbacks().close();
        let left = self.consumer.close_queue();
        if let Err(error) = left.and_then(|()| self.consumer.unassign()) {
            tracing::warn!(target: "kafka", %error, "leaving the group");
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
                Ok(Request::Commit(batch, reply)) => drop(reply.send(self.commit(batch))),
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

    /// Takes what has come from the consumer; `true` if there may be more. A full inbox is no
    /// reason not to: what is held back are records, and the group is to be heard.
    pub(super) fn read(&mut self) -> bool {
        self.hold_back_or_go_on();
        let mut came = Vec::new();
        let more = self.take_messages(&mut came);
        self.inbox.deliver(came);
        more
    }

    /// What is there comes in one delivery: the session is woken once for it, and what it
    /// commits together is as much as there is.
    fn take_messages(&mut self, came: &mut Vec<Record>) -> bool {
        let callbacks = self.callbacks();
        let mut bytes = 0;
        while came.len() < MESSAGES_PER_TURN && bytes < BYTES_PER_TURN {
            let message = match self.consumer.poll(Duration::ZERO) {
                None if callbacks.take_served() => continue,
                None => return false,
                Some(Ok(message)) => Ok(record::read(&self.spec.topic, &message)),
                Some(Err(error)) => Err(error),
            };
            match message {
                Ok(record) => {
                    bytes += record.payload_bytes();
                    self.came(record, came);
                }
                Err(error) => {
                    // It may move partitions: what came before stays before.
                    self.inbox.deliver(std::mem::take(came));
                    self.failed(&error);
                }
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

    pub(super) fn tell_consumer(
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

    fn came(&mut self, record: Record, came: &mut Vec<Record>) {
        let partition = record.partition;
        match self.ownership.next(partition) {
            None => {}
            Some(next) if record.offset < next => {
                self.inbox.deliver(std::mem::take(came));
                self.went_back(partition, next);
            }
            Some(_) => {
                self.ownership.moved_to(partition, record.offset.next());
                came.push(record);
            }
        }
    }

    /// The broker did not have the position `next`, so the client began anew at the first kept
    /// record, and that one is before it: the log has lost its tail.
    fn went_back(&mut self, partition: Partition, next: Offset) {
        match self.shared.watermarks(&self.spec.topic, partition) {
            Ok((_, end)) if next > Offset(end) => {
                self.fence_beyond_end(partition, next, Offset(end));
            }
            // It has grown again, or the client was sent back for another reason.
            Ok(_) => {
                if let Err(error) = self.send_to(partition, next) {
                    tracing::warn!(target: "kafka", %partition, %error, "going on after a step back");
                }
            }
            Err(error) => {
                tracing::warn!(target: "kafka", %partition, %error, "the log does not say what it keeps");
            }
        }
    }

    pub(super) fn fence_beyond_end(&self, partition: Partition, offset: Offset, end: Offset) {
        let beyond = LogError::BeyondEnd {
            topic: self.spec.topic.clone(),
            partition,
            offset,
            end,
        };
        self.inbox.fence(&beyond.to_string());
    }

    fn failed(&mut self, error: &KafkaError) {
        match code(error) {
            Some(
                code @ (RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::TopicAuthorizationFailed),
            ) => {
                tracing::error!(group = %self.spec.group, topic = %self.spec.topic, %code, "the brokers don't let this user read: give it the right to");
            }
            Some(
                code @ (RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic),
            ) => {
                tracing::warn!(topic = %self.spec.topic, %code, "the topic that is read is gone");
            }
            _ if is_fatal(error) => self.inbox.fence(&error.to_string()),
            // Lost connections and the like, which the client gets over by itself.
            _ => tracing::debug!(target: "kafka", %error, "reading"),
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
        self.send_to(partition, to)?;
        self.inbox.forget_records(&[partition]);
        self.ownership.moved_to(partition, to);
        Ok(())
    }

    /// Has the consumer read on from `to`. A partition that was just gained is not being read
    /// yet, and can't be sent anywhere until it is.
    fn send_to(&self, partition: Partition, to: Offset) -> Result<(), LogError> {
        let until = Instant::now() + ANSWER_WITHIN;
        loop {
            let sent = self.consumer.seek(
                self.spec.topic.as_str(),
                number(partition),
                place(to),
                ANSWER_WITHIN,
            );
            match sent {
                Ok(()) => return Ok(()),
                Err(_) if Instant::now() < until && !self.consumer.assignment_lost() => {
                    std::thread::sleep(SEEK_AGAIN);
                }
                Err(error) => return Err(unavailable("seeking", &error)),
            }
        }
    }

    /// Records of a paused partition that came already are read again after it: they would
    /// fill the inbox, and the others would get no room in it.
    fn pause(&mut self, partitions: &[Partition]) {
        let owned = self.owned_of(partitions);
        self.inbox.pause(&owned);
        self.tell_consumer("pausing", &owned, BaseConsumer::pause);
        for partition in owned {
            if let Some(first) = self.inbox.first(partition)
                && let Err(error) = self.move_to(partition, first)
            {
                tracing::warn!(%partition, %error, "records of a paused partition stay in memory");
            }
        }
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
}
