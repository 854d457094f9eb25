//! Writes observations into the invocation log.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use triggerfish_core::{InvocationId, Observation};
use triggerfish_log::{Appender, LogError, NewRecord, Offset, Partition, Topic};
use triggerfish_wire::envelope;

use crate::clock::Clock;

/// Appends observations. Cheap to clone.
pub struct Observer<A> {
    appender: A,
    topic: Topic,
    clock: Arc<dyn Clock>,
}

impl<A: Clone> Clone for Observer<A> {
    fn clone(&self) -> Self {
        Self {
            appender: self.appender.clone(),
            topic: self.topic.clone(),
            clock: Arc::clone(&self.clock),
        }
    }
}

/// The record of one observation, stamped with the time `clock` tells.
#[must_use]
pub fn observation_record(
    topic: &Topic,
    id: InvocationId,
    clock: &dyn Clock,
    observation: &Observation,
) -> NewRecord {
    NewRecord {
        topic: topic.clone(),
        partition: Partition(u32::from(id.partition())),
        key: Some(Bytes::copy_from_slice(id.as_bytes())),
        value: Some(envelope::encode(id, clock.now(), observation)),
        headers: Vec::new(),
    }
}

impl<A: Appender> Observer<A> {
    /// Observations go to `topic` by `appender`.
    pub fn new(appender: A, topic: Topic, clock: Arc<dyn Clock>) -> Self {
        Self {
            appender,
            topic,
            clock,
        }
    }

    /// Appends one observation; returns where it stands, once it is durable.
    pub async fn append(
        &self,
        id: InvocationId,
        observation: &Observation,
    ) -> Result<Offset, LogError> {
        let record = observation_record(&self.topic, id, &*self.clock, observation);
        let places = self.appender.append(vec![record]).await?;
        places
            .first()
            .map(|(_, offset)| *offset)
            .ok_or_else(|| LogError::Unavailable {
                reason: "the append returned no offset".into(),
            })
    }

    /// Appends until it succeeds or the log is closed for good. Safe to repeat: the
    /// fold ignores an observation that comes twice.
    pub async fn append_surely(
        &self,
        id: InvocationId,
        observation: &Observation,
    ) -> Result<Offset, LogError> {
        const PAUSE_MAX: Duration = Duration::from_secs(2);
        let mut pause = Duration::from_millis(20);
        loop {
            match self.append(id, observation).await {
                Err(error) if error.is_retryable() => {
                    tracing::warn!(invocation = %id, %error, "append failed, trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                result => return result,
            }
        }
    }
}
