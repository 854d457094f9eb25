//! What the fuzzer reaches of this crate.

use bytes::Bytes;

use crate::record::{Entry, Key};

/// A record of the registry's topic, read and written again.
///
/// # Errors
/// What is wrong with it, in the words that go into the log.
pub fn record(key: &[u8], value: &[u8]) -> Result<(Bytes, Bytes), String> {
    let key = Key::parse(key)?;
    let entry = Entry::parse(&key, value)?;
    let written = entry.to_bytes();
    let again = Entry::parse(&key, &written)?;
    assert_eq!(entry, again, "an entry reads back as another one");
    Ok((key.to_bytes(), written))
}
