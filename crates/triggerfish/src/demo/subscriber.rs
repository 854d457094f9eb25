//! The applications of the demo: an HTTP server that answers as three of them would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

/// Decides about access requests, later, by callback.
pub(super) const APPROVALS: &str = "approvals";
/// Names a further approver, at once.
pub(super) const APPROVERS: &str = "approvers";
/// Is told about new people; its first answer is that it is busy.
pub(super) const JOINERS: &str = "joiners";

/// How long the demo waits for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// The running server.
pub(super) struct Subscriber {
    address: SocketAddr,
    seen: mpsc::UnboundedReceiver<Seen>,
    http: reqwest::Client,
    server: JoinHandle<()>,
}

/// A request that came, and how it was answered.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) application: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) status: StatusCode,
    pub(super) answer: Option<Value>,
}

#[derive(Clone)]
struct Applications {
    seen: mpsc::UnboundedSender<Seen>,
    was_busy: Arc<AtomicBool>,
}

impl Subscriber {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let (sender, seen) = mpsc::unbounded_channel();
        let applications = Applications {
            seen: sender,
            was_busy: Arc::new(AtomicBool::new(false)),
        };
        let app = Router::new()
            .route("/{application}", post(receive))
            .with_state(applications);
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("the subscriber can't listen")?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            // Ends when the task is aborted.
            drop(axum::serve(listener, app).await);
        });
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()?;
        Ok(Self {
            address,
            seen,
            http,
            server,
        })
    }

    pub(super) fn url(&self, application: &str) -> String {
        format!("http://{}/{application}", self.address)
    }

    /// The next request, which must be for `application`.
    pub(super) async fn next(&mut self, application: &str) -> anyhow::Result<Seen> {
        let seen = tokio::time::timeout(PATIENCE, self.seen.recv())
            .await
            .ok()
            .flatten()
            .with_context(|| format!("nobody called {application} within {PATIENCE:?}"))?;
        anyhow::ensure!(
            seen.application == application,
            "{} was called instead of {application}",
            seen.application
        );
        Ok(seen)
    }

    /// Whether there is a request that nobody has looked at.
    pub(super) fn has_unseen(&mut self) -> bool {
        !self.seen.is_empty()
    }

    /// Posts a result to where the request said; gives the status of the answer.
    pub(super) async fn call_back(&self, url: &str, body: &Value) -> anyhow::Result<StatusCode> {
        let call = self
            .http
            .post(url)
            .header("content-type", "application/json");
        let answer = call
            .body(body.to_string())
            .send()
            .await
            .context("the callback failed")?;
        Ok(answer.status())
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(
    State(applications): State<Applications>,
    Path(application): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (status, answer) = match application.as_str() {
        APPROVALS => (StatusCode::OK, Some(json!({}))),
        APPROVERS => (StatusCode::OK, Some(approver())),
        JOINERS if !applications.was_busy.swap(true, Ordering::SeqCst) => {
            (StatusCode::SERVICE_UNAVAILABLE, None)
        }
        JOINERS => (StatusCode::NO_CONTENT, None),
        _ => (StatusCode::NOT_FOUND, None),
    };
    let response = match &answer {
        Some(json) => (
            status,
            [(CONTENT_TYPE, "application/json")],
            json.to_string(),
        )
            .into_response(),
        None => status.into_response(),
    };
    // Nobody listens any more when the demo has failed.
    drop(applications.seen.send(Seen {
        application,
        headers,
        body,
        status,
        answer,
    }));
    response
}

/// What the application for approvers answers.
pub(super) fn approver() -> Value {
    json!({
        "id": "57c6b61dc1891c508e0a3f85c00bee65",
        "name": "Finance Data Owners",
        "type": "GOVERNANCE_GROUP",
    })
}
