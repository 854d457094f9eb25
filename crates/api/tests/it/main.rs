//! The whole API over a real registry, with the services behind it played.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod activity;
mod auth;
mod callbacks;
mod clients;
mod cloudevents;
mod complete;
mod dead_letters;
mod errors;
mod harness;
mod lists;
mod object_events;
mod openapi;
mod overview;
mod players;
mod records;
mod resend;
mod robustness;
mod signing;
mod starts;
mod status;
mod subscriptions;
mod triggers;
mod validate_filter;
mod workers;
