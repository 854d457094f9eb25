//! What the fuzzer reaches of this crate.

use bytes::Bytes;

use crate::restore;

/// What is kept beside a committed position, read and written again.
#[must_use]
pub fn rebuild_start(metadata: &[u8]) -> Option<Bytes> {
    restore::decode_start(metadata).map(restore::encode_start)
}
