//! Subscribers of every mode, which count.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Doors, Installation, Mode, output};
use crate::{Call, Reply, Subscriber};

/// How long a callback waits for its answer before it is posted again.
const PATIENCE: Duration = Duration::from_secs(12);
/// For when there is no answer that says how long to wait.
const PAUSE: Duration = Duration::from_secs(1);

/// One for each subscription.
pub struct Subscribers {
    all: Vec<(Mode, String, Subscriber)>,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Subscribers {
    /// Declares the triggers of all modes and subscribes to each.
    pub async fn start(installation: &Installation) -> Self {
        let mut all = Vec::new();
        let refused: Arc<Mutex<Vec<String>>> = Arc::default();
        for mode in Mode::ALL {
            let (trigger_type, dispatch) = mode.names();
            installation.put_trigger(mode.trigger(), trigger_type).await;
            for number in 1..=mode.subscriptions() {
                let (doors, bad) = (installation.doors.clone(), Arc::clone(&refused));
                let subscriber = Subscriber::start(move |call| {
                    reply(call, mode, doors.clone(), Arc::clone(&bad))
                })
                .await;
                let mut subscription = json!({
                    "name": format!("{dispatch} {number}"), "triggerId": mode.trigger(),
                    "type": "HTTP",
                    "httpConfig": {"url": subscriber.url(), "httpDispatchMode": dispatch},
                });
                if mode == Mode::FireAndForget {
                    // One try is the rule for the others, and is to hold here too.
                    let retry = json!({"maxAttempts": 50, "initialDelayMs": 20, "maxDelayMs": 200});
                    subscription["delivery"] = json!({"retry": retry});
                }
                let id = installation.subscribe(&subscription).await;
                all.push((mode, id, subscriber));
            }
        }
        Self { all, refused }
    }

    /// The ids of the subscriptions of a mode.
    #[must_use]
    pub fn of(&self, mode: Mode) -> Vec<&str> {
        let own = self.all.iter().filter(|(of, _, _)| *of == mode);
        own.map(|(_, id, _)| id.as_str()).collect()
    }

    /// All calls of each invocation, in their order.
    #[must_use]
    pub fn calls(&self) -> HashMap<String, Vec<Call>> {
        let mut calls: HashMap<String, Vec<Call>> = HashMap::new();
        for call in self.all.iter().flat_map(|(_, _, one)| one.calls()) {
            calls.entry(call.id().to_owned()).or_default().push(call);
        }
        calls
    }

    /// Callbacks that were answered by neither a yes nor a come-again.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        self.refused.lock().clone()
    }
}

/// Whether the first call about this event is answered by 503.
pub(super) fn is_put_off(mode: Mode, n: u64) -> bool {
    mode == Mode::FireAndForget && n % 7 == 3
}

/// The number of the event that a call is about.
pub(super) fn number(body: &Value) -> u64 {
    body["n"].as_u64().unwrap_or_default()
}

/// Answers after a short while, so that a kill finds calls in flight.
async fn reply(call: Call, mode: Mode, doors: Doors, refused: Arc<Mutex<Vec<String>>>) -> Reply {
    let n = number(&call.json());
    tokio::time::sleep(Duration::from_millis(n % 20)).await;
    match mode {
        Mode::Sync => return Reply::json(200, output(n)),
        Mode::FireAndForget if is_put_off(mode, n) && call.attempt == 1 => {
            return Reply::status(503);
        }
        Mode::FireAndForget => return Reply::status(200),
        Mode::Dynamic if n % 8 < 4 => return Reply::json(200, output(n)),
        Mode::Dynamic | Mode::Async => {}
    }
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(n % 50)).await;
        loop {
            let heard = call.call_back_at(&doors.any(), &output(n), PATIENCE).await;
            match heard {
                Some(heard) if heard.status == 204 => return,
                Some(heard) if heard.status != 503 => {
                    let said = format!("{} {}: {}", call.id(), heard.status, heard.text());
                    return refused.lock().push(said);
                }
                Some(heard) => tokio::time::sleep(heard.retry_after().unwrap_or(PAUSE)).await,
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    });
    Reply::json(if mode == Mode::Async { 200 } else { 202 }, "{}")
}
