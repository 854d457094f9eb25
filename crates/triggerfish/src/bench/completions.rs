//! Completions as they are read from outside, by the HTTP API.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use triggerfish_core::Timestamp;

use super::child::Child;
use crate::client::RecordsPage;

const TOPIC: &str = "completions";
const PAGE: u64 = 1_000;
const POLL: Duration = Duration::from_secs(1);
/// How long the next completion may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A place in the topic of completions.
pub(super) struct Follower {
    cursor: String,
}

/// A completion that has been read.
pub(super) struct Seen {
    /// When it was here.
    pub(super) at: Instant,
    /// The same by the clock.
    pub(super) clock: Timestamp,
    pub(super) completion: Completion,
}

#[derive(Debug, Deserialize)]
pub(super) struct Completion {
    pub(super) id: String,
    pub(super) outcome: String,
    pub(super) created: String,
}

#[derive(Deserialize)]
struct Record {
    value: Completion,
}

impl Follower {
    /// Begins behind what there is now.
    pub(super) async fn at_end(child: &Child) -> anyhow::Result<Self> {
        let page = child.client().records(TOPIC, "end", 1, Duration::ZERO);
        let cursor = page.await?.cursor;
        Ok(Self { cursor })
    }

    /// Reads until there are `count` completions, by id. The first may take `wait` longer
    /// than those after it.
    pub(super) async fn read(
        &mut self,
        child: &Child,
        count: usize,
        wait: Duration,
        mut progress: impl FnMut(usize),
    ) -> anyhow::Result<HashMap<String, Seen>> {
        let mut seen = HashMap::new();
        let mut until = Instant::now() + wait + PATIENCE;
        while seen.len() < count {
            ensure!(
                Instant::now() < until,
                "no further completion after {} of {count}",
                seen.len()
            );
            let page = child.client().records(TOPIC, &self.cursor, PAGE, POLL);
            let RecordsPage { records, cursor } = page.await?;
            let (at, clock) = (Instant::now(), now());
            self.cursor = cursor;
            for record in &records {
                let record: Record = serde_json::from_str(record.get())?;
                let completion = record.value;
                let id = completion.id.clone();
                let before = seen.insert(
                    id,
                    Seen {
                        at,
                        clock,
                        completion,
                    },
                );
                ensure!(before.is_none(), "an invocation has two completions");
            }
            if !records.is_empty() {
                until = at + PATIENCE;
            }
            progress(seen.len());
        }
        Ok(seen)
    }
}

impl Seen {
    /// How long after the deadline it was here, if invocations are open for `within`.
    pub(super) fn lateness(&self, within: Duration) -> anyhow::Result<Duration> {
        let created = Timestamp::parse(&self.completion.created);
        let deadline = created.context("a completion has no time")?.after(within);
        Ok(deadline.until(self.clock))
    }
}

fn now() -> Timestamp {
    use triggerfish_runtime::{Clock as _, SystemClock};
    SystemClock.now()
}
