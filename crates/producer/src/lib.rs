//! The producer: takes events in, checks them, and fans each out to one request per
//! matching subscription.
//!
//! [`Intake`] decides what an event means, in one place for all faces; [`Ingest`]
//! is its face for HTTP, [`Upstream`] the one for topics. An event is acknowledged when
//! all its requests are durable. [`PartitionWatch`] sees to it that all processes cut
//! ids alike when the invocation log grows.

mod ingest;
mod intake;
mod partitions;
mod upstream;

pub use ingest::Ingest;
pub use intake::{Intake, IntakeSettings};
pub use partitions::{PartitionWatch, PartitionsError};
pub use upstream::{Upstream, UpstreamSettings};
