//! `triggerfish bench status`: what became of an invocation, and pages of the newest of one
//! trigger, asked of a process that keeps a great many; beside what answers without looking.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use triggerfish_core::Secret;

use super::{
    Case,
    child::Child,
    home::{Home, Piece, open_loop, subscribe, until_counted, until_waiting},
    load::client,
    outcome::{Bound, Figure, Outcome, Unit, millis},
    pace,
    progress::{Progress, Step},
    stage::{FIRE_AND_FORGET, REQUEST_RESPONSE},
    tickets::{Ticket, Tickets},
};
use crate::args::bench::{Options, StatusArgs};

const BARE: Figure = Figure::new("bareP99", "liveness, p99", Unit::Millis);
const BY_ID: Figure = Figure::new("byIdP99", "by id, p99", Unit::Millis);
const COMMON: Figure = Figure::new("commonP99", "page of a common trigger, p99", Unit::Millis);
const RARE: Figure = Figure::new("rareP99", "page of a rare trigger, p99", Unit::Millis);

const BY_ID_MAX: Bound = Bound::AtMost(10.0);
const PAGE_MAX: Bound = Bound::AtMost(100.0);

/// One event of so many is of the rare trigger.
const RARE_EVERY: u64 = 1_000;
const ROWS: usize = 50;

impl Case for StatusArgs {
    const NAME: &'static str = "status";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let Self {
            count,
            requests,
            rate,
            ..
        } = self;
        format!("{count} invocations kept; {requests} requests of each kind, {rate} a second")
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        let kept = Kept::fill(self, progress).await?;
        for round in 0..self.options.repeat {
            let step = progress.step(round, "liveness", self.requests);
            let bare = kept.ask(self, &step, |_| "health/live".to_owned()).await?;
            let step = progress.step(round, "by id", self.requests);
            let by_id = kept.by_id(self, &step).await?;
            let step = progress.step(round, "page of a common trigger", self.requests);
            let common = kept.pages(self, REQUEST_RESPONSE, &step).await?;
            let step = progress.step(round, "page of a rare trigger", self.requests);
            let rare = kept.pages(self, FIRE_AND_FORGET, &step).await?;
            let found = [
                (&BARE, "bare", bare),
                (&BY_ID, "byId", by_id),
                (&COMMON, "common", common),
                (&RARE, "rare", rare),
            ];
            for (figure, key, pieces) in found {
                let latencies = latencies(&pieces)?;
                outcome.add(figure, millis(&latencies, 0.99));
                outcome.add_latencies(key, name(key), latencies);
            }
        }
        kept.child.stop().await?;
        outcome.reach(&BY_ID, BY_ID_MAX);
        outcome.reach(&COMMON, PAGE_MAX);
        outcome.reach(&RARE, PAGE_MAX);
        Ok(())
    }
}

fn name(key: &str) -> &'static str {
    match key {
        "bare" => "liveness",
        "byId" => "by id",
        "common" => "page of a common trigger",
        _ => "page of a rare trigger",
    }
}

fn latencies(pieces: &[Piece<Value>]) -> anyhow::Result<Histogram<u64>> {
    let mut latencies = pace::histogram();
    for piece in pieces {
        let took = piece.over.saturating_duration_since(piece.due);
        latencies.record(u64::try_from(took.as_micros())?)?;
    }
    Ok(latencies)
}

/// A service that keeps invocations which have ended.
struct Kept {
    _home: Home,
    child: Child,
    token: Secret,
    tickets: Vec<Ticket>,
}

impl Kept {
    async fn fill(args: &StatusArgs, progress: &Progress) -> anyhow::Result<Self> {
        let every = (args.count / args.requests.min(args.count)).max(1);
        let subscriber = Tickets::start(every).await?;
        let home = Home::new()?;
        let child = home.start().await?;
        let url = &subscriber.url;
        subscribe(&child, REQUEST_RESPONSE, url, "SYNC", &json!({})).await?;
        subscribe(&child, FIRE_AND_FORGET, url, "SYNC", &json!({})).await?;
        child.stop().await?;
        let step = progress.step(0, "events come", args.count);
        let trigger = |number: u64| match number % RARE_EVERY {
            0 => FIRE_AND_FORGET,
            _ => REQUEST_RESPONSE,
        };
        home.append(0..args.count, trigger, &step).await?;
        drop(step);
        let step = progress.step(0, "subscriber is called", args.count);
        let child = home.start().await?;
        until_counted(&subscriber.calls, args.count, &step, || Ok(())).await?;
        until_waiting(&child, 0).await?;
        Ok(Self {
            _home: home,
            token: child.client().bearer().await?,
            child,
            tickets: subscriber.take_all(),
        })
    }

    /// GETs what `path` names for each number, at the pace of the case.
    async fn ask(
        &self,
        args: &StatusArgs,
        step: &Step,
        path: impl Fn(u64) -> String,
    ) -> anyhow::Result<Vec<Piece<Value>>> {
        let (http, base) = (client()?, self.child.client().url());
        let every = Duration::from_secs(1) / args.rate;
        let asking = open_loop(args.requests, every, step, |number| {
            let url = base.join(&path(number));
            let (http, token) = (http.clone(), self.token.clone());
            async move {
                let answer = http.get(url?).bearer_auth(token.expose()).send().await?;
                let body = answer.error_for_status()?.bytes().await?;
                Ok(serde_json::from_slice(&body)?)
            }
        });
        asking.await
    }

    async fn by_id(&self, args: &StatusArgs, step: &Step) -> anyhow::Result<Vec<Piece<Value>>> {
        ensure!(!self.tickets.is_empty(), "no ids are known");
        let id = |number: u64| {
            let number = usize::try_from(number).unwrap_or_default() % self.tickets.len();
            &self.tickets[number].id
        };
        let path = |number| format!("trigger-invocations/v1/{}", id(number));
        let pieces = self.ask(args, step, path).await?;
        for piece in &pieces {
            let is_good = piece.value["outcome"] == "COMPLETED";
            ensure!(is_good, "{}", piece.value);
        }
        Ok(pieces)
    }

    async fn pages(
        &self,
        args: &StatusArgs,
        trigger: &str,
        step: &Step,
    ) -> anyhow::Result<Vec<Piece<Value>>> {
        let query = format!("filters=triggerId%20eq%20%22{trigger}%22&limit={ROWS}");
        let path = |_| format!("trigger-invocations/v1/status?{query}");
        let pieces = self.ask(args, step, path).await?;
        let kept = match trigger {
            FIRE_AND_FORGET => args.count.div_ceil(RARE_EVERY),
            _ => args.count - args.count.div_ceil(RARE_EVERY),
        };
        let expected = ROWS.min(usize::try_from(kept)?);
        for piece in &pieces {
            let rows = piece.value.as_array().context("no page")?;
            ensure!(rows.len() == expected, "{} rows", rows.len());
            ensure!(
                rows.iter().all(|row| row["triggerId"] == trigger),
                "a page has rows of another trigger"
            );
        }
        Ok(pieces)
    }
}
