//! Tests of the log on Kafka.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod aborted;
mod conformance;
mod copying;
mod deaths;
mod lines;
mod positions;
mod secured;
mod stage;
mod topics;
mod waits;
