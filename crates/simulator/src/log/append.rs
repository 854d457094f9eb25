//! Appends.

use triggerfish_log::{Appender, LogError, NewRecord, Offset, Partition};

use super::{SimLog, unavailable, weather::Trouble};
use crate::life::Seam;

/// Appends for one process.
#[derive(Clone)]
pub struct SimAppender {
    log: SimLog,
}

impl SimAppender {
    pub(super) const fn new(log: SimLog) -> Self {
        Self { log }
    }

    /// A part of the records, as when a process dies or its broker does.
    fn apply_some(&self, records: &[NewRecord]) -> Result<(), LogError> {
        let some = self.log.shared.weather.lock().some_of(records.len());
        self.log
            .apply(&records[..some.min(records.len())])
            .map(drop)
    }
}

impl Appender for SimAppender {
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<(Partition, Offset)>, LogError> {
        let log = &self.log;
        // It has begun, even if the process stands still at this very moment.
        if !log.life.is_over() {
            log.shared.witness.appending(&log.life, &records);
        }
        log.life.well().await;
        log.shared.state.lock().check(&records)?;
        log.life.pass(Seam::BeforeAppend).await;
        log.travel().await;
        let trouble = log.trouble();
        match trouble {
            Some(Trouble::Before) => return Err(unavailable("it did not take the append")),
            Some(Trouble::Midway) => {
                self.apply_some(&records)?;
                return Err(unavailable("it broke off in the middle of an append"));
            }
            Some(Trouble::After) | None => {}
        }
        if log.life.ends_at(Seam::MidAppend) {
            self.apply_some(&records)?;
            log.life.well().await;
        }
        let places = log.apply(&records)?;
        log.life.pass(Seam::AfterAppend).await;
        log.travel().await;
        if trouble.is_some() {
            return Err(unavailable("it did not acknowledge the append"));
        }
        Ok(places)
    }
}
