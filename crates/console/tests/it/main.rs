//! The console before an API that tells who it was called by.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

mod harness;
mod pages;
mod requests;
mod sessions;
mod sign_in;
