//! Who is there, for people.

use triggerfish_api::ports::{Load, Worker, WorkerPartition, Workers};

use crate::{announcement::Claim, lookup::Peers};

impl Workers for Peers {
    fn living(&self) -> Vec<Worker> {
        let roster = self.inner.directory.roster();
        let workers = roster.living().map(|(process, silence)| Worker {
            instance: process.instance.clone(),
            roles: process.roles.clone(),
            version: process.version.clone(),
            started: process.started,
            seconds_since_heard: silence.as_secs(),
            partitions: process.partitions.iter().map(shown).collect(),
        });
        workers.collect()
    }

    fn load(&self) -> Vec<Load> {
        self.inner.history.all()
    }
}

fn shown(claim: &Claim) -> WorkerPartition {
    WorkerPartition {
        partition: claim.partition,
        since: claim.since,
        position: claim.figures.map(|figures| figures.position),
        lag: claim.figures.map(|figures| figures.lag),
        open: claim.figures.map(|figures| figures.open),
        queued: claim.figures.map(|figures| figures.queued),
    }
}
