//! Load with ordering keys: one sender for each key, which sends its events one after the
//! other, each until it is acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use triggerfish_tests::{Api, Completion, Reply, Setup, Subscriber, service::CLIENT};

const TRIGGER: &str = "acme:ordered";
const KEYS: u64 = 5;
/// Pause of a sender between two events.
const PACE: Duration = Duration::from_millis(40);

/// Senders that go on until they are told to stop.
pub(crate) struct Ordered {
    is_over: Arc<AtomicBool>,
    /// Each ends with its key and the number of its events.
    senders: JoinSet<(u64, u64)>,
    subscriber: Subscriber,
    sent: BTreeMap<u64, u64>,
}

impl Ordered {
    /// Declares the trigger at the running service and begins.
    pub(crate) async fn begin(setup: &Setup) -> Self {
        let api = Arc::new(Api::new(&setup.url(), CLIENT));
        // Takes its time, and fails now and then, so that a key has to be held.
        let subscriber = Subscriber::start(|call| async move {
            let n = call.json()["n"].as_u64().unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(n % 10)).await;
            Reply::status(if n % 5 == 2 && call.attempt == 1 {
                503
            } else {
                200
            })
        })
        .await;
        api.put_trigger(TRIGGER, "FIRE_AND_FORGET").await;
        let retry = json!({"maxAttempts": 50, "initialDelayMs": 20, "maxDelayMs": 100});
        let extra = json!({"delivery": {"ordering": "key", "retry": retry}});
        api.subscribe(TRIGGER, &subscriber.url(), "SYNC", extra)
            .await;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut senders = JoinSet::new();
        for key in 0..KEYS {
            senders.spawn(send(Arc::clone(&api), key, Arc::clone(&is_over)));
        }
        Self {
            is_over,
            senders,
            subscriber,
            sent: BTreeMap::new(),
        }
    }

    /// Sends nothing new and waits for what is under way.
    pub(crate) async fn end(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        while let Some(sender) = self.senders.join_next().await {
            self.sent.extend(sender);
        }
    }

    /// Whether a completion is one of this load.
    pub(crate) fn is_own(completion: &Completion) -> bool {
        completion.json["triggerId"] == TRIGGER
    }

    /// Checks that every event was delivered, in the order of its key, and completed once.
    /// Returns how many there were.
    pub(crate) fn check(&self, completions: &[Completion]) -> usize {
        let mut calls: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for call in self.subscriber.calls() {
            let (key, n) = (&call.json()["key"], &call.json()["n"]);
            let (key, n) = (key.as_u64().expect("a key"), n.as_u64().expect("a number"));
            calls.entry(key).or_default().push(n);
        }
        for (key, sent) in &self.sent {
            let calls = calls.remove(key).unwrap_or_default();
            assert!(
                calls.is_sorted(),
                "key {key} was called out of order: {calls:?}"
            );
            let mut distinct = calls;
            distinct.dedup();
            assert_eq!(distinct, (0..*sent).collect::<Vec<_>>(), "key {key}");
        }
        let mut completed: BTreeMap<(u64, u64), u32> = BTreeMap::new();
        for completion in completions.iter().filter(|one| Self::is_own(one)) {
            assert_eq!(completion.outcome(), "COMPLETED", "{}", completion.json);
            let content = &completion.json["contentJson"];
            let (key, n) = (content["key"].as_u64(), content["n"].as_u64());
            *completed
                .entry((key.expect("a key"), n.expect("a number")))
                .or_default() += 1;
        }
        let sent: u64 = self.sent.values().sum();
        assert_eq!(completed.len() as u64, sent, "every event has a completion");
        assert!(completed.values().all(|count| *count == 1), "{completed:?}");
        completed.len()
    }
}

async fn send(api: Arc<Api>, key: u64, is_over: Arc<AtomicBool>) -> (u64, u64) {
    let headers = [("content-type", "application/cloudevents+json")];
    let mut n = 0;
    // Ends after an acknowledgement only: what is not acknowledged may have been taken.
    loop {
        let content = json!({"key": key, "n": n});
        let event = json!({
            "specversion": "1.0", "id": format!("{key}-{n}"), "source": "/ordered",
            "type": TRIGGER, "partitionkey": format!("key-{key}"), "data": content,
            "contentjson": content.to_string(),
        });
        let body = event.to_string();
        let answer = api
            .try_call(Method::POST, "/cloudevents", &headers, body)
            .await;
        match answer {
            Some(answer) if answer.status != 503 => {
                drop(answer.expect(202));
                n += 1;
                if is_over.load(Ordering::Relaxed) {
                    return (key, n);
                }
            }
            _ => {}
        }
        tokio::time::sleep(PACE).await;
    }
}
