//! Load of all four modes, with everything that is needed to say afterwards whether
//! anything was lost or doubled.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use triggerfish_tests::{
    Api, Call, Completion, Reply, Setup, Subscriber, api::start_body, service::CLIENT,
};

/// Modes, each with a trigger and a subscriber of its own.
const MODES: [&str; 4] = ["SYNC", "ASYNC", "DYNAMIC", "FIRE_AND_FORGET"];
const WORKERS: usize = 8;
/// Pause of a worker between two starts.
const PACE: Duration = Duration::from_millis(15);

/// A number of workers that start invocations until they are told to stop.
pub(crate) struct Load {
    shared: Arc<Shared>,
    workers: JoinSet<()>,
    subscribers: Vec<Subscriber>,
    bad_callbacks: Arc<Mutex<Vec<String>>>,
}

struct Shared {
    api: Api,
    next: AtomicU64,
    is_over: AtomicBool,
    gives_up: bool,
    /// By number: the invocation's id.
    acknowledged: Mutex<HashMap<u64, String>>,
}

/// The metadata of the start with this number; no parser writes it back like this.
fn content(n: u64) -> String {
    format!("{{ \"n\" : {n},\t\"v\":1.50, \"n\":{n} }}")
}

fn trigger(mode: &str) -> String {
    format!("acme:{}", mode.to_lowercase().replace('_', "-"))
}

/// Answers after a short while, so that a kill finds calls in flight.
async fn reply(call: Call, mode: &'static str, bad: Arc<Mutex<Vec<String>>>) -> Reply {
    let n = call.json()["n"].as_u64().unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(n % 20)).await;
    match mode {
        "SYNC" => return Reply::json(200, r#"{"by":"answer"}"#),
        "FIRE_AND_FORGET" if n % 7 == 3 && call.attempt == 1 => return Reply::status(503),
        "FIRE_AND_FORGET" => return Reply::status(200),
        "DYNAMIC" if n % 8 < 4 => return Reply::json(200, r#"{"by":"answer"}"#),
        _ => {}
    }
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(n % 50)).await;
        loop {
            match call.call_back(&json!({"by": "callback"})).await {
                Some(heard) if heard.status == 204 => return,
                Some(heard) if heard.status != 503 => {
                    return bad.lock().push(format!("{}: {}", call.id(), heard.text()));
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    });
    Reply::json(if mode == "ASYNC" { 200 } else { 202 }, "{}")
}

impl Load {
    /// Declares the triggers at the running service and begins. A load that `gives_up`
    /// does not repeat what was not acknowledged.
    pub(crate) async fn begin(setup: &Setup, gives_up: bool) -> Self {
        let api = Api::new(&setup.url(), CLIENT);
        let mut subscribers = Vec::new();
        let bad_callbacks = Arc::new(Mutex::default());
        for mode in MODES {
            let bad = Arc::clone(&bad_callbacks);
            let subscriber =
                Subscriber::start(move |call| reply(call, mode, Arc::clone(&bad))).await;
            let (trigger_type, dispatch) = match mode {
                "FIRE_AND_FORGET" => (mode, "SYNC"),
                mode => ("REQUEST_RESPONSE", mode),
            };
            let retry = json!({"maxAttempts": 50, "initialDelayMs": 20, "maxDelayMs": 200});
            // One try is the rule for REQUEST_RESPONSE, and is to hold here too.
            let extra = match mode {
                "FIRE_AND_FORGET" => json!({"delivery": {"retry": retry}}),
                _ => json!({}),
            };
            api.put_trigger(&trigger(mode), trigger_type).await;
            api.subscribe(&trigger(mode), &subscriber.url(), dispatch, extra)
                .await;
            subscribers.push(subscriber);
        }
        let shared = Arc::new(Shared {
            api,
            next: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            gives_up,
            acknowledged: Mutex::default(),
        });
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            workers.spawn(Arc::clone(&shared).work());
        }
        Self {
            shared,
            workers,
            subscribers,
            bad_callbacks,
        }
    }

    /// Starts that were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.shared.acknowledged.lock().len()
    }

    /// Starts nothing new and waits for what is under way.
    pub(crate) async fn end(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while let Some(worker) = self.workers.join_next().await {
            worker.expect("a worker does not fail");
        }
    }

    /// Checks the completions: one for each acknowledged start, at most one for any
    /// start, all with the metadata and the outcome they should have.
    pub(crate) fn check_completions(&self, completions: &[Completion]) {
        let acknowledged = self.shared.acknowledged.lock();
        let mut of_number: BTreeMap<u64, Vec<&Completion>> = BTreeMap::new();
        for completion in completions {
            let n = completion.json["contentJson"]["n"]
                .as_u64()
                .expect("our number");
            assert_eq!(
                completion.content_json,
                content(n),
                "contentJson byte for byte"
            );
            assert_eq!(completion.outcome(), "COMPLETED", "{}", completion.json);
            of_number.entry(n).or_default().push(completion);
        }
        for (n, found) in &of_number {
            assert_eq!(found.len(), 1, "start {n} has {} completions", found.len());
            if let Some(id) = acknowledged.get(n) {
                assert_eq!(found[0].id, *id, "start {n}");
            }
        }
        let lost: Vec<_> = acknowledged
            .keys()
            .filter(|n| !of_number.contains_key(n))
            .collect();
        assert!(
            lost.is_empty(),
            "acknowledged and never completed: {lost:?}"
        );
        let bad = self.bad_callbacks.lock();
        assert!(bad.is_empty(), "callbacks that were refused: {bad:?}");
    }

    /// All calls of each invocation, in their order.
    pub(crate) fn calls(&self) -> HashMap<String, Vec<Call>> {
        let mut calls: HashMap<String, Vec<Call>> = HashMap::new();
        for call in self.subscribers.iter().flat_map(Subscriber::calls) {
            calls.entry(call.id().to_owned()).or_default().push(call);
        }
        calls
    }

    /// Checks that calls were only repeated when `may_repeat` says so of the time of a
    /// call and the time of the one after it; a scripted failure may always be. Returns
    /// how many were repeated.
    pub(crate) fn check_repetitions(&self, may_repeat: impl Fn(Instant, Instant) -> bool) -> usize {
        let mut repeated = 0;
        for (id, calls) in self.calls() {
            let n = calls[0].json()["n"].as_u64().unwrap_or_default();
            let is_forgotten = calls[0].json()["mode"] == "FIRE_AND_FORGET";
            for (index, pair) in calls.windows(2).enumerate() {
                let is_scripted = is_forgotten && n % 7 == 3 && index == 0;
                if is_scripted {
                    continue;
                }
                repeated += 1;
                assert!(
                    may_repeat(pair[0].at, pair[1].at),
                    "{id} was called again for no reason"
                );
            }
        }
        repeated
    }
}

impl Shared {
    async fn work(self: Arc<Self>) {
        while !self.is_over.load(Ordering::Relaxed) {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            let mode = MODES[usize::try_from(n % 4).unwrap_or_default()];
            let input = format!("{{\"n\":{n},\"mode\":\"{mode}\"}}");
            let body = start_body(&trigger(mode), &input, &content(n));
            self.start(n, &body).await;
            tokio::time::sleep(PACE).await;
        }
    }

    /// Every second start has a key and is repeated until it is acknowledged.
    async fn start(&self, n: u64, body: &str) {
        let key = format!("key-{n}");
        let is_repeated = n % 8 >= 4 && !self.gives_up;
        let headers: &[(&str, &str)] = if is_repeated {
            &[("idempotency-key", &key)]
        } else {
            &[]
        };
        let path = "/trigger-invocations/v1/start";
        loop {
            let answer = self
                .api
                .try_call(Method::POST, path, headers, body.to_owned())
                .await;
            if let Some(answer) = answer.filter(|answer| answer.status != 503) {
                let started = answer.started().remove(0);
                self.acknowledged.lock().insert(n, started.id);
                return;
            }
            tokio::time::sleep(PACE).await;
            if !is_repeated {
                return;
            }
        }
    }
}

/// Waits until no invocation is open.
pub(crate) async fn all_closed(api: &Api) {
    triggerfish_tests::eventually("every invocation is closed", async || {
        let answer = api.get("/trigger-invocations/v1?count=true&limit=1").await;
        (answer.status == 200 && answer.headers["x-total-count"] == "0").then_some(())
    })
    .await;
}
