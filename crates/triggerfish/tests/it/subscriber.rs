//! A subscriber on this host that acknowledges everything and keeps what it got.

use std::net::SocketAddr;
use std::sync::mpsc;

use axum::{Json, Router, body::Bytes, extract::State, routing::post};
use serde_json::{Value, json};

use crate::program::PATIENCE;

pub(crate) struct Subscriber {
    pub(crate) url: String,
    calls: mpsc::Receiver<Value>,
    _runtime: tokio::runtime::Runtime,
}

impl Subscriber {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (sender, calls) = mpsc::channel();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let app = Router::new().route("/", post(receive)).with_state(sender);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            url: format!("http://{address}/"),
            calls,
            _runtime: runtime,
        }
    }

    /// The body of the next call.
    pub(crate) fn next(&self) -> Value {
        self.calls
            .recv_timeout(PATIENCE)
            .expect("the subscriber is called")
    }

    pub(crate) fn was_called(&self) -> bool {
        self.calls.try_recv().is_ok()
    }
}

async fn receive(State(calls): State<mpsc::Sender<Value>>, body: Bytes) -> Json<Value> {
    drop(calls.send(serde_json::from_slice(&body).unwrap()));
    Json(json!({}))
}
