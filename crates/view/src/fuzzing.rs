//! What the fuzzer reaches of this crate: values of the store, read and written again.

use crate::{blocks, error::Error, meta::Progress};

/// A block of rows.
///
/// # Errors
/// When it is none.
pub fn rows(block: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    for read in blocks::rows(block) {
        let (row, piece) = read?;
        blocks::push_row(&mut out, &row, &piece);
    }
    Ok(out)
}

/// A pack of envelopes.
///
/// # Errors
/// When it is none.
pub fn envelopes(pack: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    for read in blocks::envelopes(pack) {
        let (place, piece) = read?;
        blocks::push_envelope(&mut out, place, &piece);
    }
    Ok(out)
}

/// A block or pack as it lies in the store: what it holds.
///
/// # Errors
/// When it is none.
pub fn block(stored: &[u8]) -> Result<Vec<u8>, Error> {
    blocks::decompress(stored)
}

/// A block or pack as it goes into the store.
#[must_use]
pub fn stored(block: &[u8]) -> Vec<u8> {
    blocks::compress(block)
}

/// How far a view has come.
#[must_use]
pub fn progress(value: &[u8]) -> Option<Vec<u8>> {
    Progress::decode(value).map(|progress| progress.encode())
}
