//! Says on the topic `workers` that this process is there and what runs in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use triggerfish_core::Timestamp;
use triggerfish_log::{Appender, EventLog, LogError, NewRecord, Offset, Partition, Reader, Topic};
use triggerfish_runtime::{Clock, Handle, Topics};

use crate::{
    announcement::{Announcement, Claim, Figures, HEARTBEAT},
    directory::tombstone,
    join::Process,
};

/// The longest wait for figures; a heartbeat matters more.
const FIGURES_WAIT: Duration = Duration::from_secs(1);
/// The longest wait until the last word is durable.
const LAST_WORD_WAIT: Duration = Duration::from_secs(2);

/// See the head of the file.
pub(crate) struct Announcer<L: EventLog> {
    log: L,
    appender: L::Appender,
    topics: Topics,
    process: Process,
    handle: Option<Handle>,
    started: Timestamp,
    clock: Arc<dyn Clock>,
    claims: BTreeMap<Partition, Held>,
    /// As of the last heartbeat.
    figures: BTreeMap<Partition, Figures>,
}

/// What is known of a partition that runs here.
#[derive(Clone, Copy)]
struct Held {
    since: Timestamp,
    /// Where it was said first, once that is known.
    claimed_at: Option<Offset>,
}

impl<L: EventLog> Announcer<L> {
    pub(crate) fn new(
        log: L,
        appender: L::Appender,
        topics: Topics,
        process: Process,
        handle: Option<Handle>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            log,
            appender,
            topics,
            process,
            handle,
            started: clock.now(),
            clock,
            claims: BTreeMap::new(),
            figures: BTreeMap::new(),
        }
    }

    /// Announces until `stop`, then takes leave.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), LogError> {
        let mut running = self.handle.as_ref().map(Handle::running);
        let announcing = async {
            loop {
                let runs = running
                    .as_mut()
                    .map(|runs| runs.borrow_and_update().clone());
                match self.announce(runs.unwrap_or_default()).await {
                    Err(error) if !error.is_retryable() => return Err(error),
                    Err(error) => {
                        tracing::warn!(%error, "this process could not announce itself, trying again");
                    }
                    Ok(()) => {}
                }
                if !next_occasion(&mut running).await {
                    running = None;
                }
            }
        };
        let ended = stop.run_until_cancelled(announcing).await;
        self.take_leave().await;
        ended.unwrap_or(Ok(()))
    }

    async fn announce(&mut self, runs: BTreeSet<Partition>) -> Result<(), LogError> {
        let now = self.clock.now();
        // A new claim is waited for by others, so it goes out without new figures.
        if self.claims.keys().eq(&runs) {
            let figures = tokio::time::timeout(FIGURES_WAIT, self.figures()).await;
            self.figures = figures.unwrap_or_default();
        }
        self.claims.retain(|partition, _| runs.contains(partition));
        for partition in runs {
            self.claims.entry(partition).or_insert(Held {
                since: now,
                claimed_at: None,
            });
        }
        let claims = self.claims.iter().map(|(partition, held)| Claim {
            partition: partition.0,
            since: held.since,
            claimed_at: held.claimed_at.map(|offset| offset.0),
            figures: self.figures.get(partition).copied(),
        });
        let announcement = Announcement {
            instance: self.process.instance.clone(),
            roles: self.process.roles.clone(),
            url: self.process.url.clone(),
            started: self.started,
            version: self.process.version.clone(),
            partitions: claims.collect(),
        };
        let value = serde_json::to_vec(&announcement)
            .expect("an announcement has text keys and nothing that can't be JSON");
        let record = NewRecord {
            value: Some(Bytes::from(value)),
            ..self.last_word()
        };
        let places = self.appender.append(vec![record]).await?;
        let place = places.first().map(|(_, offset)| *offset);
        for held in self.claims.values_mut() {
            held.claimed_at = held.claimed_at.or(place);
        }
        Ok(())
    }

    /// How the partitions are doing; those that can't be asked are left out.
    async fn figures(&self) -> BTreeMap<Partition, Figures> {
        let mut figures = BTreeMap::new();
        let Some(handle) = self.handle.as_ref().filter(|_| !self.claims.is_empty()) else {
            return figures;
        };
        let Ok(mut reader) = self.log.open_reader().await else {
            return figures;
        };
        for status in handle.status().await {
            let topic: &Topic = &self.topics.invocation_log;
            if let Ok(bounds) = reader.bounds(topic, status.partition).await {
                let from = status.position.max(bounds.first.0);
                let found = Figures {
                    position: status.position,
                    lag: bounds.end.0.saturating_sub(from),
                    open: status.open,
                    queued: status.queued,
                    requested: status.tally.requested,
                    completed: status.tally.completed,
                    failed: status.tally.failed + status.tally.expired,
                };
                figures.insert(status.partition, found);
            }
        }
        figures
    }

    /// From here on nobody asks this process any more.
    async fn take_leave(&self) {
        let leave = self.appender.append(vec![self.last_word()]);
        match tokio::time::timeout(LAST_WORD_WAIT, leave).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "this process could not take leave"),
            Err(_) => tracing::warn!("this process could not take leave in time"),
        }
    }

    fn last_word(&self) -> NewRecord {
        tombstone(&self.topics.workers, self.process.instance.clone())
    }
}

/// Waits until something else runs here or a heartbeat is due; `false` when the loop has
/// ended and nothing will run any more.
async fn next_occasion(running: &mut Option<watch::Receiver<BTreeSet<Partition>>>) -> bool {
    let changed = async {
        match running {
            Some(running) => running.changed().await.is_ok(),
            None => std::future::pending().await,
        }
    };
    tokio::time::timeout(HEARTBEAT, changed)
        .await
        .unwrap_or(true)
}
