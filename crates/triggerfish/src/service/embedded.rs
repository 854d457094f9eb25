//! The embedded log in the data folder.

use anyhow::Context as _;
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};
use triggerfish_ops::config::Config;

/// Opens the log of the data folder.
pub(crate) async fn open_log(config: &Config) -> anyhow::Result<EmbeddedLog> {
    anyhow::ensure!(
        config.kafka.bootstrap_servers.is_none(),
        "kafka.bootstrap_servers is set, but this version runs on the embedded engine only: remove it"
    );
    let options = EmbeddedOptions::new(config.storage.data_dir.join("log"));
    EmbeddedLog::open(options)
        .await
        .context("can't open the log")
}
