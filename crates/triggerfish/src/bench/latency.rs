//! `triggerfish bench latency`: one SYNC invocation at a time on an idle system, from
//! the append of its event to the completion, beside one bare POST at a time.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::time::MissedTickBehavior;
use triggerfish_log::{Appender as _, EventLog as _, Limit, Reader as _, WriterName};

use super::{
    load::{ends, event, record},
    stage::Stage,
};
use crate::{
    args::{BenchEngine, BenchLatencyArgs},
    commands::print,
};

/// Calls in flight; one is all that is used.
const IN_FLIGHT: u32 = 64;
/// The first ones pay for connections and caches.
const WARM_UP: u64 = 20;
/// The longest that one invocation may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the engine is to reach at p50 and p99, in milliseconds.
const fn reach(engine: BenchEngine) -> (f64, f64) {
    match engine {
        BenchEngine::Embedded => (3.0, 10.0),
        BenchEngine::Kafka => (20.0, 60.0),
    }
}

pub(crate) async fn latency(args: &BenchLatencyArgs) -> anyhow::Result<ExitCode> {
    let stage = Stage::set(&args.log, IN_FLIGHT).await?;
    let reference = bare(&stage, args).await?;
    let measured = invocations(&stage, args).await?;
    stage.clear().await?;
    report(args, &reference, &measured);
    Ok(ExitCode::SUCCESS)
}

/// Begins a turn every pause, so that the system is idle before each.
fn turns(args: &BenchLatencyArgs) -> tokio::time::Interval {
    let mut turns = tokio::time::interval(Duration::from_millis(args.pause_ms));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}

fn micros(histogram: &mut Histogram<u64>, began: Instant) -> anyhow::Result<()> {
    let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(histogram.record(took)?)
}

async fn bare(stage: &Stage, args: &BenchLatencyArgs) -> anyhow::Result<Histogram<u64>> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let (mut histogram, mut turns) = (Histogram::new(3)?, turns(args));
    for number in 0..args.invocations + WARM_UP {
        turns.tick().await;
        let began = Instant::now();
        let request = client
            .post(stage.sink.url())
            .header("content-type", "application/json")
            .body(event(number));
        request.send().await?.error_for_status()?.bytes().await?;
        if number >= WARM_UP {
            micros(&mut histogram, began)?;
        }
    }
    Ok(histogram)
}

async fn invocations(stage: &Stage, args: &BenchLatencyArgs) -> anyhow::Result<Histogram<u64>> {
    let service = &stage.service;
    let (events, completions) = (&service.topics.trigger_events, &service.topics.completions);
    let partitions = service.log.partitions(completions).await?;
    let mut reader = service.log.open_reader().await?;
    let mut positions = ends(&mut reader, completions, partitions).await?;
    let appender = service.log.open_appender(WriterName::from("bench")).await?;
    let (mut histogram, mut turns) = (Histogram::new(3)?, turns(args));
    for number in 0..args.invocations + WARM_UP {
        turns.tick().await;
        let began = Instant::now();
        let appending = appender.append(vec![record(events, partitions, number)]);
        appending.await.context("an event was not taken")?;
        let completed = reader.follow(&mut positions, Limit::default(), PATIENCE);
        let completed = completed.await?;
        ensure!(completed.len() == 1, "no completion within {PATIENCE:?}");
        if number >= WARM_UP {
            micros(&mut histogram, began)?;
        }
    }
    Ok(histogram)
}

fn report(args: &BenchLatencyArgs, reference: &Histogram<u64>, measured: &Histogram<u64>) {
    #[expect(clippy::cast_precision_loss, reason = "latencies are small numbers")]
    let millis = |histogram: &Histogram<u64>, quantile: f64| {
        histogram.value_at_quantile(quantile) as f64 / 1000.0
    };
    let row = |histogram| [0.5, 0.9, 0.99, 1.0].map(|quantile| millis(histogram, quantile));
    let (reference, measured) = (row(reference), row(measured));
    let (p50, p99) = reach(args.log.engine);
    if args.json {
        let shown = |[p50, p90, p99, max]: [f64; 4]| json!({"p50": p50, "p90": p90, "p99": p99, "max": max});
        print(json!({
            "case": "latency",
            "unit": "ms",
            "invocations": args.invocations,
            "reference": shown(reference),
            "measured": shown(measured),
            "reach": {"p50": p50, "p99": p99},
        }));
        return;
    }
    print("case latency, one at a time, ms        p50      p90      p99      max");
    for (name, [p50, p90, p99, max]) in [("bare POST", reference), ("triggerfish", measured)] {
        print(format_args!(
            "  {name:<30} {p50:>9.2}{p90:>9.2}{p99:>9.2}{max:>9.2}"
        ));
    }
    print(format_args!("to reach: p50 {p50} ms, p99 {p99} ms"));
}
