//! Tests of the log on Kafka.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod conformance;
