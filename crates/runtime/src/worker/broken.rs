//! The loop with rules that are broken on purpose.

use std::sync::Arc;

use triggerfish_log::{Appender as _, EventLog, NewRecord};
use triggerfish_view::{RebuildStart, View};

use super::Worker;
use crate::{
    disk::done,
    faults::{self, Fault},
    settings::Error,
};

/// Where a rebuild of `view` begins that has to begin at `start`.
pub(super) fn start_of(view: &View, start: RebuildStart) -> RebuildStart {
    if !faults::is_on(Fault::RebuildTooLate) {
        return start;
    }
    RebuildStart {
        offset: view.position(),
        log_time: view.log_time(),
    }
}

impl<L: EventLog> Worker<L> {
    /// Two steps that have to be one.
    pub(super) async fn append_beside_commit(
        &mut self,
        outputs: Vec<NewRecord>,
    ) -> Result<Vec<NewRecord>, Error> {
        if !faults::is_on(Fault::ResultsBesideCommit) || self.settings.writer.is_none() {
            return Ok(outputs);
        }
        let appender = self.log.open_appender("beside".into()).await?;
        appender.append(outputs).await?;
        Ok(Vec::new())
    }

    /// The wrong way round, where a test wants to see what comes of it.
    pub(super) async fn save_before_commit(&mut self) -> Result<(), Error> {
        if !faults::is_on(Fault::ViewFirst) {
            return Ok(());
        }
        self.finish_saves().await?;
        for (partition, owned) in &mut self.crew.partitions {
            if let Some(job) = owned.view.begin_save() {
                let partition = *partition;
                owned.saving = true;
                let disk = Arc::clone(&self.place.disk);
                self.saves.spawn(done(disk, move || (partition, job.run())));
            }
        }
        self.finish_saves().await?;
        for owned in self.crew.partitions.values() {
            owned.view.flush()?;
        }
        tokio::time::sleep(faults::BETWEEN).await;
        Ok(())
    }
}
