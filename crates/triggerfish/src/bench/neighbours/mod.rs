//! `triggerfish bench neighbours`: subscribers that answer, first alone and then beside
//! some that are of no use: silent, dripping, flooding, refusing.
//!
//! The useless ones have as much waiting as keeps all their calls in flight, and get more all
//! the time. The healthy ones get as much as goes, then events at a fixed pace, of which each
//! counts from the moment when it was due until its subscriber is called. Both are measured
//! without neighbours in the same round, just before. Bare POSTs at the same pace at the same
//! time show what neighbours do to anything that runs on the same processors.

mod dead;
mod healthy;
mod noise;
mod service;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::{
    Case,
    outcome::{Bound, Figure, Outcome, Unit, count, millis},
    progress::Progress,
};
use crate::args::bench::{NeighboursArgs, Options};
pub(crate) use dead::Kind;
use healthy::Healthy;
use noise::{Harm, Noise};
use service::Service;
use watch::Watch;

const THROUGHPUT_MIN: Bound = Bound::AtLeast(0.95);
const P99_MAX: Bound = Bound::AtMost(1.2);
/// A call ends at its deadline, and its connection a moment later, on a busy machine, too.
const LATE_MAX: Bound = Bound::AtMost(500.0);

const ALONE: Figure = Figure::new("alone", "healthy alone", Unit::PerSecond);
const ALONE_P99: Figure = Figure::new("aloneP99", "healthy alone, p99", Unit::Millis);
const BARE_P99: Figure = Figure::new("bareP99", "bare POSTs alone, p99", Unit::Millis);
const MOST: Figure = Figure::new(
    "inFlight",
    "in flight of one neighbour at most",
    Unit::Count,
);
const TOTAL: Figure = Figure::new(
    "inFlightShare",
    "all in flight, share of the caps",
    Unit::Ratio,
);
const LATE: Figure = Figure::new("late", "attempt over its deadline by", Unit::Millis);
const MEMORY: Figure = Figure::new(
    "memoryShare",
    "memory up, share of caps by limits",
    Unit::Ratio,
);
const MEMORY_UP: Figure = Figure::new("memoryUp", "memory up, more than alone", Unit::Mebibytes);
const MEMORY_PEAK: Figure = Figure::new("memoryPeak", "memory at most", Unit::Mebibytes);
const EVENTS: Figure = Figure::new("events", "events of the healthy", Unit::Count);
const COMPLETED: Figure = Figure::new("completed", "completions in all", Unit::Count);
const CALLS: Figure = Figure::new("deadCalls", "calls of neighbours", Unit::Count);

/// What the service and the load are told.
struct Settings {
    healthy: u32,
    dead: Vec<u32>,
    in_flight: u32,
    outstanding: u32,
    call_timeout: Duration,
    time: Duration,
    every: Duration,
}

/// What the healthy ones have got.
struct Got {
    per_second: f64,
    lasted: Histogram<u64>,
    /// How long bare POSTs took at the same time.
    bare: Histogram<u64>,
}

impl Case for NeighboursArgs {
    const NAME: &'static str = "neighbours";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let (healthy, rate) = (self.healthy, self.rate);
        format!("{healthy} healthy subscribers beside useless ones, p99 at {rate} events/s")
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        let settings = self.settings();
        for round in 0..self.options.repeat {
            let folder = tempfile::tempdir()?;
            let service = Arc::new(Service::start(folder.path(), &settings).await?);
            let healthy = Healthy::start(&service, settings.healthy, settings.outstanding).await?;
            let on = Ground {
                settings: &settings,
                service: &service,
                healthy: Arc::new(healthy),
                progress,
                round,
            };
            // The first calls pay for connections, caches and memory that is kept.
            on.healthy_ones("warm-up").await?;
            let mut harm = Harm::default();
            for kind in &self.kinds {
                for number in &settings.dead {
                    harm = harm.or_worse(on.beside(*kind, *number, outcome).await?);
                }
            }
            let events = on.healthy.arrived();
            let completed = count(events + harm.invocations);
            service.until_completed(completed).await?;
            outcome.add(&EVENTS, count(events));
            outcome.add(&COMPLETED, completed);
            outcome.add(&CALLS, count(harm.calls));
            outcome.add(&MOST, count(harm.most));
            outcome.add(&TOTAL, harm.in_flight_share);
            outcome.add(&LATE, harm.late_ms);
            outcome.add(&MEMORY, harm.memory_share);
            outcome.add(&MEMORY_UP, harm.memory_up);
            outcome.add(&MEMORY_PEAK, service.child.memory()?.peak);
            drop(on);
            let service = Arc::into_inner(service);
            let service = service.ok_or_else(|| anyhow::anyhow!("the service is in use"))?;
            service.child.stop().await?;
        }
        outcome.hold(&MOST, Bound::AtMost(f64::from(settings.in_flight)));
        outcome.hold(&TOTAL, Bound::AtMost(1.0));
        outcome.hold(&LATE, LATE_MAX);
        outcome.hold(&MEMORY, Bound::AtMost(1.0));
        Ok(())
    }
}

impl NeighboursArgs {
    fn settings(&self) -> Settings {
        Settings {
            healthy: self.healthy,
            dead: self.dead.clone(),
            in_flight: self.in_flight,
            outstanding: self.outstanding,
            call_timeout: Duration::from_millis(self.call_timeout_ms),
            time: Duration::from_millis(self.time_ms),
            every: Duration::from_secs(1) / self.rate,
        }
    }
}

/// What a measurement stands on.
struct Ground<'g> {
    settings: &'g Settings,
    service: &'g Arc<Service>,
    healthy: Arc<Healthy>,
    progress: &'g Progress,
    round: u32,
}

impl Ground<'_> {
    async fn healthy_ones(&self, what: &str) -> anyhow::Result<Got> {
        let Settings { time, every, .. } = *self.settings;
        let title = format!("{what}, as many as go");
        let step = self.progress.step(self.round, &title, 0);
        let measured = self
            .healthy
            .as_many_as_go(self.service, time, &step)
            .await?;
        drop(step);
        let title = format!("{what}, at a fixed pace");
        let total = u64::try_from(time.as_micros() / every.as_micros().max(1))?;
        let step = self.progress.step(self.round, &title, total);
        let (lasted, bare) = tokio::try_join!(
            self.healthy.at_pace(self.service, every, time, &step),
            self.healthy.bare_at_pace(every, time),
        )?;
        Ok(Got {
            per_second: measured.per_second(),
            lasted,
            bare,
        })
    }

    /// Measures without neighbours, then with so many of this kind.
    async fn beside(&self, kind: Kind, number: u32, outcome: &mut Outcome) -> anyhow::Result<Harm> {
        let watch = Watch::start(self.service)?;
        let alone = self.healthy_ones("alone").await?;
        let peak_alone = watch.stop().await?;
        let name = format!("{number} {}", kind.name());
        let noise = Noise::start(self.service, self.settings, kind, number).await?;
        let beside = self.healthy_ones(&name).await?;
        let step = self
            .progress
            .step(self.round, &format!("{name}, the end"), 0);
        let harm = noise.stop(peak_alone).await?;
        drop(step);
        let figure = |end: &str, what: &str| Figure {
            key: format!("{}{number}{end}", kind.name()).into(),
            name: format!("{name}, {what}").into(),
            unit: Unit::Ratio,
        };
        let (throughput, p99) = (figure("Throughput", "throughput"), figure("P99", "p99"));
        let bare_p99 = figure("BareP99", "p99 of bare POSTs");
        let slower = |beside, alone| millis(beside, 0.99) / millis(alone, 0.99);
        outcome.add(&ALONE, alone.per_second);
        outcome.add(&ALONE_P99, millis(&alone.lasted, 0.99));
        outcome.add(&BARE_P99, millis(&alone.bare, 0.99));
        outcome.add(&throughput, beside.per_second / alone.per_second);
        outcome.add(&p99, slower(&beside.lasted, &alone.lasted));
        outcome.add(&bare_p99, slower(&beside.bare, &alone.bare));
        outcome.reach(&throughput, THROUGHPUT_MIN);
        outcome.reach(&p99, P99_MAX);
        if self.settings.dead.last() == Some(&number) {
            outcome.add_latencies("alone", "alone", alone.lasted);
            outcome.add_latencies(kind.name(), kind.name(), beside.lasted);
        }
        Ok(harm)
    }
}
