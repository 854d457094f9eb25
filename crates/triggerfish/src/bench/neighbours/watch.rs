//! Looks at the service from outside while something is measured.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::service::Service;

const EVERY: Duration = Duration::from_millis(100);

/// Looks until it is stopped.
pub(super) struct Watch {
    stop: CancellationToken,
    looking: JoinHandle<anyhow::Result<Peak>>,
}

/// The most that was seen at one time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peak {
    /// By how much resident memory went up, in MiB.
    pub(super) memory_up: f64,
    /// Calls in flight of all subscribers.
    pub(super) in_flight: f64,
}

impl Watch {
    pub(super) fn start(service: &Arc<Service>) -> anyhow::Result<Self> {
        let began_with = service.child.memory()?.resident;
        let stop = CancellationToken::new();
        let looking = tokio::spawn(look(Arc::clone(service), began_with, stop.clone()));
        Ok(Self { stop, looking })
    }

    pub(super) async fn stop(self) -> anyhow::Result<Peak> {
        self.stop.cancel();
        self.looking.await?
    }
}

async fn look(
    service: Arc<Service>,
    began_with: f64,
    stop: CancellationToken,
) -> anyhow::Result<Peak> {
    let mut peak = Peak::default();
    loop {
        let memory_up = service.child.memory()?.resident - began_with;
        peak.memory_up = peak.memory_up.max(memory_up);
        peak.in_flight = peak.in_flight.max(service.in_flight().await?);
        let pause = tokio::time::sleep(EVERY);
        if stop.run_until_cancelled(pause).await.is_none() {
            return Ok(peak);
        }
    }
}
