//! A transactional producer, and how it makes a transaction.
//!
//! From the moment on at which the transaction's end was asked for, a refusal proves nothing by
//! itself: it may be the answer to a second try whose first one counted. Only an abort that
//! succeeds proves that nothing was committed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext, PurgeConfig};
use rdkafka::{ClientContext, TopicPartitionList};
use triggerfish_log::{Batch, CommitError, LogError, NewRecord, Offset, WriterName};

use crate::client::{self, is_unknown_partition, look_at};
use crate::error::{code, is_fatal, misconfigured, unavailable};
use crate::record::write;
use crate::settings::{KafkaSettings, TRANSACTION_TIMEOUT};

/// Between two looks at what the brokers have to say about a transaction. Longer ones are what
/// makes transactions slow: librdkafka's own waiting goes in steps of 100 ms.
const STEP: Duration = Duration::from_micros(200);
/// How long a transaction may take. After its own time the broker has ended it anyway.
pub(super) const COMMIT_WITHIN: Duration = TRANSACTION_TIMEOUT;
/// The least that its last steps get, so that they are tried once.
const STEP_WITHIN: Duration = Duration::from_secs(1);
/// How long undoing a transaction may take. A producer that has found its coordinator gone may
/// not find the next one for long; another session, which it is replaced by, looks anew.
pub(super) const UNDO_WITHIN: Duration = Duration::from_secs(3);
/// How long the brokers may take to make a producer the only one of its name.
const INIT_WITHIN: Duration = Duration::from_secs(30);

/// What a transaction is made of.
pub(super) struct Transaction {
    /// The records, and the positions that are committed with them.
    pub(super) batch: Arc<Batch>,
    /// The positions as librdkafka takes them.
    pub(super) positions: TopicPartitionList,
    /// Who commits them, where there are any.
    pub(super) member: Option<ConsumerGroupMetadata>,
}

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
    pub(super) fn open(settings: &KafkaSettings, name: &WriterName) -> Result<Self, LogError> {
        let config = settings.writer(name.as_str());
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

    /// Commits all of it or nothing. After [`CommitError::Fenced`] and [`CommitError::Unknown`]
    /// this producer is of no use any more.
    pub(super) fn commit(&self, transaction: &Transaction) -> Result<Vec<Offset>, CommitError> {
        let batch = &transaction.batch;
        let failed = match self.try_to_commit(transaction) {
            Ok(offsets) => return Ok(offsets),
            Err(failed) => failed,
        };
        Err(match failed {
            Failed::Fatal(error) => CommitError::Fenced {
                reason: error.to_string(),
            },
            Failed::Unknown(error) => CommitError::Unknown {
                reason: error.to_string(),
            },
            Failed::InDoubt(error) => match self.undo(error.to_string()) {
                CommitError::Fenced { reason } => CommitError::Unknown { reason },
                undone => undone,
            },
            Failed::Abort(error) => {
                if is_unknown_partition(&error) {
                    self.look_at_topics(&batch.records);
                }
                self.undo(error.to_string())
            }
            Failed::TooLarge => match self.undo(String::new()) {
                CommitError::Aborted { .. } => too_large(batch),
                error => error,
            },
        })
    }

    fn undo(&self, reason: String) -> CommitError {
        match self.abort() {
            Ok(()) => CommitError::Aborted { reason },
            Err(error) => CommitError::Fenced {
                reason: format!("{reason}; undoing it failed: {error}"),
            },
        }
    }

    fn try_to_commit(&self, transaction: &Transaction) -> Result<Vec<Offset>, Failed> {
        let until = Instant::now() + COMMIT_WITHIN;
        self.producer.begin_transaction().map_err(Failed::of)?;
        let offsets = self.send(&transaction.batch.records, until)?;
        if let Some(member) = &transaction.member {
            let left = left_until(until);
            retry(left, || {
                self.producer
                    .send_offsets_to_transaction(&transaction.positions, member, left)
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
