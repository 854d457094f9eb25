//! `triggerfish bench sync`: SYNC invocations, from the event in `trigger-events` to
//! the completion, beside a bare HTTP loop to the same sink, and beside a pipeline on the same
//! log that keeps no state.

use std::sync::atomic::Ordering;

use anyhow::ensure;

use super::{
    Case,
    load::{Load, bare_loop, through_triggerfish},
    outcome::{Bound, Figure, Outcome, Unit, count},
    pipeline::Pipeline,
    progress::Progress,
    sink::Sink,
    stage::{REQUEST_RESPONSE, Stage, Subscriber},
};
use crate::args::bench::{Engine, Options, SyncArgs};

const REFERENCE: Figure = Figure::new("reference", "bare loop", Unit::PerSecond);
const MEASURED: Figure = Figure::new("measured", "triggerfish", Unit::PerSecond);
const RATIO: Figure = Figure::new("ratio", "ratio", Unit::Ratio);
const PIPELINE: Figure = Figure::new("pipeline", "pipeline without state", Unit::PerSecond);
const PIPELINE_RATIO: Figure = Figure::new("pipelineRatio", "beside the pipeline", Unit::Ratio);
const CALLS: Figure = Figure::new("calls", "calls on all sides", Unit::Count);

/// What the engine is to reach. On Kafka it is the pace of a pipeline from topic over
/// HTTP to topic that keeps no state, measured with the broker on the same cores.
const fn reach(engine: Engine) -> f64 {
    match engine {
        Engine::Embedded => 0.35,
        Engine::Kafka => 0.18,
    }
}

/// By then a broker that was just started does not get faster any more.
const WARM_UP_ON_KAFKA: u64 = 400_000;

impl SyncArgs {
    fn warm_up(&self) -> u64 {
        self.warm_up.unwrap_or(match self.log.engine {
            Engine::Embedded => 0,
            Engine::Kafka => WARM_UP_ON_KAFKA,
        })
    }
}

impl Case for SyncArgs {
    const NAME: &'static str = "sync";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let count = self.load.invocations;
        format!("{count} SYNC invocations, event in to completion out")
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        let sink = Sink::start().await?;
        let in_flight = self.load.in_flight;
        let settings = [("delivery.max_in_flight", in_flight.to_string())];
        let stage = Stage::set(&self.log, &settings).await?;
        let subscriber = Subscriber::at(sink.url());
        stage.subscribe(REQUEST_RESPONSE, subscriber).await?;
        let load = Load {
            trigger: REQUEST_RESPONSE,
            count: self.load.invocations,
            outstanding: self.load.outstanding,
            keys: None,
        };
        let before = Load {
            count: self.warm_up(),
            ..load
        };
        if before.count > 0 {
            let step = progress.step(0, "warming up", before.count);
            through_triggerfish(&stage.service, before, &step).await?;
            sink.calls.store(0, Ordering::Relaxed);
        }
        let pipeline = Pipeline::start(&stage.service, sink.url(), in_flight).await?;
        for round in 0..self.options.repeat {
            let step = progress.step(round, "pipeline", load.count);
            let pipeline = pipeline.measure(load, &step).await?;
            drop(step);
            let step = progress.step(round, "bare loop", load.count);
            let reference = bare_loop(&sink.url(), load.count, in_flight, &step).await?;
            drop(step);
            let step = progress.step(round, "triggerfish", load.count);
            let measured = through_triggerfish(&stage.service, load, &step).await?;
            drop(step);
            // Each side called the sink once for each event: neither left out work.
            let calls = sink.calls.swap(0, Ordering::Relaxed);
            ensure!(calls == 3 * load.count, "the sink was called {calls} times");
            let (reference, measured) = (reference.per_second(), measured.per_second());
            outcome.add(&PIPELINE, pipeline.per_second());
            outcome.add(&PIPELINE_RATIO, measured / pipeline.per_second());
            outcome.add(&REFERENCE, reference);
            outcome.add(&MEASURED, measured);
            // Of each round, so that both sides saw the same machine.
            outcome.add(&RATIO, measured / reference);
            outcome.add(&CALLS, count(calls));
        }
        stage.clear().await?;
        outcome.reach(&RATIO, Bound::AtLeast(reach(self.log.engine)));
        Ok(())
    }
}
