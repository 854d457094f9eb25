//! The service of this case: a process of its own, so that its memory is its own, too, and
//! that what subscribers do to sockets and the processor comes from another process.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json, value::RawValue};

use super::Settings;
use crate::{
    bench::{child::Child, load::event},
    client::Request,
};

/// The trigger of all subscribers that are of no use.
pub(super) const DEAD_TRIGGER: &str = "bench:dead";

/// How long the last completions may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// The largest answer that the service reads.
pub(super) const ANSWER_BYTES_MAX: u32 = 1 << 20;
/// The number of the first event for them: other events never get there.
const FIRST_DEAD: u64 = 1 << 40;

/// The trigger of this one of those that answer.
pub(super) fn healthy_trigger(number: u32) -> String {
    format!("bench:healthy-{number}")
}

pub(super) struct Service {
    pub(super) child: Child,
    /// Numbers the events of those that are of no use.
    next: AtomicU64,
}

impl Service {
    pub(super) async fn start(folder: &Path, settings: &Settings) -> anyhow::Result<Self> {
        let dead_most = settings.dead.iter().max().copied().unwrap_or(1);
        let timeout = settings.call_timeout.as_secs_f64();
        let told = [
            (
                "limits.subscriptions_per_request_response",
                dead_most.to_string(),
            ),
            (
                "delivery.response_limit_bytes",
                ANSWER_BYTES_MAX.to_string(),
            ),
            ("delivery.max_in_flight", settings.in_flight.to_string()),
            ("delivery.call_timeout", format!("PT{timeout}S")),
            // Nobody is to be spared because the breaker holds the dead ones down.
            ("delivery.breaker_failures", "0".to_owned()),
        ];
        let service = Self {
            child: Child::start(folder, &told).await?,
            next: AtomicU64::new(FIRST_DEAD),
        };
        service.declare(DEAD_TRIGGER).await?;
        for number in 0..settings.healthy {
            service.declare(&healthy_trigger(number)).await?;
        }
        Ok(service)
    }

    async fn declare(&self, trigger: &str) -> anyhow::Result<()> {
        let body = json!({
            "name": trigger, "type": "REQUEST_RESPONSE",
            "inputSchema": {"type": "object"}, "exampleInput": {},
            "outputSchema": {"type": "object"}, "exampleOutput": {},
        });
        let path = ["triggers", "v1", trigger];
        self.child.client().call(Request::put(&path, &body)).await?;
        Ok(())
    }

    /// Gives the id of the subscription.
    pub(super) async fn subscribe(
        &self,
        trigger: &str,
        name: &str,
        url: &str,
    ) -> anyhow::Result<String> {
        let body = json!({
            "triggerId": trigger, "name": name, "type": "HTTP",
            "httpConfig": {
                "url": url, "httpDispatchMode": "SYNC", "httpAuthenticationType": "NO_AUTH",
            },
        });
        let path = ["trigger-subscriptions", "v1"];
        let created: Value = self
            .child
            .client()
            .fetch(Request::post(&path, &body))
            .await?;
        Ok(created["id"].as_str().unwrap_or_default().to_owned())
    }

    pub(super) async fn unsubscribe(&self, id: &str) -> anyhow::Result<()> {
        let path = ["trigger-subscriptions", "v1", id];
        self.child.client().call(Request::delete(&path)).await?;
        Ok(())
    }

    /// Hands in the event with this number.
    pub(super) async fn send(&self, trigger: &str, number: u64) -> anyhow::Result<()> {
        let event = RawValue::from_string(event(number))?;
        let id = number.to_string();
        let request = Request::post(&["cloudevents"], &event)
            .header("ce-specversion", Some("1.0"))
            .header("ce-source", Some("/bench"))
            .header("ce-type", Some(trigger))
            .header("ce-id", Some(&id));
        self.child.client().call(request).await?;
        Ok(())
    }

    /// Hands in an event for all that are of no use.
    pub(super) async fn send_to_dead(&self) -> anyhow::Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.send(DEAD_TRIGGER, number).await
    }

    /// Waits until so many invocations of any trigger have ended; more is an error.
    pub(super) async fn until_completed(&self, all: f64) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let name = "triggerfish_completions_emitted_total";
            let completed = self.child.metric(name).await?;
            ensure!(
                completed <= all,
                "{completed} completions of {all} invocations"
            );
            if completed >= all {
                return Ok(());
            }
            let took = began.elapsed();
            ensure!(
                took < PATIENCE,
                "only {completed} completions of {all} invocations"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Calls that are over.
    pub(super) async fn attempts(&self) -> anyhow::Result<f64> {
        self.child.metric("triggerfish_attempts_total").await
    }

    pub(super) async fn in_flight(&self) -> anyhow::Result<f64> {
        self.child.metric("triggerfish_calls_in_flight").await
    }

    pub(super) async fn queued(&self) -> anyhow::Result<f64> {
        self.child.metric("triggerfish_calls_queued").await
    }
}
