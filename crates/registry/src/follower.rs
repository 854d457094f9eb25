//! The task that follows the registry topic and carries out changes.
//!
//! It alone appends for this process, one change after the other, each decided on
//! the newest state. Other processes may append at the same time: what came
//! between the decision and its record is seen on reading the record back, and
//! then the decision is made once more. If it comes out otherwise, the record is
//! undone and the change starts over, so of two changes that exclude each other
//! the one that is first in the log wins.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot, watch};
use triggerfish_log::{
    Appender, EventLog, Limit, LogError, NewRecord, Offset, Partition, Position, Reader, Record,
    Topic, TopicSpec, WriterName,
};

use crate::{
    error::ChangeError,
    fold::{self, RawRecord},
    model::Client,
    record::{Entry, Key, Write},
    registry::Shared,
    snapshot::Snapshot,
};

const PARTITION: Partition = Partition(0);
/// Longest wait for a record before the loop looks around.
const FOLLOW_WAIT: Duration = Duration::from_secs(5);
/// Pause after the log was unavailable.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Longest wait until an appended record can be read.
const READ_BACK_WAIT_MAX: Duration = Duration::from_secs(10);
/// How often a change is decided anew because others wrote in between.
const ATTEMPTS_MAX: usize = 5;

/// Decides a change on a snapshot; called more than once when others interfere.
pub(crate) type Decide = Box<dyn Fn(&Snapshot) -> Result<Option<Write>, ChangeError> + Send>;

/// A change that waits for its turn.
pub(crate) struct Command {
    pub(crate) decide: Decide,
    pub(crate) reply: oneshot::Sender<Result<Arc<Snapshot>, ChangeError>>,
}

/// Whether the registry topic is being followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is.
    Following,
    /// The log is unavailable; what is known is used meanwhile.
    Behind(String),
    /// The log is closed; no change will be seen or made any more.
    Stopped(String),
}

/// See the head of the file.
pub(crate) struct Follower<A, R> {
    appender: A,
    reader: R,
    topic: Topic,
    next: Offset,
    shared: Arc<Shared>,
    changes: watch::Sender<u64>,
    condition: watch::Sender<Condition>,
}

impl<A: Appender, R: Reader> Follower<A, R> {
    /// Makes the topic exist and reads it to its end.
    pub(crate) async fn open<L>(
        log: &L,
        topic: Topic,
        shared: Arc<Shared>,
    ) -> Result<Self, LogError>
    where
        L: EventLog<Appender = A, Reader = R>,
    {
        let spec = TopicSpec {
            name: topic.clone(),
            partitions: 1,
            retention: None,
            compacted: true,
        };
        log.ensure_topics(&[spec]).await?;
        let mut follower = Self {
            appender: log.open_appender(WriterName::from("registry")).await?,
            reader: log.open_reader().await?,
            topic,
            next: Offset::ZERO,
            shared,
            changes: watch::Sender::new(0),
            condition: watch::Sender::new(Condition::Following),
        };
        follower.catch_up().await?;
        Ok(follower)
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.subscribe()
    }

    /// Runs until nobody holds the registry or the log is closed.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let mut positions = [self.position()];
            let seen = tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => {
                        self.carry_out(command).await;
                        continue;
                    }
                    None => return,
                },
                records = self.reader.follow(&mut positions, Limit::default(), FOLLOW_WAIT) => records,
            };
            match seen {
                Ok(records) => {
                    self.take(&records, positions[0].offset);
                    self.set_condition(Condition::Following);
                }
                Err(error) if error.is_retryable() => {
                    self.set_condition(Condition::Behind(error.to_string()));
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(error) => {
                    tracing::error!(%error, "the registry is no longer followed");
                    self.set_condition(Condition::Stopped(error.to_string()));
                    return;
                }
            }
        }
    }

    async fn carry_out(&mut self, command: Command) {
        let answer = self.change(command.decide).await;
        if let Err(ChangeError::Unavailable(reason)) = &answer {
            tracing::warn!(reason, "a change of the registry could not be written");
        }
        // Nobody waiting for the answer any more is not a failure of the change.
        drop(command.reply.send(answer));
    }

    async fn change(&mut self, decide: Decide) -> Result<Arc<Snapshot>, ChangeError> {
        for _ in 0..ATTEMPTS_MAX {
            self.catch_up().await?;
            let before = self.shared.snapshot.load_full();
            let Some(write) = decide(&before)? else {
                return Ok(before);
            };
            let offset = self.append(&write).await?;
            let records = self.read_back(offset).await?;
            let (others, own): (Vec<_>, Vec<_>) = records
                .into_iter()
                .partition(|record| record.offset < offset);
            if others.is_empty() {
                self.take(&own, offset.next());
                return Ok(self.shared.snapshot.load_full());
            }
            self.take(&others, offset);
            let between = self.shared.snapshot.load_full();
            if decide(&between).ok().flatten().as_ref() == Some(&write) {
                self.take(&own, offset.next());
                return Ok(self.shared.snapshot.load_full());
            }
            let undo = as_in(&between, write.key);
            self.append(&undo).await?;
        }
        Err(ChangeError::Conflict)
    }

    async fn append(&mut self, write: &Write) -> Result<Offset, ChangeError> {
        let record = NewRecord {
            topic: self.topic.clone(),
            partition: PARTITION,
            key: Some(write.key.to_bytes()),
            value: write.entry.as_ref().map(Entry::to_bytes),
            headers: Vec::new(),
        };
        let placed = self.appender.append(vec![record]).await?;
        match placed.first() {
            Some((_, offset)) => Ok(*offset),
            None => Err(ChangeError::Unavailable(
                "the log did not say where the record is".to_owned(),
            )),
        }
    }

    /// Everything from the next record to the one at `offset`, not applied yet.
    async fn read_back(&mut self, offset: Offset) -> Result<Vec<Record>, ChangeError> {
        let deadline = Instant::now() + READ_BACK_WAIT_MAX;
        let mut records = Vec::new();
        let mut positions = [self.position()];
        while positions[0].offset <= offset {
            if Instant::now() >= deadline {
                return Err(ChangeError::Unavailable(
                    "the change was written but could not be read back".to_owned(),
                ));
            }
            let wait = Duration::from_secs(1);
            let read = self.reader.follow(&mut positions, Limit::default(), wait);
            records.extend(read.await?);
        }
        // What came after the own record is read again, in its turn.
        records.retain(|record| record.offset <= offset);
        Ok(records)
    }

    async fn catch_up(&mut self) -> Result<(), LogError> {
        loop {
            let page = self
                .reader
                .read(&self.topic, PARTITION, self.next, Limit::default())
                .await?;
            self.take(&page.records, page.next);
            if page.at_end {
                return Ok(());
            }
        }
    }

    /// Applies records and shows the result.
    fn take(&mut self, records: &[Record], next: Offset) {
        self.next = self.next.max(next);
        if records.is_empty() {
            return;
        }
        let before = self.shared.snapshot.load_full();
        let mut after = Snapshot::clone(&before);
        for record in records {
            let raw = RawRecord {
                key: record.key.as_deref(),
                value: record.value.as_deref(),
            };
            fold::apply(&mut after, &raw, &self.shared.sealer);
            after.version = record.offset.next().0;
        }
        warn_of_trouble(&before, &after);
        let version = after.version;
        self.shared.snapshot.store(Arc::new(after));
        self.changes.send_replace(version);
    }

    fn position(&self) -> Position {
        Position {
            topic: self.topic.clone(),
            partition: PARTITION,
            offset: self.next,
        }
    }

    fn set_condition(&self, condition: Condition) {
        self.condition.send_if_modified(|present| {
            let modified = *present != condition;
            if modified && condition != Condition::Following {
                tracing::warn!(?condition, "the registry is not being followed");
            }
            *present = condition;
            modified
        });
    }
}

/// The write that makes `key` again what it is in `snapshot`.
fn as_in(snapshot: &Snapshot, key: Key) -> Write {
    let entry = match &key {
        Key::Trigger(id) => snapshot
            .trigger(id)
            .map(|trigger| Entry::Trigger(trigger.trigger.clone())),
        Key::Subscription(id) => snapshot
            .subscription(*id)
            .map(|subscription| Entry::Subscription(Box::new(subscription.stored.clone()))),
        Key::ObjectType(id) => snapshot
            .object_type(id)
            .map(|compiled| Entry::ObjectType(compiled.object_type.clone())),
        Key::Callback(id) => snapshot
            .callback(*id)
            .map(|callback| Entry::Callback(Box::new(callback.stored.clone()))),
        Key::Client(id) => snapshot
            .client(id)
            .map(|client| Entry::Client(Client::clone(client))),
        Key::Growths if snapshot.growths().is_empty() => None,
        Key::Growths => Some(Entry::Growths(snapshot.growths().to_vec())),
    };
    Write { key, entry }
}

/// Says once what is unreadable or unusable since `before`.
fn warn_of_trouble(before: &Snapshot, after: &Snapshot) {
    if !Arc::ptr_eq(&before.unreadable, &after.unreadable) {
        for (key, reason) in after.unreadable() {
            if before.unreadable().get(key) != Some(reason) {
                tracing::warn!(key, reason, "a registry record was skipped");
            }
        }
    }
    if !Arc::ptr_eq(&before.subscriptions, &after.subscriptions) {
        for (id, subscription) in after.subscriptions.iter() {
            let known = before.subscription(*id).and_then(|b| b.fault.as_ref());
            if let Some(fault) = &subscription.fault
                && known != Some(fault)
            {
                tracing::warn!(subscription = %id, %fault, "a subscription cannot be called");
            }
        }
    }
    if !Arc::ptr_eq(&before.callbacks, &after.callbacks) {
        for (id, callback) in after.callbacks.iter() {
            let known = before.callback(*id).and_then(|b| b.fault.as_ref());
            if let Some(fault) = &callback.fault
                && known != Some(fault)
            {
                tracing::warn!(callback = %id, %fault, "a callback cannot be called");
            }
        }
    }
}
