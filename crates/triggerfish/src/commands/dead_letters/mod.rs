//! `triggerfish dead-letters`

mod list;
mod redrive;
mod show;

use std::process::ExitCode;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::{args::DeadLettersCommand, client::Client};
use list::Listed;

/// The topic, without an installation's prefix.
const TOPIC: &str = "dead-letters";
/// Records in one answer at most.
const PAGE_RECORDS: u64 = 250;

pub(super) async fn run(command: &DeadLettersCommand) -> anyhow::Result<ExitCode> {
    match command {
        DeadLettersCommand::List(args) => list::run(args).await,
        DeadLettersCommand::Show(args) => show::run(args).await,
        DeadLettersCommand::Redrive(args) => redrive::run(args).await,
    }
}

/// Gives each page of letters that are there now to `give`, until it wants no more.
async fn each_page(
    client: &Client,
    mut give: impl FnMut(&[Box<RawValue>]) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut from = "beginning".to_owned();
    loop {
        let page = client
            .records(TOPIC, &from, PAGE_RECORDS, Duration::ZERO)
            .await?;
        let is_end = page.records.is_empty() && page.cursor == from;
        if is_end || !give(&page.records)? {
            return Ok(());
        }
        from = page.cursor;
    }
}

/// The letters among `records` whose reason has `text` in it.
fn letters<'r>(
    records: &'r [Box<RawValue>],
    text: Option<&'r str>,
) -> impl Iterator<Item = anyhow::Result<Listed>> + 'r {
    let read = records.iter().map(|record| Listed::read(record));
    let is_wanted = move |listed: &Listed| text.is_none_or(|text| listed.reason.contains(text));
    read.filter(move |listed| listed.as_ref().map_or(true, is_wanted))
}
