//! A service of its own with a great many invocations: filled by events that wait for it in its
//! log, as they do when upstream was faster, and looked at from outside.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinSet};
use triggerfish_log::{Appender as _, EventLog as _, WriterName};
use triggerfish_runtime::Topics;

use super::{
    child::Child,
    load::{Destination, written},
    pace::Pace,
    progress::Step,
};
use crate::{client::Request, records::folder};

/// Events in one append.
const BATCH: u64 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a service may stand still before something is wrong with it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A data folder that processes start on, one after the other.
pub(super) struct Home {
    folder: TempDir,
}

/// How many invocations a service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Without an outcome.
    pub(super) open: u64,
    /// Those of them that owe a call.
    pub(super) queued: u64,
}

impl Home {
    pub(super) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("can't make a folder for the measurement")?;
        Ok(Self { folder })
    }

    pub(super) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Starts the service and waits until it is ready.
    pub(super) async fn start(&self) -> anyhow::Result<Child> {
        Child::start(self.path(), &[]).await
    }

    /// Appends the events with these numbers to `trigger-events`, each for the trigger that
    /// `trigger` names. No service may run on the folder.
    pub(super) async fn append(
        &self,
        numbers: Range<u64>,
        trigger: impl Fn(u64) -> &'static str,
        step: &Step,
    ) -> anyhow::Result<()> {
        let log = folder::open(self.path()).await?;
        let topic = Topics::with_prefix("").trigger_events;
        let partitions = log.partitions(&topic).await?;
        let to = Destination { topic, partitions };
        let appender = log.open_appender(WriterName::from("bench")).await?;
        let mut next = numbers.start;
        while next < numbers.end {
            let end = numbers.end.min(next + BATCH);
            let records = (next..end).map(|number| written(&to, trigger(number), number, ""));
            appender.append(records.collect()).await?;
            next = end;
            step.done.store(next, Ordering::Relaxed);
        }
        log.close().await;
        Ok(())
    }
}

/// Declares a trigger that takes and gives any object.
pub(super) async fn declare(child: &Child, id: &str, kind: &str) -> anyhow::Result<()> {
    let mut trigger = json!({
        "name": id, "type": kind,
        "inputSchema": {"type": "object"}, "exampleInput": {},
    });
    if kind == "REQUEST_RESPONSE" {
        trigger["outputSchema"] = json!({"type": "object"});
        trigger["exampleOutput"] = json!({});
    }
    let path = ["triggers", "v1", id];
    child.client().call(Request::put(&path, &trigger)).await?;
    Ok(())
}

/// Subscribes to `trigger`; `fields` come besides.
pub(super) async fn subscribe(
    child: &Child,
    trigger: &str,
    url: &str,
    mode: &str,
    fields: &Value,
) -> anyhow::Result<()> {
    let mut body = json!({
        "triggerId": trigger, "name": "sink", "type": "HTTP",
        "httpConfig": {"url": url, "httpDispatchMode": mode},
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let path = ["trigger-subscriptions", "v1"];
    child.client().call(Request::post(&path, &body)).await?;
    Ok(())
}

/// How many invocations the service has, as it last said.
pub(super) async fn standing(child: &Child) -> anyhow::Result<Standing> {
    let workers: Value = child
        .client()
        .fetch(Request::get(&["workers", "v1"]))
        .await?;
    let workers = workers.as_array().context("no list of workers")?;
    let partitions = workers
        .iter()
        .filter_map(|worker| worker["partitions"].as_array());
    let mut sum = Standing { open: 0, queued: 0 };
    for partition in partitions.flatten() {
        sum.open += partition["open"].as_u64().unwrap_or_default();
        sum.queued += partition["queued"].as_u64().unwrap_or_default();
    }
    Ok(sum)
}

/// Waits until the service has this many open invocations, of which none owes a call.
pub(super) async fn until_waiting(child: &Child, open: u64) -> anyhow::Result<()> {
    let wanted = Standing { open, queued: 0 };
    let until = Instant::now() + PATIENCE;
    loop {
        let found = standing(child).await?;
        if found == wanted {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{found:?} in place of {wanted:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until a counter has come to `count`, as long as it moves; `look` is called meanwhile.
pub(super) async fn until_counted(
    counter: &AtomicU64,
    count: u64,
    step: &Step,
    mut look: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let begun = counter.load(Ordering::Relaxed);
    let (mut last, mut moved) = (begun, Instant::now());
    loop {
        look()?;
        let now = counter.load(Ordering::Relaxed);
        step.done.store(now, Ordering::Relaxed);
        if now >= count {
            return Ok(());
        }
        if now > last {
            (last, moved) = (now, Instant::now());
        }
        if moved.elapsed() > PATIENCE {
            bail!("nothing came for {PATIENCE:?} after {now} of {count}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A piece of work of an open loop.
pub(super) struct Piece<T> {
    /// When it was to begin.
    pub(super) due: Instant,
    /// When it was over.
    pub(super) over: Instant,
    /// What came of it.
    pub(super) value: T,
}

/// Begins `count` pieces of work, one every `every`, whatever becomes of those before.
pub(super) async fn open_loop<T, F>(
    count: u64,
    every: Duration,
    step: &Step,
    work: impl Fn(u64) -> F,
) -> anyhow::Result<Vec<Piece<T>>>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let (sender, mut begun) = mpsc::unbounded_channel();
    tokio::task::spawn_blocking(move || {
        let mut pace = Pace::new(every);
        for number in 0..count {
            // Nobody hears it when a piece of work before has failed.
            if sender.send((number, pace.wait())).is_err() {
                return;
            }
        }
    });
    let done = Arc::clone(&step.done);
    let (mut running, mut pieces) = (JoinSet::new(), Vec::new());
    loop {
        tokio::select! {
            Some((number, due)) = begun.recv() => {
                let work = work(number);
                running.spawn(async move {
                    let value = work.await?;
                    let over = Instant::now();
                    anyhow::Ok(Piece { due, over, value })
                });
            }
            Some(ended) = running.join_next() => {
                pieces.push(ended??);
                done.fetch_add(1, Ordering::Relaxed);
            }
            else => return Ok(pieces),
        }
    }
}
