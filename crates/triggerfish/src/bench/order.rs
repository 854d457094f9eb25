//! `triggerfish bench order`: what keeping an order costs, on one partition with everything
//! waiting from the start: no order, an order within each of some keys, one order for all.
//!
//! The reference of each is bare POSTs to the same subscriber, as many at once as there can
//! be: the calls in flight, the keys, one after the other. For one order there are also POSTs
//! one after the other of which each waits for a durable record about the one before.

use std::time::Duration;

use anyhow::ensure;
use triggerfish_core::subscription::{DeliveryOptions, Ordering};

use super::{
    Case,
    load::{Load, Measured, bare_loop, durable_loop, through_triggerfish},
    outcome::{Bound, Figure, Outcome, Unit, count},
    paced::{Paced, Pause, Seen},
    progress::{Progress, Step},
    stage::{REQUEST_RESPONSE, Stage, Subscriber},
};
use crate::args::bench::{Options, OrderArgs};

/// What 10,000 events may take, where several can be under way.
const SECONDS_MAX: f64 = 2.0;
const SERIAL_MAX: Bound = Bound::AtMost(1.1);

/// A kind of order, and what is found of it.
struct Kind {
    name: String,
    reference: Figure,
    measured: Figure,
    in_flight: Figure,
    out_of_order: Figure,
    /// Ordering keys, if there is an order.
    keys: Option<u64>,
    /// Calls that there may be at once.
    at_once: u32,
}

const NONE: &str = "none";
const KEYS: &str = "keys";
const ONE: &str = "one";
const RATIO: Figure = Figure::new("oneRatio", "one order beside serial", Unit::Ratio);
const DURABLE: Figure = Figure::new("oneDurable", "one order, bare, durable", Unit::Seconds);
const DURABLE_RATIO: Figure = Figure::new(
    "oneDurableRatio",
    "one order beside serial, durable",
    Unit::Ratio,
);
const CALLS: Figure = Figure::new("calls", "calls of each", Unit::Count);

impl Kind {
    fn new(key: &str, name: String, keys: Option<u64>, at_once: u32) -> Self {
        let figure = |end: &str, what: &str, unit| Figure {
            key: format!("{key}{end}").into(),
            name: format!("{name}{what}").into(),
            unit,
        };
        Self {
            reference: figure("Reference", ", bare", Unit::Seconds),
            measured: figure("", "", Unit::Seconds),
            in_flight: figure("InFlight", ", in flight at most", Unit::Count),
            out_of_order: figure("OutOfOrder", ", out of order", Unit::Count),
            name,
            keys,
            at_once,
        }
    }
}

impl Case for OrderArgs {
    const NAME: &'static str = "order";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let (count, pause, in_flight) = (self.count, self.pause_ms, self.in_flight);
        format!(
            "{count} events of one partition, subscriber takes 0 to {pause} ms, {in_flight} in flight"
        )
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        let longest = Duration::from_millis(self.pause_ms);
        let subscriber = Paced::start(Pause::UpTo(longest)).await?;
        let one = [("storage.partitions", "1".to_owned())];
        let stage = Stage::set(&self.log, &one).await?;
        let kinds = self.kinds();
        for round in 0..self.options.repeat {
            for kind in &kinds {
                let step = progress.step(round, &format!("{}, bare", kind.name), self.count);
                let bare = bare_loop(&subscriber.url(), self.count, kind.at_once, &step).await?;
                drop((step, subscriber.seen()));
                let step = progress.step(round, &kind.name, self.count);
                let (measured, seen) = self.run(&stage, &subscriber, kind, &step).await?;
                drop(step);
                outcome.add(&kind.reference, bare.took.as_secs_f64());
                outcome.add(&kind.measured, measured.took.as_secs_f64());
                outcome.add(&kind.in_flight, count(seen.most));
                outcome.add(&kind.out_of_order, count(seen.out_of_order));
                outcome.add(&CALLS, count(seen.calls));
                if kind.keys == Some(1) {
                    let name = format!("{}, bare, durable", kind.name);
                    let step = progress.step(round, &name, self.count);
                    let url = subscriber.url();
                    let durable = durable_loop(&stage.service, &url, self.count, &step).await?;
                    drop((step, subscriber.seen()));
                    let took = measured.took.as_secs_f64();
                    outcome.add(&RATIO, took / bare.took.as_secs_f64());
                    outcome.add(&DURABLE, durable.took.as_secs_f64());
                    outcome.add(&DURABLE_RATIO, took / durable.took.as_secs_f64());
                }
            }
        }
        stage.clear().await?;
        let seconds_max = SECONDS_MAX * count(self.count) / 10_000.0;
        for kind in &kinds {
            outcome.hold(&kind.in_flight, Bound::AtMost(f64::from(kind.at_once)));
            outcome.hold(&kind.out_of_order, Bound::AtMost(0.0));
            if kind.keys != Some(1) {
                outcome.reach(&kind.measured, Bound::AtMost(seconds_max));
            }
        }
        outcome.reach(&RATIO, SERIAL_MAX);
        Ok(())
    }
}

impl OrderArgs {
    fn kinds(&self) -> [Kind; 3] {
        let (in_flight, keys) = (self.in_flight, self.keys);
        [
            Kind::new(NONE, "no order".to_owned(), None, in_flight),
            Kind::new(
                KEYS,
                format!("{keys} keys"),
                Some(keys.into()),
                keys.min(in_flight),
            ),
            Kind::new(ONE, "one order".to_owned(), Some(1), 1),
        ]
    }

    async fn run(
        &self,
        stage: &Stage,
        subscriber: &Paced,
        kind: &Kind,
        step: &Step,
    ) -> anyhow::Result<(Measured, Seen)> {
        let ordering = match kind.keys {
            Some(_) => Ordering::Key,
            None => Ordering::None,
        };
        let delivery = DeliveryOptions {
            ordering,
            max_in_flight: Some(self.in_flight),
            retry: None,
        };
        let subscribing = Subscriber {
            delivery,
            ..Subscriber::at(subscriber.url())
        };
        let id = stage.subscribe(REQUEST_RESPONSE, subscribing).await?;
        subscriber.expect_keys(kind.keys.unwrap_or(0));
        let load = Load {
            trigger: REQUEST_RESPONSE,
            count: self.count,
            outstanding: u32::try_from(self.count)?,
            keys: kind.keys,
        };
        let measured = through_triggerfish(&stage.service, load, step).await?;
        let seen = subscriber.seen();
        let calls = seen.calls;
        ensure!(
            calls == self.count,
            "{calls} calls of {} events",
            self.count
        );
        subscriber.expect_keys(0);
        stage.service.registry.delete_subscription(id).await?;
        Ok((measured, seen))
    }
}
