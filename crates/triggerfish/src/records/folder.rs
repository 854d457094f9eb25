//! Reads the data folder of a service that is not running.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::value::{RawValue, to_raw_value};
use triggerfish_api::ports::RecordsFrom;
use triggerfish_log::EventLog;
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions, OpenError};
use triggerfish_runtime::Topics;

use super::Shown;

/// Records read at once.
const PAGE_RECORDS: usize = 250;

/// Opens the log in the folder.
pub(crate) async fn open(folder: &Path) -> anyhow::Result<EmbeddedLog> {
    let place = folder.join("log");
    ensure!(
        place.is_dir(),
        "there is no log in {}: name the folder that the service has as --data \
         (storage.data_dir)",
        folder.display()
    );
    EmbeddedLog::open(EmbeddedOptions::new(place))
        .await
        .map_err(explained)
}

fn explained(error: OpenError) -> anyhow::Error {
    let is_locked = matches!(error, OpenError::Locked { .. });
    let error = anyhow::Error::new(error);
    if is_locked {
        return error.context(
            "a service runs on this folder: leave --data out and follow it by --url instead",
        );
    }
    error
}

/// Gives each page of the topic to `page`, until it wants no more. Nobody can append to a
/// folder that is open here, so the end of the topic is the end.
pub(crate) async fn each_page(
    folder: &Path,
    topic: &str,
    page: impl FnMut(&[Box<RawValue>]) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let log = open(folder).await?;
    let outcome = pages(&log, topic, page).await;
    log.close().await;
    outcome
}

async fn pages<L: EventLog>(
    log: &L,
    name: &str,
    mut give: impl FnMut(&[Box<RawValue>]) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let topics = Topics::with_prefix("");
    let topic = Shown::topic(&topics, name).context("the topic is not shown")?;
    let shown = Shown::new(&topics, topic, log.partitions(topic).await?);
    let mut reader = log.open_reader().await?;
    let mut from = RecordsFrom::Beginning;
    loop {
        let page = shown
            .page(&mut reader, &from, PAGE_RECORDS, Duration::ZERO)
            .await?;
        let next = RecordsFrom::Cursor(page.cursor);
        if page.records.is_empty() && next == from {
            return Ok(());
        }
        let records = page.records.iter().map(to_raw_value);
        let records: Vec<Box<RawValue>> = records.collect::<Result<_, _>>()?;
        if !give(&records)? {
            return Ok(());
        }
        from = next;
    }
}
