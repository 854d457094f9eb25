//! What the fuzzer reaches of this crate.

use triggerfish_core::{Timestamp, keys::ServerKeys};

use crate::pass;

/// A pass for a request.
#[must_use]
pub fn pass(keys: &ServerKeys, path: &str, body: &[u8], now: Timestamp) -> String {
    pass::sign(keys, path, body, now)
}

/// Whether a pass fits a request.
#[must_use]
pub fn fits(keys: &ServerKeys, pass: &str, path: &str, body: &[u8], now: Timestamp) -> bool {
    pass::verify(keys, pass, path, body, now).is_ok()
}
