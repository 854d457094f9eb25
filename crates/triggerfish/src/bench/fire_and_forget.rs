//! `triggerfish bench fire-and-forget`: the same events to the same sink, once to a subscriber
//! that is only told and once to one that answers, each from the event in `trigger-events` to
//! the completion.

use std::sync::atomic::Ordering;

use anyhow::ensure;

use super::{
    Case,
    load::{Load, through_triggerfish},
    outcome::{Bound, Figure, Outcome, Unit, count},
    progress::Progress,
    sink::Sink,
    stage::{FIRE_AND_FORGET, REQUEST_RESPONSE, Stage, Subscriber},
};
use crate::args::bench::{FireAndForgetArgs, Options};

const REFERENCE: Figure = Figure::new("reference", "SYNC", Unit::PerSecond);
const MEASURED: Figure = Figure::new("measured", "FIRE_AND_FORGET", Unit::PerSecond);
const RATIO: Figure = Figure::new("ratio", "ratio", Unit::Ratio);
const CALLS: Figure = Figure::new("calls", "calls of each", Unit::Count);

const RATIO_MIN: Bound = Bound::AtLeast(1.2);

impl Case for FireAndForgetArgs {
    const NAME: &'static str = "fire-and-forget";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let count = self.load.invocations;
        format!("{count} FIRE_AND_FORGET invocations, event in to completion out")
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        let sink = Sink::start().await?;
        let settings = [("delivery.max_in_flight", self.load.in_flight.to_string())];
        let stage = Stage::set(&self.log, &settings).await?;
        let answers = Subscriber::at(sink.url());
        stage.subscribe(REQUEST_RESPONSE, answers).await?;
        let told = Subscriber {
            mode: None,
            ..Subscriber::at(sink.url())
        };
        stage.subscribe(FIRE_AND_FORGET, told).await?;
        for round in 0..self.options.repeat {
            let mut paces = Vec::new();
            for (figure, trigger) in [(&REFERENCE, REQUEST_RESPONSE), (&MEASURED, FIRE_AND_FORGET)]
            {
                let load = Load {
                    trigger,
                    count: self.load.invocations,
                    outstanding: self.load.outstanding,
                    keys: None,
                };
                let step = progress.step(round, &figure.name, load.count);
                let measured = through_triggerfish(&stage.service, load, &step).await?;
                drop(step);
                let calls = sink.calls.swap(0, Ordering::Relaxed);
                ensure!(calls == load.count, "the sink was called {calls} times");
                outcome.add(figure, measured.per_second());
                outcome.add(&CALLS, count(calls));
                paces.push(measured.per_second());
            }
            outcome.add(&RATIO, paces[1] / paces[0]);
        }
        stage.clear().await?;
        outcome.reach(&RATIO, RATIO_MIN);
        Ok(())
    }
}
