//! What librdkafka's errors mean to the log.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use triggerfish_log::LogError;

/// An operation that may succeed later.
pub(crate) fn unavailable(doing: &str, error: &KafkaError) -> LogError {
    LogError::Unavailable {
        reason: format!("{doing}: {error}"),
    }
}

/// Why a client could not be made: it is always a setting. The value is left out, since it may be
/// a password.
pub(crate) fn misconfigured(error: &KafkaError) -> LogError {
    let reason = match error {
        KafkaError::ClientConfig(_, what, property, _) => {
            format!("kafka.{property:?} can't be used: {what}; correct or remove it")
        }
        error => format!(
            "the Kafka client can't be set up: {error}; look at the properties under [kafka]"
        ),
    };
    LogError::Refused { reason }
}

/// librdkafka's code, where the error has one.
pub(crate) fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::Transaction(error) => Some(error.code()),
        error => error.rdkafka_error_code(),
    }
}

/// The client itself can't be used any more.
pub(crate) fn is_fatal(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => error.is_fatal(),
        KafkaError::MessageConsumptionFatal(_) => true,
        error => matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::Fenced)
        ),
    }
}
