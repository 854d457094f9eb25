//! Subscribers of an outage: one that goes away and comes back, and its neighbour.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use axum::{Json, Router, extract::State, routing::post};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::outcome::count;

/// How long the last events may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A subscriber at an address that it comes back to.
pub(super) struct Comeback {
    address: SocketAddr,
    /// Calls that it took.
    pub(super) calls: Arc<AtomicU64>,
    server: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Comeback {
    /// One that is up.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut comeback = Self {
            address: listener.local_addr()?,
            calls: Arc::default(),
            server: None,
        };
        comeback.serve(listener);
        Ok(comeback)
    }

    fn serve(&mut self, listener: TcpListener) {
        let calls = Arc::clone(&self.calls);
        let answer = post(async move || {
            calls.fetch_add(1, Ordering::Relaxed);
        });
        let app = Router::new().route("/", answer);
        let down = CancellationToken::new();
        let until = down.clone().cancelled_owned();
        let server = tokio::spawn(async move {
            // Ends when it goes down.
            drop(
                axum::serve(listener, app)
                    .with_graceful_shutdown(until)
                    .await,
            );
        });
        self.server = Some((down, server));
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(super) fn calls_before(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// From here on connections are refused.
    pub(super) async fn go_down(&mut self) {
        if let Some((down, server)) = self.server.take() {
            down.cancel();
            // It can't fail; what matters is that it is over.
            drop(server.await);
        }
    }

    /// From here on it is called again.
    pub(super) async fn come_up(&mut self) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.address).await?;
        self.serve(listener);
        Ok(())
    }
}

impl Drop for Comeback {
    fn drop(&mut self) {
        if let Some((_, server)) = &self.server {
            server.abort();
        }
    }
}

/// How the calls of a subscriber came.
pub(super) struct Samples {
    began: Instant,
    /// Calls that it had before.
    pub(super) before: u64,
    taken: Vec<(Duration, u64)>,
}

impl Samples {
    pub(super) fn begin(before: u64) -> Self {
        Self {
            began: Instant::now(),
            before,
            taken: Vec::new(),
        }
    }

    /// It has had so many calls.
    pub(super) fn take(&mut self, calls: u64) {
        let calls = calls - self.before;
        self.taken.push((self.began.elapsed(), calls));
    }

    /// The rate from the first call to the last.
    pub(super) fn rate(&self) -> f64 {
        let last = self.taken.last().copied().unwrap_or_default();
        let first = self.taken.iter().rev().find(|(_, calls)| *calls == 0);
        let first = first.copied().unwrap_or_default();
        let took = last.0.saturating_sub(first.0).max(Duration::from_millis(1));
        count(last.1) / took.as_secs_f64()
    }

    /// When the rate of the next tenth of the calls was at least four fifths of the whole.
    pub(super) fn until_full(&self) -> Duration {
        let full = 0.8 * self.rate();
        let tenth = self.taken.last().map_or(0, |(_, calls)| calls / 10).max(1);
        for (index, (at, calls)) in self.taken.iter().enumerate() {
            let mut later = self.taken[index..].iter();
            if let Some((end, made)) = later.find(|(_, made)| *made >= calls + tenth) {
                let took = end.saturating_sub(*at).max(Duration::from_millis(1));
                if count(made - calls) / took.as_secs_f64() >= full {
                    return *at;
                }
            }
        }
        self.taken.last().map_or(Duration::ZERO, |(at, _)| *at)
    }
}

/// A subscriber that notes when it hears of which event.
pub(super) struct Neighbour {
    pub(super) url: String,
    heard: Arc<Mutex<HashMap<u64, Instant>>>,
    server: JoinHandle<()>,
}

#[derive(Deserialize)]
struct Event {
    n: u64,
}

impl Neighbour {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let heard = Arc::new(Mutex::default());
        let app = Router::new()
            .route("/", post(hear))
            .with_state(Arc::clone(&heard));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let server = tokio::spawn(async move {
            // Ends when the task is aborted.
            drop(axum::serve(listener, app).await);
        });
        Ok(Self { url, heard, server })
    }

    pub(super) fn forget(&self) {
        self.heard.lock().clear();
    }

    /// Waits until it has heard of so many.
    pub(super) async fn all(&self, events: u64) -> anyhow::Result<HashMap<u64, Instant>> {
        let until = Instant::now() + PATIENCE;
        loop {
            let heard = self.heard.lock().len();
            if heard as u64 == events {
                return Ok(std::mem::take(&mut *self.heard.lock()));
            }
            ensure!(
                Instant::now() < until,
                "the neighbour heard of {heard} of {events} events"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn hear(State(heard): State<Arc<Mutex<HashMap<u64, Instant>>>>, Json(event): Json<Event>) {
    heard.lock().entry(event.n).or_insert_with(Instant::now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_rate_begins_after_the_pause() {
        let mut samples = Samples::begin(0);
        let second = |at: u64| Duration::from_millis(at * 100);
        samples.taken = (0..40).map(|at| (second(at), 0)).collect();
        samples
            .taken
            .extend((0..=100).map(|at| (second(40 + at), at * 10)));
        assert!((samples.rate() - 100.0).abs() < 1.0, "{}", samples.rate());
        let full = samples.until_full();
        assert!((second(37)..=second(41)).contains(&full), "{full:?}");
    }
}
