//! `triggerfish bench latency`: one SYNC invocation at a time on an idle system, from
//! the moment its event is due to the completion, beside one bare POST at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use tokio::runtime::Handle;
use triggerfish_log::{Appender as _, EventLog as _, Limit, Reader as _, WriterName};

use super::{
    Case,
    load::{Destination, Load, client, ends, is_good, post, record},
    outcome::{Bound, Figure, Outcome, Unit, millis},
    pace::{self, Pace},
    progress::{Progress, Step},
    sink::Sink,
    stage::{REQUEST_RESPONSE, Stage, Subscriber},
};
use crate::args::bench::{Engine, LatencyArgs, Options};

const P50: Figure = Figure::new("p50", "triggerfish, p50", Unit::Millis);
const P99: Figure = Figure::new("p99", "triggerfish, p99", Unit::Millis);
const BARE: Figure = Figure::new("bareP50", "bare POST, p50", Unit::Millis);

/// The first ones pay for connections and caches.
const WARM_UP: u64 = 20;
/// The longest that one invocation may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the engine is to reach at p50 and p99, in milliseconds.
const fn reach(engine: Engine) -> (f64, f64) {
    match engine {
        Engine::Embedded => (3.0, 10.0),
        Engine::Kafka => (20.0, 60.0),
    }
}

impl Case for LatencyArgs {
    const NAME: &'static str = "latency";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let (count, pause) = (self.invocations, self.pause_ms);
        format!("{count} SYNC invocations, one every {pause} ms, event due to completion read")
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        let sink = Sink::start().await?;
        let stage = Arc::new(Stage::set(&self.log, &[]).await?);
        let subscriber = Subscriber::at(sink.url());
        stage.subscribe(REQUEST_RESPONSE, subscriber).await?;
        for round in 0..self.options.repeat {
            let step = progress.step(round, "bare POST", self.invocations);
            let (count, every) = (self.invocations, Duration::from_millis(self.pause_ms));
            let url = sink.url();
            let bare = tokio::task::spawn_blocking(move || bare(&url, count, every, &step));
            let bare = bare.await??;
            let step = progress.step(round, "triggerfish", self.invocations);
            let on = Arc::clone(&stage);
            let measuring =
                tokio::task::spawn_blocking(move || invocations(&on, count, every, &step));
            let measured = measuring.await??;
            outcome.add(&BARE, millis(&bare, 0.5));
            outcome.add(&P50, millis(&measured, 0.5));
            outcome.add(&P99, millis(&measured, 0.99));
            outcome.add_latencies("bare", "bare POST", bare);
            outcome.add_latencies("measured", "triggerfish", measured);
        }
        let stage = Arc::into_inner(stage).context("the stage is still in use")?;
        stage.clear().await?;
        let (p50, p99) = reach(self.log.engine);
        outcome.reach(&P50, Bound::AtMost(p50));
        outcome.reach(&P99, Bound::AtMost(p99));
        Ok(())
    }
}

/// Blocks its thread.
fn bare(url: &str, count: u64, every: Duration, step: &Step) -> anyhow::Result<Histogram<u64>> {
    let client = client()?;
    let (mut histogram, mut pace) = (pace::histogram(), Pace::new(every));
    for number in 0..count + WARM_UP {
        let due = pace.wait();
        Handle::current().block_on(post(&client, url, number))?;
        if number >= WARM_UP {
            pace::record(&mut histogram, due)?;
            step.done.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(histogram)
}

/// Blocks its thread.
fn invocations(
    stage: &Stage,
    count: u64,
    every: Duration,
    step: &Step,
) -> anyhow::Result<Histogram<u64>> {
    let (service, runtime) = (&stage.service, Handle::current());
    let completions = &service.topics.completions;
    let partitions = runtime.block_on(service.log.partitions(completions))?;
    let mut reader = runtime.block_on(service.log.open_reader())?;
    let mut positions = runtime.block_on(ends(&mut reader, completions, partitions))?;
    let appender = runtime.block_on(service.log.open_appender(WriterName::from("bench")))?;
    let to = Destination {
        topic: service.topics.trigger_events.clone(),
        partitions,
    };
    let load = Load {
        trigger: REQUEST_RESPONSE,
        count,
        outstanding: 1,
        keys: None,
    };
    let (mut histogram, mut pace) = (pace::histogram(), Pace::new(every));
    for number in 0..count + WARM_UP {
        let due = pace.wait();
        let completed = runtime.block_on(async {
            let appending = appender.append(vec![record(&to, load, number)]);
            appending.await.context("an event was not taken")?;
            let completed = reader.follow(&mut positions, Limit::default(), PATIENCE);
            anyhow::Ok(completed.await?)
        })?;
        let found = completed.len();
        ensure!(
            found == 1,
            "{found} completions of one event within {PATIENCE:?}"
        );
        is_good(completed[0].value.as_deref())?;
        if number >= WARM_UP {
            pace::record(&mut histogram, due)?;
            step.done.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(histogram)
}
