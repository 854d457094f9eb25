//! The built program, as people and scripts run it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bench;
mod bench_many;
mod callbacks;
mod dead_letters;
mod demo;
mod folder;
mod growth;
mod health;
mod help;
mod journey;
mod open_files;
mod program;
mod refusals;
mod service;
mod subscriber;
mod tail;
