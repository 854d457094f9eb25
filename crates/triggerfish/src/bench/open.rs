//! `triggerfish bench open`: a great many ASYNC invocations that wait for their callbacks, in
//! a process of its own: its memory, completions among them, a restart after `kill -9`, and
//! deadlines that pass for many of them in a short time. Beside it completions where none but
//! those completed are open.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use serde_json::json;

use super::{
    Case,
    child::Child,
    completions::Follower,
    home::{Home, declare, open_loop, standing, subscribe, until_counted, until_waiting},
    load::client,
    outcome::{Bound, Figure, Outcome, Unit, count, millis},
    pace,
    progress::{Progress, Step},
    stage::REQUEST_RESPONSE,
    tickets::Tickets,
};
use crate::args::bench::{OpenArgs, Options};

const FILLED: Figure = Figure::new("filled", "events to waiting invocations", Unit::PerSecond);
const OPEN: Figure = Figure::new("open", "open invocations", Unit::Count);
const RESIDENT: Figure = Figure::new("resident", "memory at rest", Unit::Mebibytes);
const RESTARTED: Figure = Figure::new("restarted", "memory after a restart", Unit::Mebibytes);
const PEAK: Figure = Figure::new("peak", "memory at most", Unit::Mebibytes);
const FEW: Figure = Figure::new("fewP99", "completion with few open, p99", Unit::Millis);
const COMPLETION: Figure = Figure::new("completionP99", "completion, p99", Unit::Millis);
const READY: Figure = Figure::new("ready", "ready after kill -9", Unit::Seconds);
const LATE: Figure = Figure::new("lateP99", "deadlines late by, p99", Unit::Millis);
const SPAN: Figure = Figure::new("span", "deadlines passed within", Unit::Seconds);

const PEAK_MAX: Bound = Bound::AtMost(512.0);
const COMPLETION_MAX: Bound = Bound::AtMost(20.0);
const READY_MAX: Bound = Bound::AtMost(5.0);
const LATE_MAX: Bound = Bound::AtMost(1_000.0);

/// The trigger whose invocations expire while it is measured.
const EXPIRING: &str = "bench:expiring";

impl Case for OpenArgs {
    const NAME: &'static str = "open";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let Self {
            count,
            completions,
            rate,
            deadlines,
            ..
        } = self;
        format!(
            "{count} ASYNC invocations open; {completions} completions, {rate} a second; \
             {deadlines} deadlines"
        )
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        for round in 0..self.options.repeat {
            let few = Full::fill(self.completions, self, round, progress).await?;
            let latencies = few.complete(self, round, progress).await?;
            few.child.stop().await?;
            outcome.add(&FEW, millis(&latencies, 0.99));
            outcome.add_latencies("few", "completion with few open", latencies);

            let full = Full::fill(self.count, self, round, progress).await?;
            outcome.add(&FILLED, count(self.count) / full.took.as_secs_f64());
            let mut peak = full.rest(outcome).await?;
            let latencies = full.complete(self, round, progress).await?;
            outcome.add(&COMPLETION, millis(&latencies, 0.99));
            outcome.add_latencies("completion", "completion", latencies);
            peak = peak.max(full.child.memory()?.peak);
            peak = peak.max(self.restart(full, outcome, round, progress).await?);
            outcome.add(&PEAK, peak);
        }
        outcome.hold(&PEAK, PEAK_MAX);
        outcome.reach(&COMPLETION, COMPLETION_MAX);
        outcome.hold(&READY, READY_MAX);
        outcome.reach(&LATE, LATE_MAX);
        Ok(())
    }
}

/// A service whose invocations wait for their callbacks.
struct Full {
    home: Home,
    child: Child,
    subscriber: Tickets,
    took: Duration,
}

impl Full {
    async fn fill(
        number: u64,
        args: &OpenArgs,
        round: u32,
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        let every = (number / args.completions.min(number)).max(1);
        let subscriber = Tickets::start(every).await?;
        let home = Home::new()?;
        let child = home.start().await?;
        let day = json!({"responseDeadline": "P1D"});
        subscribe(&child, REQUEST_RESPONSE, &subscriber.url, "ASYNC", &day).await?;
        declare(&child, EXPIRING, "REQUEST_RESPONSE").await?;
        let soon = json!({"responseDeadline": format!("PT{}S", args.deadline_s)});
        subscribe(&child, EXPIRING, &subscriber.url, "ASYNC", &soon).await?;
        child.stop().await?;
        let step = progress.step(round, "events come", number);
        home.append(0..number, |_| REQUEST_RESPONSE, &step).await?;
        drop(step);
        let step = progress.step(round, "subscriber is called", number);
        let began = Instant::now();
        let child = home.start().await?;
        until_counted(&subscriber.calls, number, &step, || Ok(())).await?;
        let took = began.elapsed();
        until_waiting(&child, number).await?;
        Ok(Self {
            home,
            child,
            subscriber,
            took,
        })
    }

    /// Its memory when it has had nothing to do for a while; the most that it had so far.
    async fn rest(&self, outcome: &mut Outcome) -> anyhow::Result<f64> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let memory = self.child.memory()?;
        outcome.add(&OPEN, count(standing(&self.child).await?.open));
        outcome.add(&RESIDENT, memory.resident);
        Ok(memory.peak)
    }

    /// How long it takes from when a callback is due to when the completion has been read.
    async fn complete(
        &self,
        args: &OpenArgs,
        round: u32,
        progress: &Progress,
    ) -> anyhow::Result<Histogram<u64>> {
        let tickets = self.subscriber.take(args.completions)?;
        let step = progress.step(round, "completions", args.completions);
        let mut follower = Follower::at_end(&self.child).await?;
        let every = Duration::from_secs(1) / args.rate;
        let (http, base) = (client()?, self.child.client().url().clone());
        let calling = open_loop(args.completions, every, &step, |number| {
            let ticket = usize::try_from(number).map(|number| tickets[number].clone());
            let (http, base) = (http.clone(), base.clone());
            async move {
                let ticket = ticket?;
                let path = format!("beta/trigger-invocations/{}/complete", ticket.id);
                let body = json!({"secret": ticket.secret, "output": {"approved": true}});
                let call = http.post(base.join(&path)?);
                let call = call.header("content-type", "application/json");
                let answer = call.body(body.to_string()).send().await?;
                answer.error_for_status()?.bytes().await?;
                Ok(ticket.id)
            }
        });
        let wanted = usize::try_from(args.completions)?;
        let reading = follower.read(&self.child, wanted, Duration::ZERO, |_| ());
        let (called, seen) = tokio::try_join!(calling, reading)?;
        let mut latencies = pace::histogram();
        for piece in called {
            let seen = seen.get(&piece.value).context("a completion is missing")?;
            let (is_good, at) = (seen.completion.outcome == "COMPLETED", seen.at);
            ensure!(is_good, "{:?}", seen.completion);
            let took = at.saturating_duration_since(piece.due);
            latencies.record(u64::try_from(took.as_micros())?)?;
        }
        Ok(latencies)
    }
}

impl OpenArgs {
    /// Kills the service and starts it again, then lets many deadlines pass. Gives the most
    /// memory that it had.
    async fn restart(
        &self,
        full: Full,
        outcome: &mut Outcome,
        round: u32,
        progress: &Progress,
    ) -> anyhow::Result<f64> {
        let Full {
            home,
            child,
            subscriber,
            ..
        } = full;
        let open = self.count - self.completions;
        until_waiting(&child, open).await?;
        let step = progress.step(round, "restart", 1);
        child.kill().await?;
        let began = Instant::now();
        let child = home.start().await?;
        outcome.add(&READY, began.elapsed().as_secs_f64());
        until_waiting(&child, open).await?;
        let memory = child.memory()?;
        outcome.add(&RESTARTED, memory.resident);
        child.stop().await?;
        drop(step);

        let calls = &subscriber.calls;
        let before = calls.load(Ordering::Relaxed);
        let step = progress.step(round, "deadlines", self.deadlines);
        home.append(0..self.deadlines, |_| EXPIRING, &step).await?;
        let child = home.start().await?;
        let within = Duration::from_secs(self.deadline_s);
        let started = Instant::now();
        let mut follower = Follower::at_end(&child).await?;
        let called = before + self.deadlines;
        until_counted(calls, called, &step, || Ok(())).await?;
        ensure!(
            started.elapsed() < within,
            "deadlines passed before all subscribers were called: name a later --deadline-s"
        );
        let (latencies, span) = self.expired(&child, &mut follower, &step).await?;
        outcome.add(&LATE, millis(&latencies, 0.99));
        outcome.add(&SPAN, span.as_secs_f64());
        outcome.add_latencies("late", "deadlines late by", latencies);
        until_waiting(&child, open).await?;
        let peak = memory.peak.max(child.memory()?.peak);
        child.stop().await?;
        Ok(peak)
    }

    /// How late deadlines were told of, and within what time they passed.
    async fn expired(
        &self,
        child: &Child,
        follower: &mut Follower,
        step: &Step,
    ) -> anyhow::Result<(Histogram<u64>, Duration)> {
        let wanted = usize::try_from(self.deadlines)?;
        let done = &step.done;
        let within = Duration::from_secs(self.deadline_s);
        let seen = follower.read(child, wanted, within, |seen| {
            done.store(seen as u64, Ordering::Relaxed);
        });
        let seen = seen.await?;
        let mut latencies = pace::histogram();
        for seen in seen.values() {
            let is_expired = seen.completion.outcome == "EXPIRED";
            ensure!(is_expired, "{:?}", seen.completion);
            let late = seen.lateness(within)?;
            latencies.record(u64::try_from(late.as_micros())?)?;
        }
        let created = seen.values().map(|seen| seen.completion.created.as_str());
        let (first, last) = (created.clone().min(), created.max());
        let time = |text: Option<&str>| text.and_then(triggerfish_core::Timestamp::parse);
        let (first, last) = (
            time(first).context("no time")?,
            time(last).context("no time")?,
        );
        Ok((latencies, first.until(last)))
    }
}
