//! A subscriber that answers at once and keeps how some of its calls can be completed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, header::CONTENT_TYPE},
    routing::post,
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

/// What it takes to complete an invocation, and to ask for it.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) id: String,
    /// Empty where there is nothing to complete.
    pub(super) secret: String,
}

/// The running subscriber.
pub(super) struct Tickets {
    pub(super) url: String,
    pub(super) calls: Arc<AtomicU64>,
    kept: Arc<Mutex<Vec<Ticket>>>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Keeper {
    calls: Arc<AtomicU64>,
    kept: Arc<Mutex<Vec<Ticket>>>,
    every: u64,
}

/// Who owes nothing after its answer gets no secret.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Called {
    #[serde(rename = "_metadata")]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    secret: String,
}

impl Tickets {
    /// Keeps one ticket of so many calls.
    pub(super) async fn start(every: u64) -> anyhow::Result<Self> {
        let (calls, kept) = (Arc::default(), Arc::default());
        let keeper = Keeper {
            calls: Arc::clone(&calls),
            kept: Arc::clone(&kept),
            every,
        };
        let app = Router::new().route("/", post(answer)).with_state(keeper);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let server = tokio::spawn(async move {
            // Ends when the task is aborted.
            drop(axum::serve(listener, app).await);
        });
        Ok(Self {
            url,
            calls,
            kept,
            server,
        })
    }

    /// Takes all tickets kept.
    pub(super) fn take_all(&self) -> Vec<Ticket> {
        std::mem::take(&mut *self.kept.lock())
    }

    /// Takes `count` of the tickets kept, from all over the time of the calls.
    pub(super) fn take(&self, count: u64) -> anyhow::Result<Vec<Ticket>> {
        let mut kept = self.take_all();
        let count = usize::try_from(count)?;
        ensure!(kept.len() >= count, "{} tickets of {count}", kept.len());
        let apart = kept.len() / count.max(1);
        let taken: Vec<Ticket> = kept.drain(..).step_by(apart.max(1)).take(count).collect();
        Ok(taken)
    }
}

impl Drop for Tickets {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Keeper {
    /// The ticket of a call.
    fn ticket(headers: &HeaderMap, body: &[u8]) -> anyhow::Result<Ticket> {
        let id = headers.get("webhook-id").context("a call has no id")?;
        let called: Called = serde_json::from_slice(body)?;
        Ok(Ticket {
            id: id.to_str()?.to_owned(),
            secret: called.metadata.secret,
        })
    }
}

async fn answer(
    State(keeper): State<Keeper>,
    headers: HeaderMap,
    body: Bytes,
) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    let number = keeper.calls.fetch_add(1, Ordering::Relaxed);
    if number.is_multiple_of(keeper.every)
        && let Ok(ticket) = Keeper::ticket(&headers, &body)
    {
        keeper.kept.lock().push(ticket);
    }
    let answer = json!({"approved": true}).to_string();
    ([(CONTENT_TYPE, "application/json")], answer)
}
