//! Membership of a group.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use triggerfish_log::{
    Assigned, Batch, CommitError, Committed, Limit, LogError, Offset, Partition, Polled, Record,
    Revoking, Session, SessionSpec, Topic,
};

use super::{
    SimLog,
    group::{Event, Group},
    unavailable,
    weather::Trouble,
    writer_of,
};
use crate::life::Seam;

/// A session of one process.
pub struct SimSession {
    log: SimLog,
    spec: SessionSpec,
    member: u64,
    /// The next record of each partition that is owned.
    positions: BTreeMap<Partition, Offset>,
    paused: BTreeSet<Partition>,
    /// What it has been told that it has lost; it acts on that before it calls again.
    lost: Vec<Partition>,
    /// Whose turn it is to be read first.
    turn: usize,
}

impl SimSession {
    pub(super) const fn new(log: SimLog, spec: SessionSpec, member: u64) -> Self {
        Self {
            log,
            spec,
            member,
            positions: BTreeMap::new(),
            paused: BTreeSet::new(),
            lost: Vec::new(),
            turn: 0,
        }
    }

    fn topic(&self) -> &Topic {
        &self.spec.topic
    }

    fn with_group<T>(&self, then: impl FnOnce(&mut Group) -> T) -> T {
        let mut state = self.log.shared.state.lock();
        let key = (self.spec.group.clone(), self.spec.topic.clone());
        then(state.groups.entry(key).or_default())
    }

    fn hand_over(&self) -> Duration {
        self.log.shared.weather.lock().hand_over
    }

    /// It calls again, so whoever drives it has heard what it was told.
    fn heard(&mut self) {
        let lost = std::mem::take(&mut self.lost);
        if !lost.is_empty() {
            let witness = &self.log.shared.witness;
            witness.released(&self.log.life, &self.spec.group, &lost);
        }
    }

    fn next_event(&mut self) -> Result<Option<Polled>, LogError> {
        let hand_over = self.hand_over();
        let event = self.with_group(|group| group.next_event(self.member, hand_over));
        let event = event.map_err(|reason| LogError::Fenced { reason })?;
        Ok(event.map(|event| match event {
            Event::Assigned(partitions) => self.assigned(&partitions),
            Event::Revoke(partitions, deadline) => self.revoking(partitions, deadline),
            Event::Lost(partitions) => {
                self.forget(&partitions);
                self.lost.clone_from(&partitions);
                Polled::Lost(partitions)
            }
        }))
    }

    fn assigned(&mut self, partitions: &[Partition]) -> Polled {
        let ends = self.log.ends(self.topic());
        let end = |p: &Partition| ends.get(p.0 as usize).copied().unwrap_or_default();
        let gained: Vec<_> = partitions.iter().map(|p| (*p, end(p))).collect();
        let witness = &self.log.shared.witness;
        witness.assigned(&self.log.life, &self.spec.group, &gained);
        let assigned = |partition: &Partition| Assigned {
            partition: *partition,
            committed: self.with_group(|group| group.committed(*partition)),
        };
        let assigned: Vec<Assigned> = partitions.iter().map(assigned).collect();
        for one in &assigned {
            let committed = one.committed.as_ref();
            let from = committed.map_or(Offset::ZERO, |committed| committed.offset);
            self.positions.insert(one.partition, from);
        }
        Polled::Assigned(assigned)
    }

    fn revoking(&mut self, partitions: Vec<Partition>, deadline: Instant) -> Polled {
        self.forget(&partitions);
        let witness = &self.log.shared.witness;
        witness.revoking(&self.log.life, &self.spec.group, &partitions);
        let (log, spec, member) = (self.log.clone(), self.spec.clone(), self.member);
        let leaving = partitions.clone();
        let hand_over = self.hand_over();
        let release = move || {
            // Who is dead has let nothing go: its session has to time out.
            if log.life.is_over() {
                return;
            }
            let witness = &log.shared.witness;
            witness.released(&log.life, &spec.group, &leaving);
            let mut state = log.shared.state.lock();
            if let Some(group) = state.groups.get_mut(&(spec.group, spec.topic)) {
                group.release(member, &leaving, hand_over);
            }
            drop(state);
            log.shared.changed.notify_waiters();
        };
        Polled::Revoking(Revoking::new(partitions, deadline.into_std(), release))
    }

    fn forget(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            self.positions.remove(partition);
            self.paused.remove(partition);
        }
    }

    fn records(&mut self, limit: Limit) -> Result<Vec<Record>, LogError> {
        let most = self.log.shared.weather.lock().batch;
        let most = limit.records.get().min(most);
        let owned = self.with_group(|group| group.owned(self.member));
        let mut records: Vec<Record> = Vec::new();
        self.turn = self.turn.wrapping_add(1);
        let state = self.log.shared.state.lock();
        for index in 0..owned.len() {
            let partition = owned[(index + self.turn) % owned.len()];
            let left = most.saturating_sub(records.len());
            let position = self.positions.get(&partition).copied();
            let Some(from) = position.filter(|_| left > 0 && !self.paused.contains(&partition))
            else {
                continue;
            };
            let bytes = records.iter().map(Record::payload_bytes).sum::<usize>();
            let Some(bytes) = std::num::NonZeroUsize::new(limit.bytes.get().saturating_sub(bytes))
            else {
                break;
            };
            let limit = Limit {
                bytes,
                ..Limit::records(left)
            };
            let page = state.read(&self.spec.topic, partition, from, limit)?;
            self.positions.insert(partition, page.next);
            records.extend(page.records);
        }
        Ok(records)
    }

    /// Commits at this moment, as a whole.
    fn apply(&self, batch: &Batch) -> Result<Vec<Offset>, CommitError> {
        let log = &self.log;
        let mut state = log.shared.state.lock();
        let state = &mut *state;
        let key = (self.spec.group.clone(), self.spec.topic.clone());
        let group = state.groups.entry(key).or_default();
        let lost = |group: &Group| {
            let mut consumed = batch.consumed.iter();
            consumed
                .find(|one| !group.holds(self.member, one.partition))
                .map(|one| one.partition)
        };
        if let Some(reason) = group.fenced(self.member) {
            return Err(CommitError::Fenced { reason });
        }
        if let Some(partition) = lost(group) {
            let reason = format!("partition {partition} is held by another");
            group.fence(self.member, &reason);
            return Err(CommitError::Fenced { reason });
        }
        let before: Vec<_> = batch
            .consumed
            .iter()
            .map(|one| {
                group
                    .committed(one.partition)
                    .map(|committed| committed.offset)
            })
            .collect();
        for one in &batch.consumed {
            let committed = Committed {
                offset: one.offset,
                metadata: one.metadata.clone(),
            };
            group.commit(one.partition, committed);
        }
        let appended = state.append(&batch.records, (log.shared.clock)());
        state.mark(&appended);
        log.shared.witness.committed(
            &log.life,
            &self.spec.group,
            &appended,
            &batch.consumed,
            &before,
        );
        Ok(appended.iter().map(|record| record.offset).collect())
    }
}

impl Session for SimSession {
    async fn poll(&mut self, limit: Limit, wait: Duration) -> Result<Polled, LogError> {
        let until = Instant::now() + wait;
        loop {
            self.log.life.well().await;
            self.heard();
            let shared = std::sync::Arc::clone(&self.log.shared);
            let mut changed = pin!(shared.changed.notified());
            changed.as_mut().enable();
            if let Some(event) = self.next_event()? {
                return Ok(event);
            }
            let before = self.positions.clone();
            let records = self.records(limit)?;
            if !records.is_empty() {
                if self.log.trouble().is_none() {
                    return Ok(Polled::Records(records));
                }
                self.positions = before;
                return Err(unavailable("it could not be read"));
            }
            if Instant::now() >= until {
                return Ok(Polled::Idle);
            }
            // Whether it was woken or the time is over shows above.
            let _ = timeout_at(until, changed).await;
        }
    }

    async fn seek(&mut self, partition: Partition, to: Offset) -> Result<(), LogError> {
        self.log.life.well().await;
        self.heard();
        let not_assigned = || LogError::NotAssigned {
            topic: self.spec.topic.clone(),
            partition,
        };
        let position = self
            .positions
            .get_mut(&partition)
            .ok_or_else(not_assigned)?;
        let end = self.log.ends(&self.spec.topic)[partition.0 as usize];
        if to > end {
            return Err(LogError::BeyondEnd {
                topic: self.spec.topic.clone(),
                partition,
                offset: to,
                end,
            });
        }
        *position = to;
        Ok(())
    }

    async fn pause(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        let owned = partitions.iter().filter(|p| self.positions.contains_key(p));
        self.paused.extend(owned);
        Ok(())
    }

    async fn resume(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        for partition in partitions {
            self.paused.remove(partition);
        }
        Ok(())
    }

    async fn commit(
        &mut self,
        batch: impl Into<Arc<Batch>> + Send,
    ) -> Result<Vec<Offset>, CommitError> {
        let batch = batch.into();
        let log = self.log.clone();
        log.life.well().await;
        self.heard();
        batch
            .check(self.topic(), &self.spec.outputs)
            .map_err(CommitError::Refused)?;
        log.shared
            .state
            .lock()
            .check(&batch.records)
            .map_err(CommitError::Refused)?;
        if batch.records.is_empty() && batch.consumed.is_empty() {
            return Ok(Vec::new());
        }
        log.life.pass(Seam::BeforeCommit).await;
        log.travel().await;
        let trouble = log.trouble();
        let unknown = |reason: &str| {
            Err(CommitError::Unknown {
                reason: reason.to_owned(),
            })
        };
        match trouble {
            Some(Trouble::Before) => {
                let reason = "it did not take the commit".to_owned();
                return Err(CommitError::Aborted { reason });
            }
            Some(Trouble::Midway) => return unknown("it broke off before the commit"),
            Some(Trouble::After) | None => {}
        }
        let offsets = self.apply(&batch)?;
        log.shared.changed.notify_waiters();
        log.life.pass(Seam::AfterCommit).await;
        log.travel().await;
        if trouble.is_some() {
            return unknown("it broke off after the commit");
        }
        Ok(offsets)
    }

    async fn close(self) {
        self.log.life.well().await;
    }
}

impl Drop for SimSession {
    fn drop(&mut self) {
        // Who is dead says no farewell: the session has to time out.
        if self.log.life.is_over() {
            return;
        }
        let hand_over = self.hand_over();
        self.with_group(|group| group.leave(self.member, hand_over));
        if let Some(writer) = writer_of(&self.spec.outputs) {
            let mut state = self.log.shared.state.lock();
            let is_own = state
                .writers
                .get(writer)
                .is_some_and(|holder| holder.2 == self.member);
            if is_own {
                state.writers.remove(writer);
            }
        }
        self.log.shared.changed.notify_waiters();
    }
}
