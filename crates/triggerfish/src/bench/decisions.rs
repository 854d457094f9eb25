//! `triggerfish bench decisions`: how long decisions about actions take, over HTTP.
//!
//! First with ten callbacks that answer at once, beside the ten bare POSTs side by side that
//! they come to; then with ten of which three are silent: what counts is by how much a
//! decision exceeds its budget.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use triggerfish_core::{
    Timing,
    subscription::{AuthenticationType, HttpConfig},
};
use triggerfish_registry::{CallbackSettings, NewCallback};

use super::stage::Stage;
use crate::{args::BenchDecisionsArgs, commands::print};

const CALLBACKS: usize = 10;
const SILENT: usize = 3;
/// What is to be reached, in milliseconds: added by Triggerfish at p99, and over the budget.
const ADDED_MAX: f64 = 25.0;
const OVER_MAX: f64 = 50.0;
/// The first ones pay for connections and caches.
const WARM_UP: u64 = 50;

pub(crate) async fn decisions(args: &BenchDecisionsArgs) -> anyhow::Result<ExitCode> {
    let stage = Stage::set(&args.log, 256).await?;
    let silent = Silent::start().await?;
    for number in 0..CALLBACKS {
        set_up(&stage, "app", number, &stage.sink.url()).await?;
        let is_silent = number < SILENT;
        let url = if is_silent {
            &silent.url
        } else {
            &stage.sink.url()
        };
        set_up(&stage, "plan", number, url).await?;
    }
    let platform = Platform::sign_in(&stage).await?;
    let reference = bare(&stage, args).await?;
    let ask = |platform: Arc<Platform>| async move { platform.ask("app", 5_000, "ALLOW").await };
    let prompt = measure(&platform, args.count, args.at_once, ask).await?;
    let budget = args.budget_ms;
    let ask = move |platform: Arc<Platform>| async move {
        let took = platform.ask("plan", budget, "DENY").await?;
        Ok(took.saturating_sub(Duration::from_millis(budget)))
    };
    let over = measure(&platform, args.count, args.at_once_silent, ask).await?;
    stage.clear().await?;
    report(args, &reference, &prompt, &over);
    Ok(ExitCode::SUCCESS)
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
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
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
        let client = stage.service.first_client.as_ref();
        let client = client.context("the service has made no API client")?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .build()?;
        let base = stage.service.url();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.id.as_str()),
            ("client_secret", client.secret.expose()),
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

/// Lets `at_once` platforms ask `count` times in all.
async fn measure<F>(
    platform: &Arc<Platform>,
    count: u64,
    at_once: u32,
    ask: impl Fn(Arc<Platform>) -> F + Clone + Send + 'static,
) -> anyhow::Result<Histogram<u64>>
where
    F: Future<Output = anyhow::Result<Duration>> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let mut askers = JoinSet::new();
    for _ in 0..at_once {
        let (platform, next, ask) = (Arc::clone(platform), Arc::clone(&next), ask.clone());
        askers.spawn(async move {
            let mut histogram = Histogram::<u64>::new(3)?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count + WARM_UP {
                    return anyhow::Ok(histogram);
                }
                let took = ask(Arc::clone(&platform)).await?;
                if number >= WARM_UP {
                    histogram.record(u64::try_from(took.as_micros())?)?;
                }
            }
        });
    }
    let mut all = Histogram::new(3)?;
    while let Some(asker) = askers.join_next().await {
        all.add(asker??)?;
    }
    Ok(all)
}

/// What ten POSTs side by side take without Triggerfish.
async fn bare(stage: &Stage, args: &BenchDecisionsArgs) -> anyhow::Result<Histogram<u64>> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .build()?;
    let url = stage.sink.url();
    let next = Arc::new(AtomicU64::new(0));
    let mut askers = JoinSet::new();
    for _ in 0..args.at_once {
        let (http, url, next) = (http.clone(), url.clone(), Arc::clone(&next));
        let count = args.count;
        askers.spawn(async move {
            let mut histogram = Histogram::<u64>::new(3)?;
            while next.fetch_add(1, Ordering::Relaxed) < count {
                let began = Instant::now();
                let posts = (0..CALLBACKS).map(|_| async {
                    let post = http.post(&url).header("content-type", "application/json");
                    let answer = post.body("{}").send().await?.error_for_status()?;
                    answer.bytes().await
                });
                try_join_all(posts).await?;
                histogram.record(u64::try_from(began.elapsed().as_micros())?)?;
            }
            anyhow::Ok(histogram)
        });
    }
    let mut all = Histogram::new(3)?;
    while let Some(asker) = askers.join_next().await {
        all.add(asker??)?;
    }
    Ok(all)
}

fn report(
    args: &BenchDecisionsArgs,
    reference: &Histogram<u64>,
    prompt: &Histogram<u64>,
    over: &Histogram<u64>,
) {
    #[expect(clippy::cast_precision_loss, reason = "latencies are small numbers")]
    let row = |histogram: &Histogram<u64>| {
        [0.5, 0.9, 0.99, 1.0].map(|at| histogram.value_at_quantile(at) as f64 / 1000.0)
    };
    let rows = [
        ("ten bare POSTs", row(reference)),
        ("decision, ten prompt callbacks", row(prompt)),
        ("over the budget, three silent", row(over)),
    ];
    let added = rows[1].1[2] - rows[0].1[2];
    let worst = rows[2].1[3];
    if args.json {
        let shown = rows.map(|(name, [p50, p90, p99, max])| {
            json!({"name": name, "p50": p50, "p90": p90, "p99": p99, "max": max})
        });
        print(json!({
            "case": "decisions", "unit": "ms", "decisions": args.count, "rows": shown,
            "addedP99": added, "reach": {"addedP99": ADDED_MAX, "overBudget": OVER_MAX},
        }));
    } else {
        print(format_args!(
            "case decisions, {} each, ms             p50      p90      p99      max",
            args.count
        ));
        for (name, [p50, p90, p99, max]) in rows {
            print(format_args!(
                "  {name:<34}{p50:>9.2}{p90:>9.2}{p99:>9.2}{max:>9.2}"
            ));
        }
        print(format_args!(
            "added at p99: {added:.2} ms, to reach: {ADDED_MAX} ms; over the budget at most {worst:.2} ms, to reach: {OVER_MAX} ms"
        ));
    }
}
