//! The producer: takes events in, checks them, and fans each out to one request per
//! matching subscription.
//!
//! [`Intake`] decides what an event means, in one place for all faces; [`Ingest`]
//! is its face for HTTP, [`Upstream`] the one for topics. An event is acknowledged when
//! all its requests are durable. [`PartitionWatch`] sees to it that all processes cut
//! ids alike when the invocation log grows.

mod action_intake;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod ingest;
mod intake;
mod partitions;
mod upstream;

pub use action_intake::{ActionIntake, ActionSettings};
pub use gate::Gate;
pub use ingest::Ingest;
pub use intake::{Intake, IntakeSettings};
pub use partitions::{PartitionWatch, PartitionsError};
pub use upstream::{Content, Intakes, Upstream, UpstreamSettings};
