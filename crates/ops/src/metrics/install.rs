//! Installs the recorder of the process and renders what it holds.

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{
    handles::{Handles, Registrar},
    specs::{self, Kind},
};

/// How often recorded durations are put into their buckets. Until then each takes
/// memory of its own.
const UPKEEP: Duration = Duration::from_secs(2);

static INSTALLED: OnceLock<(Handles, Exporter)> = OnceLock::new();

/// The handles, once there is a recorder.
pub(super) fn handles() -> Option<&'static Handles> {
    INSTALLED.get().map(|(handles, _)| handles)
}

/// Why nothing can be counted.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The buckets of a histogram are not valid.
    #[error("can't set the buckets of {name}")]
    Buckets {
        /// The metric.
        name: &'static str,
        /// Why.
        source: BuildError,
    },
    /// Something else has installed a recorder in this process.
    #[error("another metrics recorder is installed in this process")]
    Taken,
}

/// Renders metrics; cheap to clone.
#[derive(Clone, Debug)]
pub struct Exporter(PrometheusHandle);

/// Begins to count. A second call returns the same.
pub fn install() -> Result<Exporter, InstallError> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock();
    if let Some((_, exporter)) = INSTALLED.get() {
        return Ok(exporter.clone());
    }
    let mut builder = PrometheusBuilder::new();
    for spec in specs::ALL {
        if let Kind::Histogram(buckets) = spec.kind {
            builder = builder
                .set_buckets_for_metric(Matcher::Full(spec.name.to_owned()), buckets)
                .map_err(|source| InstallError::Buckets {
                    name: spec.name,
                    source,
                })?;
        }
    }
    let recorder = builder.build_recorder();
    let exporter = Exporter(recorder.handle());
    let handles = Handles::register(Registrar(&recorder));
    metrics::set_global_recorder(recorder).map_err(|_| InstallError::Taken)?;
    let (_, exporter) = INSTALLED.get_or_init(|| (handles, exporter));
    Ok(exporter.clone())
}

impl Exporter {
    /// Everything, in the Prometheus text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Puts recorded durations into their buckets again and again, until `token` is
    /// cancelled. Without it memory grows between two scrapes, and for ever if
    /// nobody scrapes; every process that counts runs it.
    pub async fn upkeep(self, token: CancellationToken) {
        while token
            .run_until_cancelled(tokio::time::sleep(UPKEEP))
            .await
            .is_some()
        {
            self.0.run_upkeep();
        }
    }
}
