//! Tests of the view against a naive model, against damage and against sudden ends.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

mod damage;
mod kill;
mod model;
mod paging;
mod random;
mod world;
