//! Commits: of positions alone by the consumer, of records with positions in a transaction.
//!
//! Three things end a commit early. The brokers may refuse it, because the group has moved on or is
//! about to: nothing was committed, and whether it may be tried again is decided by who owns the
//! partitions then, not by the code of the error. The producer may have been fenced: the session
//! is over. Or nobody answers: what became of it is not known.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use triggerfish_log::{Batch, CommitError, LogError, Offset};

use super::aside::{Aside, Gone};
use super::driver::{Driver, REST};
use super::ownership::{number, place};
use super::writer::{COMMIT_WITHIN, Transaction, UNDO_WITHIN};
use crate::error::is_fatal;

/// How long the brokers may take to commit positions alone.
const POSITIONS_WITHIN: Duration = Duration::from_secs(5);
/// How long a transaction may take altogether. All its steps have times of their own, but
/// librdkafka 2.12 does not keep to that of the positions: while it looks for the coordinator of
/// the group it may wait until some broker goes or comes (its issues 5456 and 5511).
const TRANSACTION_WITHIN: Duration = COMMIT_WITHIN
    .saturating_add(UNDO_WITHIN)
    .saturating_add(Duration::from_secs(1));

impl Driver {
    pub(super) fn commit(&mut self, batch: Arc<Batch>) -> Result<Vec<Offset>, CommitError> {
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
        self.check_ownership(&batch)?;
        let positions = positions(&batch)?;
        if self.transactions.is_some() {
            self.transaction(batch, positions)
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
        &mut self,
        batch: Arc<Batch>,
        positions: TopicPartitionList,
    ) -> Result<Vec<Offset>, CommitError> {
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
        let answer = self.answer_to_transaction(Transaction {
            batch,
            positions,
            member,
        });
        if let Err(CommitError::Fenced { reason } | CommitError::Unknown { reason }) = &answer {
            self.inbox.fence(reason);
        }
        answer
    }

    /// What the writer says to a transaction. The group is heard meanwhile.
    fn answer_to_transaction(
        &mut self,
        transaction: Transaction,
    ) -> Result<Vec<Offset>, CommitError> {
        let unknown = |reason: &str| {
            Err(CommitError::Unknown {
                reason: reason.to_owned(),
            })
        };
        let until = Instant::now() + TRANSACTION_WITHIN;
        let asked = self.transactions.as_mut().map(|one| one.ask(transaction));
        if asked != Some(true) {
            return unknown("there is no writer that could take a transaction");
        }
        loop {
            match self.transactions.as_mut().and_then(Aside::answer) {
                Some(Ok(answer)) => return answer,
                Some(Err(Gone)) => return unknown("the thread of the writer has ended"),
                None if Instant::now() > until => {
                    return unknown("the producer does not say what became of a transaction");
                }
                None if self.read() => {}
                None => std::thread::park_timeout(REST),
            }
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
        let mut is_asked = self.positions.ask(positions.clone());
        while Instant::now() < until && !self.consumer.assignment_lost() {
            match self.positions.answer() {
                Some(Ok(answer)) if is_asked => return answer,
                Some(Err(Gone)) => return Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::Fail)),
                // That was about an earlier one.
                Some(Ok(_)) => is_asked = self.positions.ask(positions.clone()),
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
