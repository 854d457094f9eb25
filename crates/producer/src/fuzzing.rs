//! What the fuzzer reaches of this crate.

pub use crate::upstream::fuzzing::{action, event};
