//! A member of a group: told what it owns, reads that, commits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use triggerfish_log::{
    Batch, CommitError, Committed, Consumed, Limit, LogError, Offset, Outputs, Partition, Polled,
    Record, Revoking, Session, SessionSpec,
};

use crate::batch::Budget;
use crate::engine::Inner;
use crate::fetch;
use crate::groups::{Event, Membership};
use crate::intake::{Commit, Encoded, Request};
use crate::topics::TopicLog;

/// A session on an [`crate::EmbeddedLog`].
pub struct EmbeddedSession {
    log: Arc<Inner>,
    membership: Arc<Membership>,
    topic: Arc<TopicLog>,
    outputs: Outputs,
    owned: BTreeMap<Partition, Cursor>,
    /// Which partition is read first, so that none is passed over for long.
    turn: usize,
}

struct Cursor {
    next: u64,
    reading: Reading,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Running,
    Paused,
    /// On its way to another session.
    Leaving,
}

impl EmbeddedSession {
    pub(crate) fn open(log: Arc<Inner>, spec: SessionSpec) -> Result<Self, LogError> {
        let topic = log.shared.topics.get(&spec.topic)?;
        let outputs = spec.outputs.clone();
        let membership = log.shared.groups.join(spec, topic.count());
        topic.watch(&membership.wake);
        Ok(Self {
            log,
            membership,
            topic,
            outputs,
            owned: BTreeMap::new(),
            turn: 0,
        })
    }

    fn accept(&mut self, event: Event) -> Polled {
        match event {
            Event::Assigned(assigned) => {
                for gained in &assigned {
                    let next = gained.committed.as_ref().map_or(0, |c| c.offset.0);
                    let cursor = Cursor {
                        next,
                        reading: Reading::Running,
                    };
                    self.owned.insert(gained.partition, cursor);
                }
                Polled::Assigned(assigned)
            }
            Event::Revoke {
                partitions,
                deadline,
            } => {
                for partition in &partitions {
                    if let Some(cursor) = self.owned.get_mut(partition) {
                        cursor.reading = Reading::Leaving;
                    }
                }
                let (log, membership) = (self.log.clone(), self.membership.clone());
                let leaving = partitions.clone();
                Polled::Revoking(Revoking::new(partitions, deadline, move || {
                    log.shared.groups.release(&membership, &leaving);
                }))
            }
            Event::Lost(partitions) => {
                for partition in &partitions {
                    self.owned.remove(partition);
                }
                Polled::Lost(partitions)
            }
        }
    }

    /// What there is to read at once. Nothing moves before everything is read.
    async fn read(&mut self, limit: Limit) -> Result<Vec<Record>, LogError> {
        let running =
            |(p, c): (&Partition, &Cursor)| (c.reading == Reading::Running).then_some((*p, c.next));
        let running: Vec<_> = self.owned.iter().filter_map(running).collect();
        let (mut budget, mut records, mut moved) = (Budget::new(limit), Vec::new(), Vec::new());
        for n in 0..running.len() {
            let (partition, from) = running[(self.turn + n) % running.len()];
            let log = self.topic.partition(partition)?;
            let shared = &self.log.shared;
            let fetched = fetch::fetch(shared, &log, from, &mut budget, &mut records).await?;
            moved.push((partition, fetched.next));
            if budget.is_spent() {
                break;
            }
        }
        self.turn = self.turn.wrapping_add(1);
        for (partition, next) in moved {
            if let Some(cursor) = self.owned.get_mut(&partition) {
                cursor.next = next;
            }
        }
        Ok(records)
    }

    fn set(&mut self, partitions: &[Partition], from: Reading, to: Reading) {
        for partition in partitions {
            if let Some(cursor) = self.owned.get_mut(partition)
                && cursor.reading == from
            {
                cursor.reading = to;
            }
        }
    }

    /// Refuses what would be refused every time.
    fn check_batch(&self, batch: &Batch) -> Result<(), LogError> {
        batch.check(&self.topic.name, &self.outputs)?;
        for consumed in &batch.consumed {
            let log = self.topic.partition(consumed.partition)?;
            fetch::start(&log, consumed.offset.0)?;
        }
        Ok(())
    }
}

impl Session for EmbeddedSession {
    async fn poll(&mut self, limit: Limit, wait: Duration) -> Result<Polled, LogError> {
        let until = Instant::now() + wait;
        loop {
            self.log.shared.check()?;
            let (event, ask_again) = self.log.shared.groups.next_event(&self.membership)?;
            if let Some(event) = event {
                return Ok(self.accept(event));
            }
            let records = self.read(limit).await?;
            if !records.is_empty() {
                return Ok(Polled::Records(records));
            }
            if Instant::now() >= until {
                return Ok(Polled::Idle);
            }
            let until = ask_again.map_or(until, |at| until.min(at.into()));
            // Running out of time is looked at above.
            let _ = tokio::time::timeout_at(until, self.membership.wake.notified()).await;
        }
    }

    async fn seek(&mut self, partition: Partition, to: Offset) -> Result<(), LogError> {
        self.membership.check()?;
        let next = fetch::start(&*self.topic.partition(partition)?, to.0)?;
        let cursor = self
            .owned
            .get_mut(&partition)
            .filter(|c| c.reading != Reading::Leaving);
        let not_assigned = || LogError::NotAssigned {
            topic: self.topic.name.clone(),
            partition,
        };
        cursor.ok_or_else(not_assigned)?.next = next;
        Ok(())
    }

    async fn pause(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        self.membership.check()?;
        self.set(partitions, Reading::Running, Reading::Paused);
        Ok(())
    }

    async fn resume(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        self.membership.check()?;
        self.set(partitions, Reading::Paused, Reading::Running);
        Ok(())
    }

    async fn commit(
        &mut self,
        batch: impl Into<Arc<Batch>> + Send,
    ) -> Result<Vec<Offset>, CommitError> {
        let batch = batch.into();
        let refused = CommitError::Refused;
        let fenced = |e: LogError| CommitError::Fenced {
            reason: e.to_string(),
        };
        self.membership.check().map_err(fenced)?;
        self.check_batch(&batch).map_err(refused)?;
        let shared = &self.log.shared;
        let encoded = Encoded::new(
            &shared.topics,
            &batch.records,
            shared.options.record_bytes_max,
        )
        .map_err(refused)?;
        if batch.records.is_empty() && batch.consumed.is_empty() {
            return Ok(Vec::new());
        }
        let room = self.log.room(encoded.bytes() + 64).await.map_err(refused)?;
        let (runs, places) = encoded.split();
        let (done, answer) = oneshot::channel();
        let position = |c: &Consumed| {
            (
                c.partition.0,
                Committed {
                    offset: c.offset,
                    metadata: c.metadata.clone(),
                },
            )
        };
        let commit = Commit {
            membership: self.membership.clone(),
            topic_id: self.topic.id,
            runs,
            consumed: batch.consumed.iter().map(position).collect(),
            done,
            room,
        };
        self.log.send(Request::Commit(commit)).map_err(refused)?;
        let unknown = |_| CommitError::Unknown {
            reason: shared.closed().to_string(),
        };
        let offsets = answer.await.map_err(unknown)??;
        Ok(places
            .offsets(offsets)
            .into_iter()
            .map(|(_, offset)| offset)
            .collect())
    }

    async fn close(self) {}
}

impl Drop for EmbeddedSession {
    fn drop(&mut self) {
        self.log.shared.groups.leave(&self.membership);
    }
}
