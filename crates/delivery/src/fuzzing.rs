//! What the fuzzer reaches of this crate.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use triggerfish_core::Timestamp;

use crate::retry_after;

/// The wish in a `Retry-After` with this value.
#[must_use]
pub fn retry_after(value: &[u8], now: Timestamp) -> Option<Duration> {
    let value = HeaderValue::from_bytes(value).ok()?;
    retry_after::parse(&HeaderMap::from_iter([(RETRY_AFTER, value)]), now)
}
