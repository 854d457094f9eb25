//! Reading without a group.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use triggerfish_log::{
    Bounds, Limit, LogError, Offset, Page, Partition, Position, Reader, Record, Topic,
};

use super::SimLog;

/// Reads for one process.
pub struct SimReader {
    log: SimLog,
}

impl SimReader {
    pub(super) const fn new(log: SimLog) -> Self {
        Self { log }
    }

    /// What is there after each position, which is moved past it.
    fn take(&self, positions: &mut [Position], limit: Limit) -> Result<Vec<Record>, LogError> {
        let state = self.log.shared.state.lock();
        let mut records: Vec<Record> = Vec::new();
        for position in positions {
            let left = limit.records.get().saturating_sub(records.len());
            let has_room = left > 0 || records.is_empty();
            if !has_room {
                break;
            }
            let (topic, from) = (&position.topic, position.offset);
            let page = state.read(topic, position.partition, from, Limit::records(left))?;
            position.offset = page.next.max(from);
            records.extend(page.records);
        }
        Ok(records)
    }
}

impl Reader for SimReader {
    async fn bounds(&mut self, topic: &Topic, partition: Partition) -> Result<Bounds, LogError> {
        self.log.reach().await?;
        self.log.shared.state.lock().bounds(topic, partition)
    }

    async fn read(
        &mut self,
        topic: &Topic,
        partition: Partition,
        from: Offset,
        limit: Limit,
    ) -> Result<Page, LogError> {
        self.log.reach().await?;
        let state = self.log.shared.state.lock();
        state.read(topic, partition, from, limit)
    }

    async fn follow(
        &mut self,
        positions: &mut [Position],
        limit: Limit,
        wait: Duration,
    ) -> Result<Vec<Record>, LogError> {
        let until = Instant::now() + wait;
        loop {
            self.log.life.well().await;
            let mut changed = pin!(self.log.shared.changed.notified());
            changed.as_mut().enable();
            let records = self.take(positions, limit)?;
            if !records.is_empty() || Instant::now() >= until {
                return Ok(records);
            }
            // Whether it was woken or the time is over shows above.
            let _ = timeout_at(until, changed).await;
        }
    }
}
