//! Reading without a group.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use triggerfish_log::{
    Bounds, Limit, LogError, Offset, Page, Partition, Position, Reader, Record, Topic,
};

use crate::batch::Budget;
use crate::engine::Inner;
use crate::fetch;
use crate::topics::{PartitionLog, TopicLog};

/// Reads an [`crate::EmbeddedLog`].
pub struct EmbeddedReader {
    log: Arc<Inner>,
    wake: Arc<Notify>,
    /// Topics that notify `wake`.
    watched: HashSet<u32>,
    /// Which position comes first, so that none is passed over for long.
    turn: usize,
}

impl EmbeddedReader {
    pub(crate) fn new(log: Arc<Inner>) -> Self {
        Self {
            log,
            wake: Arc::new(Notify::new()),
            watched: HashSet::new(),
            turn: 0,
        }
    }

    fn partition(
        &self,
        topic: &Topic,
        partition: Partition,
    ) -> Result<Arc<PartitionLog>, LogError> {
        self.log.shared.check()?;
        self.log.shared.topics.partition(topic, partition)
    }

    fn watch(&mut self, topic: &TopicLog) {
        if self.watched.insert(topic.id) {
            topic.watch(&self.wake);
        }
    }
}

impl Reader for EmbeddedReader {
    async fn bounds(&mut self, topic: &Topic, partition: Partition) -> Result<Bounds, LogError> {
        let extent = self.partition(topic, partition)?.extent();
        Ok(Bounds {
            first: Offset(extent.first),
            end: Offset(extent.end),
        })
    }

    async fn read(
        &mut self,
        topic: &Topic,
        partition: Partition,
        from: Offset,
        limit: Limit,
    ) -> Result<Page, LogError> {
        let log = self.partition(topic, partition)?;
        let (mut budget, mut records) = (Budget::new(limit), Vec::new());
        let shared = &self.log.shared;
        let fetched = fetch::fetch(shared, &log, from.0, &mut budget, &mut records).await?;
        Ok(Page {
            records,
            next: Offset(fetched.next),
            at_end: fetched.at_end,
        })
    }

    async fn follow(
        &mut self,
        positions: &mut [Position],
        limit: Limit,
        wait: Duration,
    ) -> Result<Vec<Record>, LogError> {
        let until = Instant::now() + wait;
        let mut logs = Vec::with_capacity(positions.len());
        for position in positions.iter() {
            let topic = self.log.shared.topics.get(&position.topic)?;
            self.watch(&topic);
            logs.push(topic.partition(position.partition)?);
        }
        loop {
            self.log.shared.check()?;
            let (mut budget, mut records) = (Budget::new(limit), Vec::new());
            let mut moved = Vec::new();
            for n in 0..logs.len() {
                let n = (self.turn + n) % logs.len();
                let from = positions[n].offset.0;
                let shared = &self.log.shared;
                let fetched =
                    fetch::fetch(shared, &logs[n], from, &mut budget, &mut records).await?;
                moved.push((n, fetched.next));
                if budget.is_spent() {
                    break;
                }
            }
            self.turn = self.turn.wrapping_add(1);
            for (n, next) in moved {
                positions[n].offset = Offset(next);
            }
            if !records.is_empty() || Instant::now() >= until {
                return Ok(records);
            }
            // Running out of time is looked at above.
            let _ = tokio::time::timeout_at(until, self.wake.notified()).await;
        }
    }
}
