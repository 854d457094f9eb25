//! A subscriber that takes its time, and sees how it is called: how many at once, and whether
//! in the order of the events.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderName, header::CONTENT_TYPE},
    routing::post,
};
use serde::Deserialize;
use tokio::{net::TcpListener, task::JoinHandle};

/// How long the subscriber takes for an event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pause {
    Always(Duration),
    /// Up to this, by the number of the event, so that everybody is given the same.
    UpTo(Duration),
}

impl Pause {
    fn of(self, number: u64) -> Duration {
        match self {
            Self::Always(pause) => pause,
            Self::UpTo(longest) => {
                // Fibonacci hashing: the upper bits are spread evenly.
                let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
                let share = u32::try_from(spread).unwrap_or(u32::MAX);
                longest * share / u32::from(u16::MAX)
            }
        }
    }
}

/// A running subscriber.
pub(super) struct Paced {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What it has seen since it was last asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) calls: u64,
    /// Calls in flight at most.
    pub(super) most: u64,
    /// Calls that came before the one before them of their key was answered, or after a later
    /// one.
    pub(super) out_of_order: u64,
}

struct Shared {
    pause: Pause,
    in_flight: AtomicU64,
    calls: AtomicU64,
    most: AtomicU64,
    keys: Mutex<Keys>,
}

/// What is known of the ordering keys that events have in turn; nothing where there are none.
#[derive(Default)]
struct Keys {
    count: u64,
    last: HashMap<u64, Last>,
    out_of_order: u64,
}

#[derive(Default)]
struct Last {
    number: Option<u64>,
    in_flight: u32,
}

impl Keys {
    fn begin(&mut self, number: u64) {
        if self.count == 0 {
            return;
        }
        let last = self.last.entry(number % self.count).or_default();
        let is_next = last.number.is_none_or(|before| before < number);
        if last.in_flight > 0 || !is_next {
            self.out_of_order += 1;
        }
        last.in_flight += 1;
        last.number = Some(number);
    }

    fn end(&mut self, number: u64) {
        if self.count > 0
            && let Some(last) = self.last.get_mut(&(number % self.count))
        {
            last.in_flight = last.in_flight.saturating_sub(1);
        }
    }
}

impl Shared {
    fn keys(&self) -> std::sync::MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Paced {
    pub(super) async fn start(pause: Pause) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            pause,
            in_flight: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            most: AtomicU64::new(0),
            keys: Mutex::default(),
        });
        let app = Router::new()
            .route("/", post(answer))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            // Ends when the task is aborted.
            drop(axum::serve(listener, app).await);
        });
        Ok(Self {
            address,
            shared,
            server,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// From now on events have so many ordering keys in turn, none if 0.
    pub(super) fn expect_keys(&self, count: u64) {
        *self.shared.keys() = Keys {
            count,
            ..Keys::default()
        };
    }

    /// What it has seen; it begins anew.
    pub(super) fn seen(&self) -> Seen {
        Seen {
            calls: self.shared.calls.swap(0, Ordering::Relaxed),
            most: self.shared.most.swap(0, Ordering::Relaxed),
            out_of_order: std::mem::take(&mut self.shared.keys().out_of_order),
        }
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    identity_id: String,
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Json(event): Json<Event>,
) -> ([(HeaderName, &'static str); 1], &'static str) {
    let number = u64::from_str_radix(&event.identity_id, 16).unwrap_or(u64::MAX);
    let in_flight = shared.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
    shared.most.fetch_max(in_flight, Ordering::Relaxed);
    shared.keys().begin(number);
    tokio::time::sleep(shared.pause.of(number)).await;
    shared.keys().end(number);
    shared.in_flight.fetch_sub(1, Ordering::Relaxed);
    shared.calls.fetch_add(1, Ordering::Relaxed);
    ([(CONTENT_TYPE, "application/json")], "{\"approved\":true}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread_evenly_up_to_the_longest() {
        let longest = Duration::from_millis(5);
        let pauses: Vec<_> = (0..1000).map(|n| Pause::UpTo(longest).of(n)).collect();
        assert!(pauses.iter().all(|pause| *pause <= longest));
        let mean = pauses.iter().sum::<Duration>() / 1000;
        assert!(mean.abs_diff(longest / 2) < longest / 50, "{mean:?}");
    }

    #[test]
    fn calls_of_a_key_are_to_come_one_by_one_in_order() {
        let mut keys = Keys {
            count: 2,
            ..Keys::default()
        };
        for number in [0, 1] {
            keys.begin(number);
        }
        keys.end(0);
        keys.begin(2);
        assert_eq!(keys.out_of_order, 0);
        keys.begin(4);
        assert_eq!(keys.out_of_order, 1, "2 was not over");
        keys.end(1);
        keys.begin(5);
        keys.end(5);
        keys.begin(3);
        assert_eq!(keys.out_of_order, 2, "3 came after 5");
    }
}
