//! Plain appends by an idempotent producer.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use triggerfish_log::{Appender, LogError, NewRecord, Offset, Partition, WriterName};

use crate::client::{is_unknown_partition, look_at};
use crate::deliveries::{Call, Delivered, Deliveries, Producer};
use crate::error::{is_fatal, misconfigured, unavailable};
use crate::record::write;
use crate::shared::{Shared, blocking};

/// Pause while librdkafka's own queue is full.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(2);

/// Appends records. Cheap to clone; all appenders of a log share a connection and its batches.
#[derive(Clone)]
pub struct KafkaAppender {
    shared: Arc<Shared>,
    name: WriterName,
}

impl KafkaAppender {
    pub(crate) fn open(shared: Arc<Shared>, name: WriterName) -> Result<Self, LogError> {
        let appender = Self { shared, name };
        appender.producer()?;
        Ok(appender)
    }

    fn producer(&self) -> Result<Arc<Producer>, LogError> {
        let mut producer = self.shared.appending.0.lock();
        if let Some(producer) = &*producer {
            return Ok(Arc::clone(producer));
        }
        let config = self.shared.settings.appender();
        let made = config.create_with_context(Deliveries);
        let made = Arc::new(made.map_err(|error| misconfigured(&error))?);
        Ok(Arc::clone(producer.insert(made)))
    }

    /// Lets go of a producer that has failed for good; the next call makes another.
    fn discard(&self, failed: &Arc<Producer>) {
        let mut producer = self.shared.appending.0.lock();
        if producer
            .as_ref()
            .is_some_and(|now| Arc::ptr_eq(now, failed))
        {
            tracing::warn!(writer = %self.name, "the producer has failed for good; another one takes its place");
            *producer = None;
        }
    }

    /// Sends the records at these indexes and waits for all of them.
    async fn send_all(
        producer: &Producer,
        records: &[NewRecord],
        which: &[usize],
    ) -> Vec<Delivered> {
        let call = Call::new(which.len());
        for (place, index) in which.iter().enumerate() {
            if let Err(error) = Self::send(producer, &records[*index], &call, place).await {
                // Nobody else will say so: those behind it are not sent, to keep the order.
                (place..which.len()).for_each(|place| call.end(place, Err(error.clone())));
                break;
            }
        }
        call.delivered().await
    }

    async fn send(
        producer: &Producer,
        record: &NewRecord,
        call: &Arc<Call>,
        index: usize,
    ) -> Result<(), KafkaError> {
        let mut awaited = Box::new((Arc::clone(call), index));
        loop {
            // The record that is given back is not `Send`: it may not live across a wait.
            let refused = match producer.send(write(record, awaited)) {
                Ok(()) => return Ok(()),
                Err((error, given_back)) => (error, given_back.delivery_opaque),
            };
            if refused.0.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(refused.0);
            }
            awaited = refused.1;
            tokio::time::sleep(QUEUE_FULL_PAUSE).await;
        }
    }
}

impl Appender for KafkaAppender {
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<(Partition, Offset)>, LogError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let records = if self.shared.knows_all(&records) {
            self.shared.check_sizes(&records)?;
            records
        } else {
            let shared = Arc::clone(&self.shared);
            blocking(move || shared.check_all(&records).map(|()| records)).await?
        };
        let mut places = vec![Err(KafkaError::Canceled); records.len()];
        let mut open: Vec<usize> = (0..records.len()).collect();
        let mut is_first = true;
        let producer = self.producer()?;
        loop {
            let sent = Self::send_all(&producer, &records, &open).await;
            for (index, delivered) in open.iter().zip(sent) {
                places[*index] = delivered;
            }
            open.retain(|index| places[*index].as_ref().is_err_and(is_unknown_partition));
            if open.is_empty() || !is_first || is_overtaken(&records, &open, &places) {
                break;
            }
            // The topic has grown since the producer looked.
            is_first = false;
            let (asking, topic) = (Arc::clone(&producer), records[open[0]].topic.clone());
            blocking(move || look_at(&*asking, &topic)).await?;
        }
        let places: Result<Vec<_>, KafkaError> = places.into_iter().collect();
        places.map_err(|error| {
            if is_fatal(&error) {
                self.discard(&producer);
            }
            failed(&error, &records, &self.shared)
        })
    }
}

/// Whether a record behind one of `open` is in its partition already: sent again, that one would
/// come behind it.
fn is_overtaken(records: &[NewRecord], open: &[usize], places: &[Delivered]) -> bool {
    let place = |index: usize| (&records[index].topic, records[index].partition);
    let written = |index: &usize| places[*index].is_ok();
    open.iter().any(|index| {
        let mut behind = (index + 1..records.len()).filter(written);
        behind.any(|later| place(later) == place(*index))
    })
}

fn failed(error: &KafkaError, records: &[NewRecord], shared: &Shared) -> LogError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => LogError::TooLarge {
            what: "a record".to_owned(),
            bytes: records
                .iter()
                .map(NewRecord::payload_bytes)
                .max()
                .unwrap_or_default(),
            limit: shared.settings.record_bytes_max(),
            setting: "max.message.bytes of the topic",
        },
        // Deleted since it was looked at: the next call finds out by itself.
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
            for record in records {
                shared.forget(&record.topic);
            }
            unavailable("an append was not acknowledged", error)
        }
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => LogError::Refused {
            reason: "the broker does not let this user write to the topic: give it the right to"
                .to_owned(),
        },
        _ => unavailable("an append was not acknowledged", error),
    }
}

#[cfg(test)]
mod tests {
    use triggerfish_log::Topic;

    use super::*;

    #[test]
    fn what_was_overtaken_is_not_sent_again() {
        let record = |partition| NewRecord {
            topic: Topic::from("t"),
            partition: Partition(partition),
            key: None,
            value: None,
            headers: Vec::new(),
        };
        let records = [record(0), record(1), record(1)];
        let unknown = || {
            Err(KafkaError::MessageProduction(
                RDKafkaErrorCode::UnknownPartition,
            ))
        };
        let written = |partition| Ok((Partition(partition), Offset(0)));
        assert!(!is_overtaken(
            &records,
            &[1, 2],
            &[written(0), unknown(), unknown()]
        ));
        assert!(!is_overtaken(
            &records,
            &[0],
            &[unknown(), written(1), written(1)]
        ));
        assert!(is_overtaken(
            &records,
            &[1],
            &[written(0), unknown(), written(1)]
        ));
    }
}
