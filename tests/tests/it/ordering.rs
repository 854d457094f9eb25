//! Order by key: one call of a key in flight, in the order of the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::json;
use triggerfish_tests::{Reply, Setup, Subscriber, holds};

use crate::scene::{Scene, TRIGGER};

#[derive(Default)]
struct Seen {
    in_flight: HashMap<String, u32>,
    delivered: HashMap<String, Vec<u64>>,
    overlaps: u32,
}

const KEYS: [&str; 3] = ["a", "b", "c"];
const EACH: u64 = 6;

/// Takes its time; refuses the first event of key `a` until `b` and `c` are done.
async fn subscriber(seen: Arc<Mutex<Seen>>) -> Subscriber {
    Subscriber::start(move |call| {
        let seen = Arc::clone(&seen);
        async move {
            let (key, n) = (
                call.json()["key"].as_str().unwrap_or_default().to_owned(),
                &call.json()["n"],
            );
            let n = n.as_u64().unwrap_or_default();
            {
                let mut seen = seen.lock();
                let flying = seen.in_flight.entry(key.clone()).or_default();
                *flying += 1;
                let overlaps = *flying > 1;
                seen.overlaps += u32::from(overlaps);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            let mut seen = seen.lock();
            *seen.in_flight.entry(key.clone()).or_default() -= 1;
            let others: usize = seen
                .delivered
                .iter()
                .filter(|(k, _)| *k != "a")
                .map(|(_, all)| all.len())
                .sum();
            if key == "a" && n == 0 && others < 2 * usize::try_from(EACH).unwrap_or_default() {
                return Reply::status(503);
            }
            seen.delivered.entry(key).or_default().push(n);
            Reply::status(200)
        }
    })
    .await
}

#[tokio::test]
async fn a_key_keeps_its_order_and_holds_up_no_other() {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let extra = json!({"delivery": {"ordering": "key", "retry":
        {"maxAttempts": 100, "initialDelayMs": 20, "maxDelayMs": 40}}});
    // Failures here are part of the play.
    let setup = Setup::new().set("delivery.breaker_failures", "0");
    let subscriber = subscriber(Arc::clone(&seen)).await;
    let scene = Scene::with(setup, "FIRE_AND_FORGET", subscriber, extra).await;
    for n in 0..EACH {
        let batch = KEYS.map(|key| {
            json!({
                "specversion": "1.0", "id": format!("{key}-{n}"), "source": "/hr",
                "type": TRIGGER, "partitionkey": key, "data": {"key": key, "n": n},
            })
        });
        let headers = [("content-type", "application/cloudevents-batch+json")];
        let body = json!(batch).to_string();
        let sent = scene
            .service
            .api
            .call(Method::POST, "/cloudevents", &headers, body)
            .await;
        drop(sent.expect(202));
    }
    let everything = KEYS.len() * usize::try_from(EACH).expect("small");
    holds("everything is delivered", || {
        seen.lock().delivered.values().map(Vec::len).sum::<usize>() == everything
    })
    .await;
    let order: Vec<u64> = (0..EACH).collect();
    let seen = seen.lock();
    for key in KEYS {
        assert_eq!(seen.delivered[key], order, "key {key}");
    }
    assert_eq!(seen.overlaps, 0, "two calls of a key in flight");
}
