//! Reads the data folder of a service that is not running.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::value::{RawValue, to_raw_value};
use triggerfish_api::ports::RecordsFrom;
use triggerfish_log::EventLog;
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions, OpenError};
use triggerfish_runtime::Topics;

use super::Printer;
use crate::records::Shown;

/// Prints what is in the topic. Nobody can append to a folder that is open here, so
/// the end of the topic is the end.
pub(super) async fn read(folder: &Path, printer: &mut Printer) -> anyhow::Result<()> {
    let place = folder.join("log");
    ensure!(
        place.is_dir(),
        "there is no log in {}: name the folder that the service has as --data \
         (storage.data_dir)",
        folder.display()
    );
    let log = EmbeddedLog::open(EmbeddedOptions::new(place))
        .await
        .map_err(explained)?;
    let outcome = print_all(&log, printer).await;
    log.close().await;
    outcome
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

async fn print_all<L: EventLog>(log: &L, printer: &mut Printer) -> anyhow::Result<()> {
    let topics = Topics::with_prefix("");
    let topic = Shown::topic(&topics, printer.topic.name()).context("the topic is not shown")?;
    let shown = Shown::new(&topics, topic, log.partitions(topic).await?);
    let mut reader = log.open_reader().await?;
    let mut from = RecordsFrom::Beginning;
    while !printer.is_done() {
        let limit = usize::try_from(printer.wanted()).unwrap_or(usize::MAX);
        let page = shown
            .page(&mut reader, &from, limit, Duration::ZERO)
            .await?;
        let next = RecordsFrom::Cursor(page.cursor);
        if page.records.is_empty() && next == from {
            return Ok(());
        }
        let records = page.records.iter().map(to_raw_value);
        let records: Vec<Box<RawValue>> = records.collect::<Result<_, _>>()?;
        printer.print(&records)?;
        from = next;
    }
    Ok(())
}
