//! Asks another process by HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use bytes::Bytes;
use triggerfish_core::{ActionState, keys::ServerKeys};
use triggerfish_ops::metrics;
use triggerfish_runtime::Clock;
use triggerfish_wire::peer::PartFound;

use crate::{
    answers::{ACTION, INVOCATION, PARTS},
    local::Refusal,
    pass,
};

/// On the network that the processes share, a host that does not take a connection in
/// this time is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Answers are cut below this, save for a first row that is larger than allowed by half.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How long a connection is kept that nothing is asked on: less than the 75 s after which the
/// other side closes it, so that no question meets one that is just being closed.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Connections to other processes.
pub(crate) struct Remote {
    http: reqwest::Client,
    keys: ServerKeys,
    clock: Arc<dyn Clock>,
}

impl Remote {
    /// No proxy and no redirect: what is asked stays among the processes.
    pub(crate) fn new(keys: ServerKeys, clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        // The client takes the provider of the process; one that is there already will do.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, keys, clock })
    }

    /// Asks for one invocation.
    pub(crate) async fn invocation(
        &self,
        url: &str,
        wanted: Vec<u8>,
        patience: Duration,
    ) -> Result<Option<triggerfish_core::Invocation>, Refusal> {
        let answer = self.ask(url, INVOCATION, wanted, patience).await?;
        triggerfish_wire::peer::decode_found(answer).map_err(|error| failed(&error))
    }

    /// Asks for parts of lists.
    pub(crate) async fn parts(
        &self,
        url: &str,
        wanted: Vec<u8>,
        patience: Duration,
    ) -> Result<Vec<PartFound>, Refusal> {
        let answer = self.ask(url, PARTS, wanted, patience).await?;
        triggerfish_wire::peer::decode_parts(answer).map_err(|error| failed(&error))
    }

    /// Asks for one action.
    pub(crate) async fn action(
        &self,
        url: &str,
        wanted: Vec<u8>,
        patience: Duration,
    ) -> Result<Option<Arc<ActionState>>, Refusal> {
        let answer = self.ask(url, ACTION, wanted, patience).await?;
        let found = triggerfish_wire::peer::decode_action(answer);
        found
            .map(|found| found.map(Arc::new))
            .map_err(|error| failed(&error))
    }

    async fn ask(
        &self,
        url: &str,
        path: &'static str,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Bytes, Refusal> {
        let began = Instant::now();
        let pass = pass::sign(&self.keys, path, &body, self.clock.now());
        let request = self
            .http
            .post(format!("{url}{path}"))
            .header(pass::HEADER, pass)
            .body(body);
        let answer = tokio::time::timeout(patience, read(request)).await;
        let answer = answer.unwrap_or_else(|_| Err(failed("no answer in time")));
        let result = match &answer {
            Ok(_) => "answered",
            Err(Refusal::NotMine) => "not_mine",
            Err(Refusal::Failed(_)) => "failed",
        };
        metrics::peer_call(result, began.elapsed());
        answer
    }
}

async fn read(request: reqwest::RequestBuilder) -> Result<Bytes, Refusal> {
    let mut response = request.send().await.map_err(in_short)?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::MISDIRECTED_REQUEST => return Err(Refusal::NotMine),
        status => return Err(failed(&format!("it answered {status}"))),
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(in_short)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(failed("its answer is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

/// The cause, without the URL that is named beside it.
fn in_short(error: reqwest::Error) -> Refusal {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    failed(cause)
}

fn failed(reason: &(impl ToString + ?Sized)) -> Refusal {
    Refusal::Failed(reason.to_string())
}
