//! The loop on the embedded log, with a role that only takes notes: what is emitted
//! exactly once, what is restored, what is handed over.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod folding;
mod hand_over;
mod restarts;
mod saving;
mod seams;
mod sessions;
mod slow_disk;
mod world;
