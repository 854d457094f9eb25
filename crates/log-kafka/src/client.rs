//! What librdkafka has to say goes to the log of the process.

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{Producer, ProducerContext};
use triggerfish_log::{LogError, Topic};

use crate::error::unavailable;
use crate::settings::ANSWER_WITHIN;

/// The context of clients that need no other.
#[derive(Default)]
pub(crate) struct Plain {
    said: Mutex<Option<Said>>,
}

/// What a client said last about why it reaches no broker.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) code: Option<RDKafkaErrorCode>,
    pub(crate) reason: String,
}

impl Plain {
    pub(crate) fn said(&self) -> Option<Said> {
        self.said.lock().clone()
    }
}

impl ClientContext for Plain {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        heard(&error, reason);
        let code = error.rdkafka_error_code();
        // That all of them are down follows what is wrong with one of them, and says less.
        if !matches!(
            code,
            Some(RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::AllBrokersDown)
        ) {
            let reason = reason.to_owned();
            *self.said.lock() = Some(Said { code, reason });
        }
    }
}

impl ConsumerContext for Plain {}

pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    // Each client is told all properties; that some are for others is no news.
    if facility == "CONFWARN" {
        return;
    }
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: "kafka", facility, "{message}");
        }
        // A lost connection is an error to librdkafka; it gets over it by itself.
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
            tracing::warn!(target: "kafka", facility, "{message}");
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "kafka", facility, "{message}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "kafka", facility, "{message}"),
    }
}

pub(crate) fn heard(error: &KafkaError, reason: &str) {
    // The end of a partition is told as an error, and is none.
    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
        return;
    }
    tracing::warn!(target: "kafka", %error, "{reason}");
}

/// The partition exists, but this client has not heard of it yet.
pub(crate) fn is_unknown_partition(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownPartition)
}

/// Has the producer learn the partitions of `topic`. Blocks.
pub(crate) fn look_at<C: ProducerContext>(
    producer: &impl Producer<C>,
    topic: &Topic,
) -> Result<(), LogError> {
    let looked = producer
        .client()
        .fetch_metadata(Some(topic.as_str()), ANSWER_WITHIN);
    looked
        .map(drop)
        .map_err(|error| unavailable("looking at a topic", &error))
}
