//! How partitions come and go.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use triggerfish_log::{Assigned, EventLog, LogError, Offset, Partition, Revoking, Session as _};
use triggerfish_ops::metrics;

use super::{POLL, Worker};
use crate::{
    owned::Owned,
    restore::{RestoreError, restore},
    settings::Error,
};

/// How long the loop rests at most while the end of calls is waited for.
const POLL_LEAVING: Duration = Duration::from_millis(20);
/// What committing and saving may take before partitions have to be gone.
const SETTLE: Duration = Duration::from_secs(5);

/// Partitions that are to go.
pub(super) struct Leaving {
    revoking: Revoking,
    /// What is under way by then is cut off.
    until: Instant,
}

/// A restore that is over.
pub(super) struct Restored {
    pub(super) partition: Partition,
    /// Cancelled when the partition was taken away meanwhile.
    pub(super) assignment: CancellationToken,
    pub(super) result: Option<Result<Owned, RestoreError>>,
}

impl<L: EventLog> Worker<L> {
    pub(super) async fn assigned(&mut self, assigned: Vec<Assigned>) -> Result<(), Error> {
        let partitions: Vec<Partition> = assigned.iter().map(|a| a.partition).collect();
        self.session.pause(&partitions).await?;
        for partition in &partitions {
            self.crew.expect(*partition);
        }
        self.crew.joined();
        for Assigned {
            partition,
            committed,
        } in assigned
        {
            tracing::info!(%partition, position = ?committed.as_ref().map(|c| c.offset.0), "partition assigned, restoring its view");
            let (log, place) = (self.log.clone(), Arc::clone(&self.place));
            let assignment = self.restoring.begin(partition);
            self.restores.spawn(async move {
                let began = Instant::now();
                let result = restore(log, place, partition, committed);
                let result = assignment.run_until_cancelled(result).await;
                metrics::restore_took(began.elapsed());
                Restored {
                    partition,
                    assignment,
                    result,
                }
            });
        }
        Ok(())
    }

    pub(super) async fn restored(
        &mut self,
        partition: Partition,
        owned: Owned,
    ) -> Result<(), Error> {
        match self
            .session
            .seek(partition, Offset(owned.view.position()))
            .await
        {
            Err(LogError::NotAssigned { .. }) => return Ok(()),
            result => result?,
        }
        self.session.resume(&[partition]).await?;
        self.crew.take_over(partition, owned);
        Ok(())
    }

    /// Begins nothing new for these partitions. They go when what is under way has ended,
    /// so that a hand-over repeats no call, but wait for none that takes long: whoever has
    /// until soon would not be called meanwhile. The others run on.
    pub(super) fn leave(&mut self, revoking: Revoking) {
        for partition in &revoking.partitions {
            self.restoring.end(*partition);
        }
        self.crew.leave(&revoking.partitions);
        let deadline = Instant::from_std(revoking.deadline);
        let engine_waits = deadline.checked_sub(SETTLE);
        let now = Instant::now();
        self.leaving = Some(Leaving {
            until: engine_waits.map_or(now, |until| until.min(now + self.settings.hand_over_wait)),
            revoking,
        });
    }

    /// Lets partitions go that are to leave and need not be waited for any longer.
    pub(super) async fn hand_over(&mut self) -> Result<(), Error> {
        let crew = &self.crew;
        let leaving = self.leaving.take_if(|leaving| {
            crew.is_idle_for(&leaving.revoking.partitions) || Instant::now() >= leaving.until
        });
        let Some(Leaving { revoking, .. }) = leaving else {
            return Ok(());
        };
        self.let_go(&revoking.partitions);
        self.settle().await?;
        self.crew.forget(&revoking.partitions);
        drop(revoking);
        Ok(())
    }

    /// How long the loop may rest.
    pub(super) fn patience(&self) -> Duration {
        self.leaving.as_ref().map_or(POLL, |_| POLL_LEAVING)
    }

    pub(super) async fn lost(&mut self, partitions: &[Partition]) -> Result<(), Error> {
        tracing::warn!(?partitions, "partitions lost");
        // Their hand-over is over, too: ended later, it would take away what may have been
        // assigned anew by then.
        self.leaving.take_if(|leaving| {
            let mut going = leaving.revoking.partitions.iter();
            going.any(|partition| partitions.contains(partition))
        });
        self.let_go(partitions);
        // A save that ends later could be taken for one of the next assignment.
        self.finish_saves().await?;
        self.crew.forget(partitions);
        Ok(())
    }

    /// Nothing acts for these partitions from here on.
    pub(super) fn let_go(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            self.restoring.end(*partition);
        }
        self.crew.release(partitions);
    }
}
