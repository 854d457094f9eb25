//! Deadlines, completions and the status API, over a worker on the embedded log.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deadlines;
mod decisions;
mod leaving;
mod office;
mod positions;
mod processes;
mod status;
mod world;
