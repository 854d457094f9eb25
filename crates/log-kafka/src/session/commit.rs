//! Commits: of positions alone by the consumer, of records with positions in a transaction.
//!
//! Three things end a commit early. The brokers may refuse it, because the group has moved on or is
//! about to: nothing was committed, and whether it may be tried again is decided by who owns the
//! partitions then, not by the code of the error. The producer may have been fenced: the session
//! is over. Or nobody answers: what became of it is not known. From the moment on at which the
//! transaction's end was asked for, a refusal proves nothing by itself: it may be the answer to a
//! second try whose first one counted. Only an abort that succeeds proves that nothing was committed.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext, PurgeConfig};
use rdkafka::{ClientContext, TopicPartitionList};
use triggerfish_log::{Batch, CommitError, LogError, NewRecord, Offset, WriterName};

use super::driver::{Driver, REST};
use super::ownership::{number, place};
use crate::client::{self, is_unknown_partition, look_at};
use crate::error::{code, is_fatal, misconfigured, unavailable};
use crate::record::write;
use crate::settings::TRANSACTION_TIMEOUT;
use crate::shared::Shared;

/// Between two looks at what the brokers have to say about a transaction. Longer ones are what
/// makes transactions slow: librdkafka's own waiting goes in steps of 100 ms.
const STEP: Duration = Duration::from_micros(200);
/// How long a transaction may take. After its own time the broker has ended it anyway.
const COMMIT_WITHIN: Duration = TRANSACTION_TIMEOUT;
/// The least that its last steps get, so that they are tried once.
const STEP_WITHIN: Duration = Duration::from_secs(1);
/// How long undoing a transaction may take. A producer that has found its coordinator gone may
/// not find the next one for long; another session, which it is replaced by, looks anew.
const UNDO_WITHIN: Duration = Duration::from_secs(3);
/// How long the brokers may take to commit positions alone.
const POSITIONS_WITHIN: Duration = Duration::from_secs(5);
/// How long the brokers may take to make a producer the only one of its name.
const INIT_WITHIN: Duration = Duration::from_secs(30);

/// A transactional producer.
pub(super) struct Writer {
    producer: BaseProducer<Reports>,
}

/// Where records of the transaction went.
#[derive(Default)]
struct Reports(Mutex<Vec<(usize, Result<i64, KafkaError>)>>);

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::heard(&error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let delivered = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        };
        self.0.lock().push((index, delivered));
    }
}

/// Why a transaction did not come to its end.
enum Failed {
    /// Undo it.
    Abort(KafkaError),
    /// Its end was asked for and refused: undo it; if that can't be done, it may be committed.
    InDoubt(KafkaError),
    /// The producer can't go on.
    Fatal(KafkaError),
    /// Nobody said whether it was committed.
    Unknown(KafkaError),
    /// A record is too large for its topic.
    TooLarge,
}

impl Failed {
    fn of(error: KafkaError) -> Self {
        if is_fatal(&error) {
            Self::Fatal(error)
        } else if code(&error) == Some(RDKafkaErrorCode::MessageSizeTooLarge) {
            Self::TooLarge
        } else {
            Self::Abort(error)
        }
    }
}

impl Writer {
    pub(super) fn open(shared: &Shared, name: &WriterName) -> Result<Self, LogError> {
        let config = shared.settings.writer(name.as_str());
        let producer = config.create_with_context(Reports::default());
        let producer: BaseProducer<Reports> = producer.map_err(|error| misconfigured(&error))?;
        let ready = retry(INIT_WITHIN, || producer.init_transactions(INIT_WITHIN));
        ready.map_err(|error| match code(&error) {
            Some(code @ RDKafkaErrorCode::TransactionalIdAuthorizationFailed) => {
                LogError::Refused {
                    reason: format!(
                        "transactional id {name}: {code}: give this user the right to it"
                    ),
                }
            }
            _ => unavailable("becoming the writer", &error),
        })?;
        Ok(Self { producer })
    }

    fn commit(
        &self,
        records: &[NewRecord],
        positions: &TopicPartitionList,
        member: Option<&ConsumerGroupMetadata>,
    ) -> Result<Vec<Offset>, Failed> {
        let until = Instant::now() + COMMIT_WITHIN;
        self.producer.begin_transaction().map_err(Failed::of)?;
        let offsets = self.send(records, until)?;
        if let Some(member) = member {
            let left = left_until(until);
            retry(left, || {
                self.producer
                    .send_offsets_to_transaction(positions, member, left)
            })
            .map_err(Failed::of)?;
        }
        let left = left_until(until);
        match retry(left, || self.producer.commit_transaction(left)) {
            Ok(()) => Ok(offsets),
            Err(error) if is_retriable(&error) || is_fatal(&error) => Err(Failed::Unknown(error)),
            Err(error) => Err(Failed::InDoubt(error)),
        }
    }

    /// Sends the records and waits until the brokers have all of them. The positions may go out
    /// only then: two requests of one transaction at a time make the coordinator send one away.
    fn send(&self, records: &[NewRecord], until: Instant) -> Result<Vec<Offset>, Failed> {
        let reports = &self.producer.context().0;
        reports.lock().clear();
        for (index, record) in records.iter().enumerate() {
            while let Err((error, _)) = self.producer.send(write(record, index)) {
                if code(&error) != Some(RDKafkaErrorCode::QueueFull) || Instant::now() > until {
                    return Err(Failed::of(error));
                }
                self.listen();
            }
        }
        while self.producer.in_flight_count() > 0 {
            if Instant::now() > until {
                let late = KafkaError::MessageProduction(RDKafkaErrorCode::OperationTimedOut);
                return Err(Failed::of(late));
            }
            self.listen();
        }
        let mut reports = std::mem::take(&mut *reports.lock());
        reports.sort_unstable_by_key(|(index, _)| *index);
        let offset = |offset: i64| Offset(u64::try_from(offset).unwrap_or_default());
        let placed = reports
            .into_iter()
            .map(|(_, placed)| placed.map(offset).map_err(Failed::of));
        placed.collect()
    }

    /// Takes what the brokers have said, and rests a moment if that was nothing. A poll with a
    /// time below a millisecond left would not rest but turn in circles.
    fn listen(&self) {
        let before = self.producer.in_flight_count();
        self.producer.poll(Duration::ZERO);
        if self.producer.in_flight_count() == before {
            std::thread::sleep(STEP);
        }
    }

    /// A topic may have grown since the producer looked.
    fn look_at_topics(&self, records: &[NewRecord]) {
        let topics: HashSet<_> = records.iter().map(|record| &record.topic).collect();
        for topic in topics {
            if let Err(error) = look_at(&self.producer, topic) {
                tracing::warn!(target: "kafka", %topic, %error, "looking at a topic");
            }
        }
    }

    /// Takes back what was not sent yet, and waits for the answers about what was: a request that
    /// nobody waits for could come to the broker in the next transaction, and count there.
    fn abort(&self) -> Result<(), KafkaError> {
        self.producer.purge(PurgeConfig::default().queue());
        let until = Instant::now() + UNDO_WITHIN;
        while self.producer.in_flight_count() > 0 {
            if Instant::now() > until {
                let late = RDKafkaErrorCode::OperationTimedOut;
                return Err(KafkaError::MessageProduction(late));
            }
            self.listen();
        }
        let left = left_until(until);
        retry(left, || self.producer.abort_transaction(left))
    }
}

fn left_until(until: Instant) -> Duration {
    until
        .saturating_duration_since(Instant::now())
        .max(STEP_WITHIN)
}

/// Calls again what may be called again, for as long as `within`.
fn retry(within: Duration, call: impl Fn() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    let until = Instant::now() + within;
    loop {
        match call() {
            Err(error) if is_retriable(&error) && Instant::now() < until => {
                std::thread::sleep(STEP);
            }
            result => return result,
        }
    }
}

fn is_retriable(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_retriable())
}

impl Driver {
    pub(super) fn commit(&mut self, batch: &Batch) -> Result<Vec<Offset>, CommitError> {
        if let Some(reason) = self.inbox.fenced() {
            return Err(CommitError::Fenced { reason });
        }
        let refused = batch
            .check(&self.spec.topic, &self.spec.outputs)
            .and_then(|()| self.shared.check_all(&batch.records));
        refused.map_err(CommitError::Refused)?;
        if batch.records.is_empty() && batch.consumed.is_empty() {
            return Ok(Vec::new());
        }
        self.check_ownership(batch)?;
        let positions = positions(batch)?;
        if self.writer.is_some() {
            self.transaction(batch, &positions)
        } else {
            self.commit_positions(&positions).map(|()| Vec::new())
        }
    }

    /// Only for partitions that the session owns and knows it owns. One that was lost, or lost and
    /// gained again, may have been committed by another session meanwhile.
    fn check_ownership(&self, batch: &Batch) -> Result<(), CommitError> {
        let consumed = batch.consumed.iter().map(|consumed| consumed.partition);
        let mut foreign = consumed.filter(|p| !self.ownership.owns(*p) || !self.inbox.knows(*p));
        foreign.next().map_or(Ok(()), |partition| {
            let reason = format!(
                "partition {}/{partition} has gone to another session",
                self.spec.topic
            );
            Err(self.fence(reason))
        })
    }

    fn fence(&self, reason: String) -> CommitError {
        self.inbox.fence(&reason);
        CommitError::Fenced { reason }
    }

    fn transaction(
        &self,
        batch: &Batch,
        positions: &TopicPartitionList,
    ) -> Result<Vec<Offset>, CommitError> {
        let Some(writer) = &self.writer else {
            return Err(self.fence("the session has no writer".to_owned()));
        };
        // Who is not in the group any more is told so by the broker, by these.
        let member = match positions.count() {
            0 => None,
            _ => self.consumer.group_metadata(),
        };
        // Asked after that: who was put out of the group and has not joined again has no name
        // there, and the broker lets positions of nobody pass.
        if positions.count() > 0 && (member.is_none() || self.consumer.assignment_lost()) {
            return Err(put_out());
        }
        let failed = match writer.commit(&batch.records, positions, member.as_ref()) {
            Ok(offsets) => return Ok(offsets),
            Err(failed) => failed,
        };
        match failed {
            Failed::Fatal(error) => Err(self.fence(error.to_string())),
            Failed::Unknown(error) => {
                let reason = error.to_string();
                self.inbox.fence(&reason);
                Err(CommitError::Unknown { reason })
            }
            Failed::InDoubt(error) => {
                let reason = error.to_string();
                match self.undo(writer, reason) {
                    CommitError::Fenced { reason } => Err(CommitError::Unknown { reason }),
                    undone => Err(undone),
                }
            }
            Failed::Abort(error) => {
                if is_unknown_partition(&error) {
                    writer.look_at_topics(&batch.records);
                }
                Err(self.undo(writer, error.to_string()))
            }
            Failed::TooLarge => match self.undo(writer, String::new()) {
                CommitError::Aborted { .. } => Err(too_large(batch)),
                error => Err(error),
            },
        }
    }

    fn undo(&self, writer: &Writer, reason: String) -> CommitError {
        match writer.abort() {
            Ok(()) => CommitError::Aborted { reason },
            Err(error) => self.fence(format!("{reason}; undoing it failed: {error}")),
        }
    }

    /// Commits positions without records.
    fn commit_positions(&mut self, positions: &TopicPartitionList) -> Result<(), CommitError> {
        if self.consumer.assignment_lost() {
            return Err(put_out());
        }
        self.answer_to(positions).map_err(|error| {
            if is_fatal(&error) {
                return self.fence(error.to_string());
            }
            // The same positions may be committed again: by whoever owns the partitions then.
            CommitError::Aborted {
                reason: error.to_string(),
            }
        })
    }

    /// What the brokers say to a commit of positions. One whose answer is not waited for any
    /// longer may still count, which does no harm: it comes before the next one.
    fn answer_to(&mut self, positions: &TopicPartitionList) -> KafkaResult<()> {
        let until = Instant::now() + POSITIONS_WITHIN;
        let mut is_asked = self.positions.ask(positions);
        while Instant::now() < until && !self.consumer.assignment_lost() {
            match self.positions.answer() {
                Some(answer) if is_asked => return answer,
                // That was about an earlier one.
                Some(_) => is_asked = self.positions.ask(positions),
                None if self.read() => {}
                None => std::thread::park_timeout(REST),
            }
        }
        let late = RDKafkaErrorCode::OperationTimedOut;
        Err(KafkaError::ConsumerCommit(late))
    }
}

fn put_out() -> CommitError {
    CommitError::Aborted {
        reason: "the group has taken the partitions away".to_owned(),
    }
}

fn positions(batch: &Batch) -> Result<TopicPartitionList, CommitError> {
    let mut list = TopicPartitionList::with_capacity(batch.consumed.len());
    for consumed in &batch.consumed {
        let mut one = list.add_partition(consumed.topic.as_str(), number(consumed.partition));
        one.set_offset(place(consumed.offset)).map_err(|error| {
            CommitError::Refused(LogError::Refused {
                reason: format!("position {}: {error}", consumed.offset),
            })
        })?;
        // Kafka keeps text.
        one.set_metadata(STANDARD.encode(&consumed.metadata));
    }
    Ok(list)
}

fn too_large(batch: &Batch) -> CommitError {
    let largest = batch.records.iter().map(NewRecord::payload_bytes).max();
    let bytes = largest.unwrap_or_default();
    CommitError::Refused(LogError::TooLarge {
        what: "a record".to_owned(),
        bytes,
        // The broker does not say its limit; less than what it refused fits at last.
        limit: bytes / 2,
        setting: "max.message.bytes of the topic",
    })
}
