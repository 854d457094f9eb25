//! Asks another process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use triggerfish_core::{ActionState, keys::ServerKeys};
use triggerfish_ops::metrics;
use triggerfish_runtime::Clock;
use triggerfish_wire::peer::PartFound;

use crate::{
    answers::{ACTION, INVOCATION, PARTS},
    local::Refusal,
    pass,
    transport::Transport,
};

/// Questions to other processes.
pub(crate) struct Remote {
    transport: Arc<dyn Transport>,
    keys: ServerKeys,
    clock: Arc<dyn Clock>,
}

impl Remote {
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        keys: ServerKeys,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            transport,
            keys,
            clock,
        }
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
        let question = Request::post(format!("{url}{path}"))
            .header(pass::HEADER, pass)
            .body(Bytes::from(body))
            .map_err(|_| failed("the address that it announced is no URL"))?;
        let answer = tokio::time::timeout(patience, self.transport.carry(question)).await;
        let answer = match answer {
            Err(_) => Err(failed("no answer in time")),
            Ok(Err(reason)) => Err(failed(&reason)),
            Ok(Ok(answer)) => match answer.status() {
                StatusCode::OK => Ok(answer.into_body()),
                StatusCode::MISDIRECTED_REQUEST => Err(Refusal::NotMine),
                status => Err(failed(&format!("it answered {status}"))),
            },
        };
        let result = match &answer {
            Ok(_) => "answered",
            Err(Refusal::NotMine) => "not_mine",
            Err(Refusal::Failed(_)) => "failed",
        };
        metrics::peer_call(result, began.elapsed());
        answer
    }
}

fn failed(reason: &(impl ToString + ?Sized)) -> Refusal {
    Refusal::Failed(reason.to_string())
}
