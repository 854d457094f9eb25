//! `triggerfish bench decisions`: how long decisions about actions take, over HTTP.
//!
//! First with ten callbacks that answer at once, beside the ten bare POSTs side by side that
//! they come to; then with ten of which three are silent: what counts is by how much a
//! decision exceeds its budget.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::{io, net::TcpListener, task::JoinSet};
use triggerfish_core::{
    Timing,
    subscription::{AuthenticationType, HttpConfig},
};
use triggerfish_registry::{CallbackSettings, NewCallback};

use super::{
    Case,
    load::client,
    outcome::{Bound, Figure, Outcome, Unit, millis},
    pace,
    progress::{Progress, Step},
    sink::Sink,
    stage::Stage,
};
use crate::args::bench::{DecisionsArgs, Options};

const CALLBACKS: usize = 10;
const SILENT: usize = 3;
/// The first ones pay for connections and caches.
const WARM_UP: u64 = 50;

const ADDED: Figure = Figure::new("addedP99", "added at p99", Unit::Millis);
const ADDED_MAX: Bound = Bound::AtMost(25.0);
const OVER: Figure = Figure::new("overBudget", "over the budget at most", Unit::Millis);
const OVER_MAX: Bound = Bound::AtMost(50.0);

impl Case for DecisionsArgs {
    const NAME: &'static str = "decisions";

    fn options(&self) -> &Options {
        &self.options
    }

    fn about(&self) -> String {
        let (count, budget) = (self.count, self.budget_ms);
        format!(
            "{count} decisions with {CALLBACKS} prompt callbacks, {count} with {SILENT} silent and a budget of {budget} ms"
        )
    }

    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()> {
        let stage = Stage::set(&self.log, &[]).await?;
        let (sink, silent) = (Sink::start().await?, Silent::start().await?);
        for number in 0..CALLBACKS {
            set_up(&stage, "app", number, &sink.url()).await?;
            let is_silent = number < SILENT;
            let url = if is_silent { &silent.url } else { &sink.url() };
            set_up(&stage, "plan", number, url).await?;
        }
        let platform = Platform::sign_in(&stage).await?;
        for round in 0..self.options.repeat {
            let step = progress.step(round, "bare POSTs", self.count);
            let reference = bare(&sink.url(), self, &step).await?;
            drop(step);
            let step = progress.step(round, "prompt callbacks", self.count);
            let prompt = prompt(&platform, self, &step).await?;
            drop(step);
            let step = progress.step(round, "silent callbacks", self.count);
            let over = over_budget(&platform, self, &step).await?;
            drop(step);
            outcome.add(&ADDED, millis(&prompt, 0.99) - millis(&reference, 0.99));
            outcome.add(&OVER, millis(&over, 1.0));
            outcome.add_latencies("reference", "ten bare POSTs", reference);
            outcome.add_latencies("prompt", "decision, ten prompt callbacks", prompt);
            outcome.add_latencies("over", "over the budget, three silent", over);
        }
        stage.clear().await?;
        outcome.reach(&ADDED, ADDED_MAX);
        outcome.hold(&OVER, OVER_MAX);
        Ok(())
    }
}

/// How long decisions take where everybody answers at once.
async fn prompt(
    platform: &Arc<Platform>,
    args: &DecisionsArgs,
    step: &Step,
) -> anyhow::Result<Histogram<u64>> {
    let ask = |platform: Arc<Platform>| async move { platform.ask("app", 5_000, "ALLOW").await };
    let load = Load {
        count: args.count,
        at_once: args.at_once,
        apart: Duration::ZERO,
    };
    measure(platform, load, step, ask).await
}

/// How late decisions are where some never answer.
async fn over_budget(
    platform: &Arc<Platform>,
    args: &DecisionsArgs,
    step: &Step,
) -> anyhow::Result<Histogram<u64>> {
    let budget = args.budget_ms;
    let ask = move |platform: Arc<Platform>| async move {
        let took = platform.ask("plan", budget, "DENY").await?;
        Ok(took.saturating_sub(Duration::from_millis(budget)))
    };
    let load = Load {
        count: args.count,
        at_once: args.at_once_silent,
        apart: Duration::from_millis(budget),
    };
    measure(platform, load, step, ask).await
}

/// A receiver that takes connections and never answers.
struct Silent {
    url: String,
    server: tokio::task::JoinHandle<()>,
}

impl Silent {
    async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                // Closed when the caller gives up: ten thousand that are half closed leave
                // the system no port for the next, and that is what would be measured.
                connections.spawn(async move { io::copy(&mut stream, &mut io::sink()).await });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { url, server })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn set_up(stage: &Stage, object_type: &str, number: usize, url: &str) -> anyhow::Result<()> {
    let http_config = HttpConfig {
        url: url.to_owned(),
        http_dispatch_mode: None,
        http_authentication_type: AuthenticationType::NoAuth,
        basic_auth_config: None,
        bearer_token_auth_config: None,
    };
    let settings = CallbackSettings {
        name: format!("{object_type} {number}"),
        description: None,
        http_config,
        expected_status: Some(200),
        request_headers: BTreeMap::new(),
        enabled: true,
        timeout_ms: Some(10_000),
        failure_policy: None,
    };
    let new = NewCallback {
        timing: Timing::Before,
        object_type: object_type.to_owned(),
        settings,
    };
    stage.service.registry.create_callback(new).await?;
    Ok(())
}

/// Asks as a platform does.
struct Platform {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Platform {
    async fn sign_in(stage: &Stage) -> anyhow::Result<Arc<Self>> {
        let made = stage.service.first_client.as_ref();
        let made = made.context("the service has made no API client")?;
        let http = client()?;
        let base = stage.service.url();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", made.id.as_str()),
            ("client_secret", made.secret.expose()),
        ];
        let asked = http.post(format!("{base}/oauth/token")).form(&form).send();
        let answer: Value = json_of(asked.await?).await?;
        let token = answer["access_token"].as_str().context("no token")?;
        Ok(Arc::new(Self {
            url: format!("{base}/object-events/v1/before"),
            token: token.to_owned(),
            http,
        }))
    }

    /// How long one decision took, which must be `expected`.
    async fn ask(
        &self,
        object_type: &str,
        budget_ms: u64,
        expected: &str,
    ) -> anyhow::Result<Duration> {
        let body = json!({
            "objectType": object_type, "action": "UPDATED", "user": "bench",
            "entity": {"id": 7, "name": "x".repeat(400)}, "budgetMs": budget_ms,
        });
        let began = Instant::now();
        let asked = self.http.post(&self.url).bearer_auth(&self.token);
        let asked = asked
            .header("content-type", "application/json")
            .body(body.to_string());
        let told = json_of(asked.send().await?).await?;
        let took = began.elapsed();
        ensure!(told["decision"] == expected, "not {expected}: {told}");
        Ok(took)
    }
}

async fn json_of(answer: reqwest::Response) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(
        &answer.error_for_status()?.bytes().await?,
    )?)
}

/// How much platforms ask.
#[derive(Clone, Copy)]
struct Load {
    count: u64,
    at_once: u32,
    /// The first questions are spread over this time: platforms do not ask in step.
    apart: Duration,
}

async fn measure<F>(
    platform: &Arc<Platform>,
    load: Load,
    step: &Step,
    ask: impl Fn(Arc<Platform>) -> F + Clone + Send + 'static,
) -> anyhow::Result<Histogram<u64>>
where
    F: Future<Output = anyhow::Result<Duration>> + Send,
{
    let mut askers = JoinSet::new();
    for number in 0..load.at_once {
        let (platform, next, ask) = (Arc::clone(platform), Arc::clone(&step.done), ask.clone());
        askers.spawn(async move {
            tokio::time::sleep(load.apart * number / load.at_once).await;
            let mut histogram = pace::histogram();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= load.count + WARM_UP {
                    return anyhow::Ok(histogram);
                }
                let took = ask(Arc::clone(&platform)).await?;
                if number >= WARM_UP {
                    histogram.record(u64::try_from(took.as_micros())?)?;
                }
            }
        });
    }
    joined(askers).await
}

/// What ten POSTs side by side take without Triggerfish.
async fn bare(url: &str, args: &DecisionsArgs, step: &Step) -> anyhow::Result<Histogram<u64>> {
    let http = client()?;
    let mut askers = JoinSet::new();
    for _ in 0..args.at_once {
        let (http, url, next) = (http.clone(), url.to_owned(), Arc::clone(&step.done));
        let count = args.count;
        askers.spawn(async move {
            let mut histogram = pace::histogram();
            while next.fetch_add(1, Ordering::Relaxed) < count {
                let began = Instant::now();
                let posts = (0..CALLBACKS).map(|_| async {
                    let post = http.post(&url).header("content-type", "application/json");
                    let answer = post.body("{}").send().await?.error_for_status()?;
                    answer.bytes().await
                });
                try_join_all(posts).await?;
                pace::record(&mut histogram, began)?;
            }
            anyhow::Ok(histogram)
        });
    }
    joined(askers).await
}

async fn joined(
    mut askers: JoinSet<anyhow::Result<Histogram<u64>>>,
) -> anyhow::Result<Histogram<u64>> {
    let mut all = pace::histogram();
    while let Some(asker) = askers.join_next().await {
        all.add(asker??)?;
    }
    Ok(all)
}
