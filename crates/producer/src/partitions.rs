//! Tells the registry how many partitions the invocation log has, so that every
//! process cuts ids alike.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use triggerfish_core::{Timestamp, id::PARTITIONS_MAX};
use triggerfish_log::{EventLog, LogError, Topic, TopicSpec};
use triggerfish_registry::{ChangeError, Growth, Registry};
use triggerfish_runtime::{Clock, Topics};

/// How often the log is asked.
const INTERVAL: Duration = Duration::from_secs(5);
/// How often a growth is decided anew because another process wrote one.
const ATTEMPTS_MAX: usize = 5;
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Why the registry can't say how many partitions there are.
#[derive(Debug, thiserror::Error)]
pub enum PartitionsError {
    /// The log can't say.
    #[error("the partitions of the invocation log are not known")]
    Log(#[from] LogError),
    /// The registry can't be written to.
    #[error("the growth of the invocation log can't be recorded")]
    Registry(#[source] ChangeError),
    /// Ids can't name all partitions.
    #[error(
        "topic {topic} has {partitions} partitions, but ids of invocations name at most {PARTITIONS_MAX}: make it anew with fewer"
    )]
    TooMany {
        /// The invocation log.
        topic: Topic,
        /// Its partitions.
        partitions: u32,
    },
    /// The log is not the one that the registry was written for.
    #[error(
        "topic {topic} has {partitions} partitions, but the registry knows of {known}: give it back the partitions that it had, since ids name them"
    )]
    Shrunk {
        /// The invocation log.
        topic: Topic,
        /// Its partitions.
        partitions: u32,
        /// How many there were.
        known: u16,
    },
}

/// Watches the number of partitions of the invocation log.
pub struct PartitionWatch<L> {
    log: L,
    topic: Topic,
    /// Results stand under the number of their cause, so these grow with it.
    outputs: [Topic; 2],
    registry: Registry,
    clock: Arc<dyn Clock>,
    notice: Duration,
}

impl<L: EventLog> PartitionWatch<L> {
    /// A growth counts `notice` after it was seen: every process must know of it by then.
    pub fn new(
        log: L,
        topics: &Topics,
        registry: Registry,
        clock: Arc<dyn Clock>,
        notice: Duration,
    ) -> Self {
        Self {
            log,
            topic: topics.invocation_log.clone(),
            outputs: [topics.completions.clone(), topics.decisions.clone()],
            registry,
            clock,
            notice,
        }
    }

    /// Records a growth that the registry does not know of; the very first entry counts
    /// for all times. Several processes may do so at once: the first one counts.
    pub async fn record(&self) -> Result<(), PartitionsError> {
        let mut recorded = self.try_record().await;
        for _ in 1..ATTEMPTS_MAX {
            match &recorded {
                // Another process was quicker, with this growth or another, or has seen
                // one that is not told everywhere yet.
                Err(
                    PartitionsError::Registry(ChangeError::Invalid { .. } | ChangeError::Conflict)
                    | PartitionsError::Shrunk { .. },
                ) => tokio::time::sleep(RETRY_PAUSE).await,
                _ => break,
            }
            recorded = self.try_record().await;
        }
        recorded
    }

    async fn try_record(&self) -> Result<(), PartitionsError> {
        let partitions = self.log.partitions(&self.topic).await?;
        let topic = self.topic.clone();
        let Some(count) = u16::try_from(partitions)
            .ok()
            .filter(|count| *count <= PARTITIONS_MAX)
        else {
            return Err(PartitionsError::TooMany { topic, partitions });
        };
        let newest = self.registry.snapshot().growths().last().copied();
        let since = match newest {
            Some(newest) if newest.partitions == count => return Ok(()),
            Some(newest) if newest.partitions > count => {
                return Err(PartitionsError::Shrunk {
                    topic,
                    partitions,
                    known: newest.partitions,
                });
            }
            Some(newest) => {
                let after = newest.since.after(Duration::from_millis(1));
                self.clock.now().after(self.notice).max(after)
            }
            None => Timestamp::EPOCH,
        };
        self.grow_outputs(partitions).await?;
        let growth = Growth {
            since,
            partitions: count,
        };
        let recorded = self.registry.grow_partitions(growth).await;
        recorded.map_err(PartitionsError::Registry)?;
        tracing::info!(%topic, partitions, %since, "from then on ids are cut by so many partitions");
        Ok(())
    }

    /// Whoever gave the invocation log more partitions may not have thought of these.
    async fn grow_outputs(&self, partitions: u32) -> Result<(), LogError> {
        for output in &self.outputs {
            if self.log.partitions(output).await? >= partitions {
                continue;
            }
            let grown = TopicSpec {
                name: output.clone(),
                partitions,
                // How long it is kept is not our business here.
                retention: Some(Duration::ZERO),
                compacted: false,
            };
            self.log.ensure_topics(&[grown]).await?;
        }
        Ok(())
    }

    /// Records growths as they come, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let pause = || tokio::time::sleep(INTERVAL);
        while stop.run_until_cancelled(pause()).await.is_some() {
            if let Err(error) = self.record().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the number of partitions of the invocation log could not be checked"
                );
            }
        }
    }
}
