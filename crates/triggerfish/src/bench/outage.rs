//! `triggerfish bench outage`: a subscriber refuses connections while a great many events for
//! it wait, and comes back: what its neighbour notices, what waiting takes of memory, and how
//! soon everything goes out at full rate. Beside it the rate of events for which nobody had to
//! wait, and the neighbour alone.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use serde_json::json;
use triggerfish_core::Secret;

use super::{
    Case,
    child::Child,
    comeback::{Comeback, Neighbour, Samples},
    home::{Home, declare, open_loop, standing, subscribe, until_counted, until_waiting},
    load::client,
    outcome::{Bound, Figure, Outcome, Unit, millis},
    pace,
    progress::{Progress, Step},
    stage::FIRE_AND_FORGET,
};
use crate::args::bench::{Options, OutageArgs};

const EARLY: Figure = Figure::new("early", "memory after a tenth", Unit::Mebibytes);
const LATER: Figure = Figure::new("later", "memory at most after that", Unit::Mebibytes);
const GROWTH: Figure = Figure::new("growth", "memory beside a tenth", Unit::Ratio);
const ALONE: Figure = Figure::new("aloneP99", "neighbour alone, p99", Unit::Millis);
const DURING: Figure = Figure::new("duringP99", "neighbour meanwhile, p99", Unit::Millis);
const P99: Figure = Figure::new("neighbourP99", "neighbour's p99 beside alone", Unit::Ratio);
const RATE: Figure = Figure::new("reference", "rate without an outage", Unit::PerSecond);
const DRAINED: Figure = Figure::new("measured", "rate after it", Unit::PerSecond);
const RATIO: Figure = Figure::new("ratio", "rate beside without one", Unit::Ratio);
const RECOVERY: Figure = Figure::new("recovery", "recovery to full rate", Unit::Seconds);

const GROWTH_MAX: Bound = Bound::AtMost(1.2);
const P99_MAX: Bound = Bound::AtMost(1.2);
const RECOVERY_MAX: Bound = Bound::AtMost(10.0);
const RATIO_MIN: Bound = Bound::AtLeast(0.8);

/// The trigger of the neighbour.
const HEALTHY: &str = "bench:healthy";
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Case for OutageArgs {
    const NAME: &'static str = "outage";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let Self {
            count,
            outage_s,
            rate,
            ..
        } = self;
        format!("{count} events wait for {outage_s} s; a neighbour gets {rate} a second")
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        for round in 0..self.options.repeat {
            let mut scene = Scene::set().await?;
            let step = progress.step(round, "no outage", self.count / 10);
            let rate = scene.without_outage(self.count / 10, &step).await?;
            outcome.add(&RATE, rate);
            drop(step);
            let child = scene.home.start().await?;
            let events = u64::from(self.rate) * self.alone_s;
            let step = progress.step(round, "neighbour alone", events);
            let alone = scene.ask_neighbour(&child, self.rate, events, &step);
            let alone = alone.await?;
            child.stop().await?;
            drop(step);
            scene.target.go_down().await;
            let step = progress.step(round, "events come", self.count);
            scene
                .home
                .append(0..self.count, |_| FIRE_AND_FORGET, &step)
                .await?;
            let child = scene.home.start().await?;
            self.until_all_wait(&child, &step).await?;
            drop(step);
            let during = self
                .outage(&scene, &child, outcome, round, progress)
                .await?;
            outcome.add(&ALONE, millis(&alone, 0.99));
            outcome.add(&DURING, millis(&during, 0.99));
            outcome.add(&P99, millis(&during, 0.99) / millis(&alone, 0.99));
            outcome.add_latencies("alone", "neighbour alone", alone);
            outcome.add_latencies("during", "neighbour meanwhile", during);
            let step = progress.step(round, "after the outage", self.count);
            let samples = scene.recover(&child, self.count, &step).await?;
            let drained = samples.rate();
            outcome.add(&DRAINED, drained);
            outcome.add(&RATIO, drained / rate);
            outcome.add(&RECOVERY, samples.until_full().as_secs_f64());
            child.stop().await?;
        }
        outcome.hold(&GROWTH, GROWTH_MAX);
        outcome.reach(&P99, P99_MAX);
        outcome.hold(&RECOVERY, RECOVERY_MAX);
        outcome.reach(&RATIO, RATIO_MIN);
        Ok(())
    }
}

/// Everybody in it.
struct Scene {
    home: Home,
    target: Comeback,
    neighbour: Neighbour,
}

impl Scene {
    async fn set() -> anyhow::Result<Self> {
        let home = Home::new()?;
        let (target, neighbour) = (Comeback::start().await?, Neighbour::start().await?);
        let child = home.start().await?;
        declare(&child, HEALTHY, "FIRE_AND_FORGET").await?;
        let none = json!({});
        subscribe(&child, FIRE_AND_FORGET, &target.url(), "SYNC", &none).await?;
        subscribe(&child, HEALTHY, &neighbour.url, "SYNC", &none).await?;
        child.stop().await?;
        Ok(Self {
            home,
            target,
            neighbour,
        })
    }

    /// The rate at which events go out that come to a target which is up.
    async fn without_outage(&self, events: u64, step: &Step) -> anyhow::Result<f64> {
        self.home
            .append(0..events, |_| FIRE_AND_FORGET, step)
            .await?;
        let samples = Samples::begin(self.target.calls_before());
        let draining = self.drained(samples, events, step);
        let (child, samples) = tokio::try_join!(self.home.start(), draining)?;
        until_waiting(&child, 0).await?;
        child.stop().await?;
        Ok(samples.rate())
    }

    /// Waits until so many more calls have been taken, and keeps when.
    async fn drained(
        &self,
        mut samples: Samples,
        events: u64,
        step: &Step,
    ) -> anyhow::Result<Samples> {
        let calls = &self.target.calls;
        until_counted(calls, samples.before + events, step, || {
            samples.take(calls.load(Ordering::Relaxed));
            Ok(())
        })
        .await?;
        Ok(samples)
    }

    /// The target is back: how its calls come.
    async fn recover(
        &mut self,
        child: &Child,
        events: u64,
        step: &Step,
    ) -> anyhow::Result<Samples> {
        let samples = Samples::begin(self.target.calls_before());
        self.target.come_up().await?;
        let samples = self.drained(samples, events, step).await?;
        until_waiting(child, 0).await?;
        Ok(samples)
    }

    /// Sends events to the neighbour at a fixed pace: how long each took, from when it was due
    /// to when it was there.
    async fn ask_neighbour(
        &self,
        child: &Child,
        rate: u32,
        events: u64,
        step: &Step,
    ) -> anyhow::Result<Histogram<u64>> {
        let (http, token) = (client()?, child.client().bearer().await?);
        let url = child.client().url().join("trigger-invocations/v1/start")?;
        self.neighbour.forget();
        let every = Duration::from_secs(1) / rate;
        let sent = open_loop(events, every, step, |number| {
            start(http.clone(), url.clone(), token.clone(), number)
        });
        let sent = sent.await?;
        let heard = self.neighbour.all(events).await?;
        let mut latencies = pace::histogram();
        for piece in sent {
            let at = heard.get(&piece.value).context("an event is missing")?;
            let took = at.saturating_duration_since(piece.due);
            latencies.record(u64::try_from(took.as_micros())?)?;
        }
        Ok(latencies)
    }
}

async fn start(
    http: reqwest::Client,
    url: reqwest::Url,
    token: Secret,
    number: u64,
) -> anyhow::Result<u64> {
    let body = json!({"triggerId": HEALTHY, "input": {"n": number}, "contentJson": {}});
    let call = http.post(url).bearer_auth(token.expose());
    let call = call.header("content-type", "application/json");
    let answer = call.body(body.to_string()).send().await?;
    answer.error_for_status()?.bytes().await?;
    Ok(number)
}

impl OutageArgs {
    async fn until_all_wait(&self, child: &Child, step: &Step) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let queued = standing(child).await?.queued;
            step.done.store(queued, Ordering::Relaxed);
            if queued == self.count {
                return Ok(());
            }
            let patience = Duration::from_mins(10);
            ensure!(
                began.elapsed() < patience,
                "{queued} of {} wait",
                self.count
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The outage with everything waiting: memory, and what the neighbour notices.
    async fn outage(
        &self,
        scene: &Scene,
        child: &Child,
        outcome: &mut Outcome,
        round: u32,
        progress: &Progress,
    ) -> anyhow::Result<Histogram<u64>> {
        let events = u64::from(self.rate) * self.outage_s;
        let step = progress.step(round, "outage", events);
        let length = Duration::from_secs(self.outage_s);
        let watching = async {
            let began = Instant::now();
            tokio::time::sleep(length / 10).await;
            let early = child.memory()?.resident;
            let mut later = early;
            while began.elapsed() < length {
                later = later.max(child.memory()?.resident);
                tokio::time::sleep(LOOK_EVERY).await;
            }
            anyhow::Ok((early, later))
        };
        let asking = scene.ask_neighbour(child, self.rate, events, &step);
        let ((early, later), latencies) = tokio::try_join!(watching, asking)?;
        outcome.add(&EARLY, early);
        outcome.add(&LATER, later);
        outcome.add(&GROWTH, later / early);
        let queued = standing(child).await?.queued;
        ensure!(queued >= self.count, "{queued} of {} wait", self.count);
        Ok(latencies)
    }
}
