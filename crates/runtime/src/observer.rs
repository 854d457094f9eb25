//! Writes observations into the invocation log.

use std::sync::Arc;

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
        let record = self.record(id, observation);
        let places = self.appender.append(vec![record]).await?;
        places
            .first()
            .map(|(_, offset)| *offset)
            .ok_or_else(|| LogError::Unavailable {
                reason: "the append returned no offset".into(),
            })
    }

    /// The record of an observation that is made now.
    pub fn record(&self, id: InvocationId, observation: &Observation) -> NewRecord {
        observation_record(&self.topic, id, &*self.clock, observation)
    }

    /// Appends such records; they are durable then. Safe to repeat: the fold ignores an
    /// observation that comes twice.
    pub async fn append_all(&self, records: Vec<NewRecord>) -> Result<(), LogError> {
        self.appender.append(records).await.map(drop)
    }
}
