//! `triggerfish bench fan-out`: events of one trigger with many subscriptions, each of which
//! has a filter that some events match; beside as many calls of one subscription without a
//! filter, each by an event of its own.

use std::sync::atomic::Ordering;

use anyhow::ensure;
use serde_json::json;
use triggerfish_log::NewRecord;

use super::{
    Case,
    load::{Bounds, Destination, through, written},
    outcome::{Bound, Figure, Outcome, Unit, count},
    progress::Progress,
    sink::Sink,
    stage::{FIRE_AND_FORGET, Stage, Subscriber, declare},
};
use crate::args::bench::{Engine, FanOutArgs, LogArgs, Options};

const SINGLE: Figure = Figure::new(
    "reference",
    "an event with one call, by its calls",
    Unit::Millis,
);
const FANNED: Figure = Figure::new("measured", "an event with filters", Unit::Millis);
const RATIO: Figure = Figure::new("ratio", "cost beside its matching calls", Unit::Ratio);
const CALLS: Figure = Figure::new("calls", "calls", Unit::Count);

const RATIO_MAX: Bound = Bound::AtMost(1.2);

/// The trigger with filters; events of the other go to one subscription.
const FILTERED: &str = "bench:filtered";

impl Case for FanOutArgs {
    const NAME: &'static str = "fan-out";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let Self {
            count,
            subscriptions,
            groups,
            ..
        } = self;
        let matching = subscriptions / groups;
        format!("{count} events, {subscriptions} subscriptions with filters, {matching} match")
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        let (subscriptions, groups) = (u64::from(self.subscriptions), u64::from(self.groups));
        ensure!(
            subscriptions.is_multiple_of(groups),
            "--groups must divide --subscriptions"
        );
        let matching = subscriptions / groups;
        let sink = Sink::start().await?;
        let embedded = LogArgs {
            engine: Engine::Embedded,
            bootstrap_servers: None,
        };
        // As many calls in flight on both sides.
        let in_flight = matching * u64::from(self.in_flight);
        let of_all = ("delivery.max_in_flight_total", in_flight.to_string());
        let of_callbacks = ("callbacks.max_in_flight", in_flight.to_string());
        let of_each = ("delivery.max_in_flight", in_flight.to_string());
        let most = (
            "limits.subscriptions_per_fire_and_forget",
            subscriptions.to_string(),
        );
        let stage = Stage::set(&embedded, &[of_all, of_callbacks, of_each, most]).await?;
        stage
            .subscribe(FIRE_AND_FORGET, Subscriber::at(sink.url()))
            .await?;
        declare(&stage, FILTERED).await?;
        for number in 0..subscriptions {
            let filter = format!("$[?(@.group == {})]", number % groups);
            let subscriber = Subscriber {
                filter: Some(filter),
                ..Subscriber::at(sink.url())
            };
            stage.subscribe(FILTERED, subscriber).await?;
        }
        let calls = self.count * matching;
        let outstanding = self.outstanding.max(u32::try_from(matching)?);
        for round in 0..self.options.repeat {
            let single = Bounds {
                events: calls,
                completions: calls,
                outstanding,
            };
            let step = progress.step(round, "one call each", calls);
            let write = |to: &Destination, number| written(to, FIRE_AND_FORGET, number, "");
            let single = through(&stage.service, single, write, &step).await?;
            let fanned = Bounds {
                events: self.count,
                completions: calls,
                outstanding,
            };
            let step = progress.step(round, "with filters", calls);
            let write = move |to: &Destination, number| grouped(to, number, groups);
            let fanned = through(&stage.service, fanned, write, &step).await?;
            let each = |took: std::time::Duration| took.as_secs_f64() * 1_000.0 / count(self.count);
            outcome.add(&SINGLE, each(single.took));
            outcome.add(&FANNED, each(fanned.took));
            outcome.add(&RATIO, each(fanned.took) / each(single.took));
            let made = sink.calls.swap(0, Ordering::Relaxed);
            ensure!(made == 2 * calls, "the sink was called {made} times");
            outcome.add(&CALLS, count(made));
        }
        stage.clear().await?;
        outcome.reach(&RATIO, RATIO_MAX);
        Ok(())
    }
}

/// An event that some of the filters match, of the same size as any.
fn grouped(to: &Destination, number: u64, groups: u64) -> NewRecord {
    let mut record = written(to, FILTERED, number, "");
    let input = json!({
        "group": number % groups,
        "identityId": format!("{number:032x}"),
        "note": "x".repeat(468),
    });
    let value = json!({"triggerId": FILTERED, "input": input, "contentJson": {"n": number}});
    record.value = Some(value.to_string().into());
    record
}
