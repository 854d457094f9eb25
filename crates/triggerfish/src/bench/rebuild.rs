//! `triggerfish bench rebuild`: a service whose views are gone folds its whole log again before
//! it is ready; beside a plain read of the same records. Afterwards the views are as they were,
//! and as one more fold has them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use triggerfish_log::{EventLog, Limit, Offset, Partition, Reader as _};
use triggerfish_runtime::{
    Topics,
    verify::{self, Compared, Place},
};

use super::{
    Case,
    home::{Home, subscribe, until_counted, until_waiting},
    outcome::{Bound, Figure, Outcome, Unit, count},
    progress::Progress,
    sink::Sink,
    stage::REQUEST_RESPONSE,
};
use crate::{
    args::bench::{Options, RebuildArgs},
    records::folder,
    service::view_settings,
};

const RECORDS: Figure = Figure::new("records", "records of the log", Unit::Count);
const READ: Figure = Figure::new("reference", "plain read", Unit::PerSecond);
const REBUILD: Figure = Figure::new("measured", "rebuild", Unit::PerSecond);
const RATIO: Figure = Figure::new("ratio", "rebuild beside a plain read", Unit::Ratio);
const STARTED: Figure = Figure::new("started", "start with the views there", Unit::Seconds);
const READY: Figure = Figure::new("ready", "start without the views", Unit::Seconds);

const REBUILD_MIN: Bound = Bound::AtLeast(200_000.0);

const VIEWS: &str = "views";

impl Case for RebuildArgs {
    const NAME: &'static str = "rebuild";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let Self {
            count,
            burst,
            waiting,
            ..
        } = self;
        format!(
            "{count} invocations in bursts of {burst}, of which {waiting} wait for their callbacks"
        )
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        ensure!(self.waiting <= self.count, "more wait than there are");
        let home = self.fill(progress).await?;
        let live = digests(home.path()).await?;
        for round in 0..self.options.repeat {
            let (records, took) = read(home.path()).await?;
            outcome.add(&RECORDS, count(records));
            let read = count(records) / took.as_secs_f64();
            outcome.add(&READ, read);
            let step = progress.step(round, "start with the views there", 1);
            let began = Instant::now();
            let child = home.start().await?;
            let started = began.elapsed();
            outcome.add(&STARTED, started.as_secs_f64());
            child.stop().await?;
            drop(step);
            let _step = progress.step(round, "start without the views", records);
            std::fs::remove_dir_all(home.path().join(VIEWS))?;
            let began = Instant::now();
            let child = home.start().await?;
            let ready = began.elapsed();
            outcome.add(&READY, ready.as_secs_f64());
            until_waiting(&child, self.waiting).await?;
            child.stop().await?;
            // A start has more to do than to fold, with or without the views.
            let folded = ready.saturating_sub(started).max(Duration::from_millis(1));
            let rebuilt = count(records) / folded.as_secs_f64();
            outcome.add(&REBUILD, rebuilt);
            outcome.add(&RATIO, rebuilt / read);
            ensure!(
                digests(home.path()).await? == live,
                "the views are not what they were"
            );
        }
        outcome.reach(&REBUILD, REBUILD_MIN);
        Ok(())
    }
}

impl RebuildArgs {
    async fn fill(&self, progress: &Progress) -> anyhow::Result<Home> {
        const WAITING: &str = "bench:waiting";
        let sink = Sink::start().await?;
        let home = Home::new()?;
        let child = home.start().await?;
        super::home::declare(&child, WAITING, "REQUEST_RESPONSE").await?;
        let (url, none) = (sink.url(), json!({}));
        subscribe(&child, REQUEST_RESPONSE, &url, "SYNC", &none).await?;
        let day = json!({"responseDeadline": "P1D"});
        subscribe(&child, WAITING, &url, "ASYNC", &day).await?;
        child.stop().await?;
        let step = progress.step(0, "subscriber is called", self.count);
        let waiting = self.waiting;
        let trigger = |number| match number {
            number if number < waiting => WAITING,
            _ => REQUEST_RESPONSE,
        };
        // As in a log of every day, what came of an event is not far behind it.
        let mut next = 0;
        while next < self.count {
            let end = self.count.min(next + self.burst);
            home.append(next..end, trigger, &step).await?;
            let child = home.start().await?;
            until_counted(&sink.calls, end, &step, || Ok(())).await?;
            until_waiting(&child, waiting.min(end)).await?;
            child.stop().await?;
            next = end;
        }
        Ok(home)
    }
}

/// The digests of the views, each the same as that of a new fold.
async fn digests(home: &Path) -> anyhow::Result<BTreeMap<u32, [u8; 32]>> {
    let log = folder::open(home).await?;
    let place = Place {
        views: home.join(VIEWS),
        cluster: "embedded".to_owned(),
        topics: Topics::with_prefix(""),
        settings: view_settings(&triggerfish_ops::config::Config::default()),
    };
    let compared = verify::verify(&log, &place).await;
    log.close().await;
    let compared = compared.context("the views can't be compared")?;
    ensure!(!compared.is_empty(), "there are no views");
    let differ = compared.iter().find(|one| !one.is_equal());
    ensure!(differ.is_none(), "a view differs from its log: {differ:?}");
    let digest = |one: &Compared| (one.partition.0, one.view);
    Ok(compared.iter().map(digest).collect())
}

/// Reads the whole invocation log, its partitions side by side as at a start: how many records
/// it has, and how long that took.
async fn read(home: &Path) -> anyhow::Result<(u64, Duration)> {
    let log = folder::open(home).await?;
    let topic = Topics::with_prefix("").invocation_log;
    let began = Instant::now();
    let mut readers = tokio::task::JoinSet::new();
    for partition in 0..log.partitions(&topic).await? {
        let (log, topic) = (log.clone(), topic.clone());
        readers.spawn(async move {
            let mut reader = log.open_reader().await?;
            let (mut next, mut records) = (Offset::ZERO, 0);
            loop {
                let limit = Limit::records(5_000);
                let page = reader.read(&topic, Partition(partition), next, limit);
                let page = page.await?;
                records += page.records.len() as u64;
                next = page.next;
                if page.at_end {
                    return anyhow::Ok(records);
                }
            }
        });
    }
    let mut records = 0;
    while let Some(read) = readers.join_next().await {
        records += read??;
    }
    let took = began.elapsed();
    log.close().await;
    Ok((records, took))
}
