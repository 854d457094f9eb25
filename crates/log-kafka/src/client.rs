//! What librdkafka has to say goes to the log of the process.

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

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
