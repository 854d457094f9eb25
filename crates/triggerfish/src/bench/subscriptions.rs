//! `triggerfish bench subscriptions`: as much as goes through a great many subscriptions, each
//! of which has little to do; beside the same through a few.

use std::sync::atomic::Ordering;

use anyhow::ensure;

use super::{
    Case,
    load::{Bounds, Destination, through, written},
    outcome::{Bound, Figure, Outcome, Unit, count},
    progress::{Progress, Step},
    sink::Sink,
    stage::{Stage, Subscriber, declare},
};
use crate::args::bench::{Engine, LogArgs, Options, SubscriptionsArgs};

const FEW: Figure = Figure::new("reference", "few subscriptions", Unit::PerSecond);
const MANY: Figure = Figure::new("measured", "many subscriptions", Unit::PerSecond);
const RATIO: Figure = Figure::new("ratio", "many beside few", Unit::Ratio);
const EACH: Figure = Figure::new("each", "calls of each of the many in 10 s", Unit::Count);
const CALLS: Figure = Figure::new("calls", "calls", Unit::Count);

const RATIO_MIN: Bound = Bound::AtLeast(0.95);
/// One call in ten seconds for each.
const EACH_MIN: Bound = Bound::AtLeast(1.0);

impl Case for SubscriptionsArgs {
    const NAME: &'static str = "subscriptions";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let Self {
            count, many, few, ..
        } = self;
        format!("{count} events, one call each, {many} subscriptions beside {few}")
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        let sink = Sink::start().await?;
        let step = progress.step(0, "subscribing", u64::from(self.many));
        let few = self.stage(self.few, &sink, None).await?;
        let many = self.stage(self.many, &sink, Some(&step)).await?;
        drop(step);
        for round in 0..self.options.repeat {
            let step = progress.step(round, "few subscriptions", self.count);
            let reference = self.run(&few, self.few, &step).await?;
            let step = progress.step(round, "many subscriptions", self.count);
            let measured = self.run(&many, self.many, &step).await?;
            outcome.add(&FEW, reference);
            outcome.add(&MANY, measured);
            outcome.add(&RATIO, measured / reference);
            outcome.add(&EACH, 10.0 * measured / f64::from(self.many));
            let calls = sink.calls.swap(0, Ordering::Relaxed);
            ensure!(calls == 2 * self.count, "the sink was called {calls} times");
            outcome.add(&CALLS, count(calls));
        }
        few.clear().await?;
        many.clear().await?;
        outcome.reach(&RATIO, RATIO_MIN);
        outcome.reach(&EACH, EACH_MIN);
        Ok(())
    }
}

impl SubscriptionsArgs {
    /// A service with so many subscriptions, each of a trigger of its own. Both kinds have the
    /// same number of calls in flight.
    async fn stage(&self, number: u32, sink: &Sink, step: Option<&Step>) -> anyhow::Result<Stage> {
        let embedded = LogArgs {
            engine: Engine::Embedded,
            bootstrap_servers: None,
        };
        let in_flight = self.in_flight.to_string();
        let settings = [
            ("callbacks.max_in_flight", in_flight.clone()),
            ("delivery.max_in_flight", in_flight.clone()),
            ("delivery.max_in_flight_total", in_flight),
        ];
        let stage = Stage::set(&embedded, &settings).await?;
        for number in 0..u64::from(number) {
            let trigger = trigger(number);
            declare(&stage, &trigger).await?;
            stage
                .subscribe(&trigger, Subscriber::at(sink.url()))
                .await?;
            if let Some(step) = step {
                step.done.store(number, Ordering::Relaxed);
            }
        }
        Ok(stage)
    }

    async fn run(&self, stage: &Stage, subscriptions: u32, step: &Step) -> anyhow::Result<f64> {
        let bounds = Bounds {
            events: self.count,
            completions: self.count,
            outstanding: self.outstanding,
        };
        let subscriptions = u64::from(subscriptions);
        let write = move |to: &Destination, number| {
            written(to, &trigger(number % subscriptions), number, "")
        };
        Ok(through(&stage.service, bounds, write, step)
            .await?
            .per_second())
    }
}

fn trigger(number: u64) -> String {
    format!("bench:number-{number}")
}
