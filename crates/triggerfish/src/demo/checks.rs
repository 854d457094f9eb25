//! What the demo makes sure of before it shows it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::time::Instant;
use triggerfish_core::Secret;
use triggerfish_delivery::webhook;

use super::subscriber::{PATIENCE, Seen};
use crate::client::{Client, Request};

/// How often something is looked at that nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The completions that the demo has read from the topic.
pub(super) struct Completions {
    cursor: String,
    read: Vec<Value>,
}

impl Completions {
    pub(super) fn new() -> Self {
        Self {
            cursor: "beginning".to_owned(),
            read: Vec::new(),
        }
    }

    /// The completion of `invocation`, once it is on the topic.
    pub(super) async fn of(&mut self, client: &Client, invocation: &str) -> anyhow::Result<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = self.read.iter().find(|record| record["key"] == invocation);
            if let Some(record) = found {
                return Ok(record["value"].clone());
            }
            ensure!(
                Instant::now() < until,
                "no completion of {invocation} within {PATIENCE:?}"
            );
            self.read_on(client, Duration::from_secs(5)).await?;
        }
    }

    /// How many there are on the topic by now.
    pub(super) async fn count(&mut self, client: &Client) -> anyhow::Result<usize> {
        while self.read_on(client, Duration::ZERO).await? > 0 {}
        Ok(self.read.len())
    }

    async fn read_on(&mut self, client: &Client, wait: Duration) -> anyhow::Result<usize> {
        let page = client
            .records("completions", &self.cursor, 100, wait)
            .await?;
        self.cursor = page.cursor;
        let count = page.records.len();
        for record in page.records {
            self.read.push(serde_json::from_str(record.get())?);
        }
        Ok(count)
    }
}

/// The invocation in detail, once it is in this phase.
pub(super) async fn in_phase(
    client: &Client,
    invocation: &str,
    phase: &str,
) -> anyhow::Result<Value> {
    let until = Instant::now() + PATIENCE;
    let path = ["trigger-invocations", "v1", invocation];
    loop {
        let found: Value = client.fetch(Request::get(&path)).await?;
        if found["phase"] == phase {
            return Ok(found);
        }
        ensure!(
            Instant::now() < until,
            "the invocation is {} and not {phase} within {PATIENCE:?}",
            found["phase"]
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A header of a request that must be there.
pub(super) fn header<'a>(seen: &'a Seen, name: &str) -> anyhow::Result<&'a str> {
    let value = seen.headers.get(name).and_then(|value| value.to_str().ok());
    value.with_context(|| format!("the request has no header {name}"))
}

/// Whether the request is signed with the subscription's secret, as its owner checks
/// it (Standard Webhooks).
pub(super) fn is_signed(seen: &Seen, secret: &Secret) -> anyhow::Result<bool> {
    let timestamp = header(seen, webhook::TIMESTAMP)?.parse()?;
    let id = header(seen, webhook::ID)?;
    let expected = webhook::sign(std::slice::from_ref(secret), id, timestamp, &seen.body)?;
    Ok(header(seen, webhook::SIGNATURE)?
        .split(' ')
        .any(|given| given == expected))
}
