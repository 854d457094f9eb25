//! The log on Apache Kafka, by librdkafka: the engine for many processes.
//!
//! [`KafkaLog`] implements the traits of `triggerfish-log` and passes the same conformance suite
//! as the embedded engine. Start reading at `session`: one thread owns a consumer and a
//! transactional producer, and everything that must not happen at the same time happens there.
//!
//! Settings on which correctness rests are fixed in `settings`; every other property of librdkafka
//! is the operator's. Only this crate names rdkafka, and nothing it exports shows it.

mod appender;
mod client;
mod deliveries;
mod engine;
mod error;
mod reader;
mod record;
mod session;
mod settings;
mod shared;
mod topics;

pub use appender::KafkaAppender;
pub use engine::KafkaLog;
pub use reader::KafkaReader;
pub use session::KafkaSession;
pub use settings::KafkaSettings;
