//! Whole processes and the whole router: what cannot be seen beside the code.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod admin;
mod metrics;
mod process;
mod shutdown;
