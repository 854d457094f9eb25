//! The subscriber of the measurements: answers at once, does nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::{Router, body::Bytes, extract::State, http::header::CONTENT_TYPE, routing::post};
use tokio::{net::TcpListener, task::JoinHandle};

/// A running sink.
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    pub(super) calls: Arc<AtomicU64>,
    server: JoinHandle<()>,
}

impl Sink {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let calls = Arc::new(AtomicU64::new(0));
        let app = Router::new()
            .route("/", post(answer))
            .with_state(Arc::clone(&calls));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            // Ends when the task is aborted.
            drop(axum::serve(listener, app).await);
        });
        Ok(Self {
            address,
            calls,
            server,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(calls): State<Arc<AtomicU64>>,
    _: Bytes,
) -> ([(axum::http::HeaderName, &'static str); 1], &'static str) {
    calls.fetch_add(1, Ordering::Relaxed);
    ([(CONTENT_TYPE, "application/json")], "{\"approved\":true}")
}
