//! `triggerfish bench slow`: a subscriber that takes long, called as often at once as it may
//! be, with everything of one partition waiting for it from the start.
//!
//! The pace cannot be more than the calls in flight by the time that each takes; that pace is
//! the reference, beside what a bare loop makes of it.

use std::time::Duration;

use anyhow::ensure;
use triggerfish_core::subscription::DeliveryOptions;

use super::{
    Case,
    load::{Load, bare_loop, through_triggerfish},
    outcome::{Bound, Figure, Outcome, Unit, count},
    paced::{Paced, Pause},
    progress::Progress,
    stage::{REQUEST_RESPONSE, Stage, Subscriber},
};
use crate::args::bench::{Options, SlowArgs};

const IDEAL: Figure = Figure::new("ideal", "calls in flight by their time", Unit::PerSecond);
const REFERENCE: Figure = Figure::new("reference", "bare loop", Unit::PerSecond);
const MEASURED: Figure = Figure::new("measured", "triggerfish", Unit::PerSecond);
const RATIO: Figure = Figure::new("ratio", "share of the ideal", Unit::Ratio);
const IN_FLIGHT: Figure = Figure::new("inFlight", "in flight at most", Unit::Count);
const CALLS: Figure = Figure::new("calls", "calls", Unit::Count);

const RATIO_MIN: Bound = Bound::AtLeast(0.95);

impl Case for SlowArgs {
    const NAME: &'static str = "slow";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let Self {
            count,
            pause_ms,
            in_flight,
            ..
        } = self;
        format!(
            "{count} events of one partition, subscriber takes {pause_ms} ms, {in_flight} in flight"
        )
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        let pause = Duration::from_millis(self.pause_ms);
        let subscriber = Paced::start(Pause::Always(pause)).await?;
        let one = [("storage.partitions", "1".to_owned())];
        let stage = Stage::set(&self.log, &one).await?;
        let delivery = DeliveryOptions {
            max_in_flight: Some(self.in_flight),
            ..DeliveryOptions::default()
        };
        let subscribing = Subscriber {
            delivery,
            ..Subscriber::at(subscriber.url())
        };
        stage.subscribe(REQUEST_RESPONSE, subscribing).await?;
        let load = Load {
            trigger: REQUEST_RESPONSE,
            count: self.count,
            outstanding: u32::try_from(self.count)?,
            keys: None,
        };
        let ideal = f64::from(self.in_flight) / pause.as_secs_f64();
        for round in 0..self.options.repeat {
            let step = progress.step(round, "bare loop", self.count);
            let bare = bare_loop(&subscriber.url(), self.count, self.in_flight, &step).await?;
            drop((step, subscriber.seen()));
            let step = progress.step(round, "triggerfish", self.count);
            let measured = through_triggerfish(&stage.service, load, &step).await?;
            drop(step);
            let seen = subscriber.seen();
            let calls = seen.calls;
            ensure!(
                calls == self.count,
                "{calls} calls of {} events",
                self.count
            );
            outcome.add(&IDEAL, ideal);
            outcome.add(&REFERENCE, bare.per_second());
            outcome.add(&MEASURED, measured.per_second());
            outcome.add(&RATIO, measured.per_second() / ideal);
            outcome.add(&IN_FLIGHT, count(seen.most));
            outcome.add(&CALLS, count(seen.calls));
        }
        stage.clear().await?;
        outcome.reach(&RATIO, RATIO_MIN);
        outcome.hold(&IN_FLIGHT, Bound::AtMost(f64::from(self.in_flight)));
        Ok(())
    }
}
