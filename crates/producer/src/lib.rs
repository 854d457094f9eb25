//! The producer: takes events in, checks them, and fans each out to one request per
//! matching subscription.
//!
//! [`Intake`] decides what an event means, in one place for all faces; [`Ingest`]
//! is its face for HTTP, [`Upstream`] the one for the `trigger-events` topic.
//! An event is acknowledged when all its requests are durable.

mod ingest;
mod intake;
mod upstream;

pub use ingest::Ingest;
pub use intake::{Intake, IntakeSettings};
pub use upstream::{Upstream, UpstreamSettings};
