//! Events in by HTTP and by topic: what is refused, what is started, what survives.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actions;
mod formats;
mod growth;
mod ingest;
mod sessions;
mod upstream;
mod world;
