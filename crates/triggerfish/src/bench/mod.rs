//! Measures against a reference in the same run.
//!
//! Numbers of one machine mean nothing on another, ratios do: each case runs the
//! reference and Triggerfish in turn, in one process on the same cores, several
//! times, and reports medians.

mod decisions;
mod latency;
mod load;
mod report;
mod sink;
mod stage;
mod sync;

pub(crate) use decisions::decisions;
pub(crate) use latency::latency;
pub(crate) use sync::sync;
