//! Calls against real sockets on loopback.

#![expect(
    clippy::unwrap_used,
    reason = "a test and what it is made of may panic"
)]

mod guarding;
mod kit;
mod lifecycle;
mod misbehaving;
mod requests;
mod server;
mod tls;
