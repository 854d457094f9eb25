//! How rows and envelopes are packed into blocks.

use std::borrow::Cow;

use crate::{
    error::Error,
    row::{ROW_BYTES, Row},
};

/// States up to this size lie beside their row.
const STATE_INLINE: usize = 512;
/// Envelopes up to this size lie in their block.
const ENVELOPE_INLINE: usize = 4096;
/// Stands for the length of what lies under its own key.
const APART: u32 = u32::MAX;

const DAMAGED: Error = Error::Damaged("a block does not read back");
/// LZ4 makes of one byte so many at most.
const EXPANSION_MAX: usize = 255;

/// A block of rows or a pack of envelopes as it lies in the store. Neighbours are much alike,
/// and what sled does with a value is a matter of its bytes.
pub(crate) fn compress(block: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress_prepend_size(block)
}

/// What [`compress`] was given.
pub(crate) fn decompress(stored: &[u8]) -> Result<Vec<u8>, Error> {
    let (size, compressed) = lz4_flex::block::uncompressed_size(stored).map_err(|_| DAMAGED)?;
    // A damaged size must not take memory.
    if size > compressed.len().saturating_mul(EXPANSION_MAX) {
        return Err(DAMAGED);
    }
    lz4_flex::block::decompress(compressed, size).map_err(|_| DAMAGED)
}

/// Bytes that belong to a row: in the block or under their own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Here(Cow<'a, [u8]>),
    Apart,
}

/// The rows of a block, each with the part of its invocation that changes.
pub(crate) fn rows(block: &[u8]) -> impl Iterator<Item = Result<(Row, Piece<'_>), Error>> {
    let mut rest = block;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let row = rest.get(..ROW_BYTES).and_then(Row::read);
        let piece = rest.get(ROW_BYTES..).and_then(split_piece);
        let (Some(row), Some((piece, tail))) = (row, piece) else {
            rest = &[];
            return Some(Err(DAMAGED));
        };
        rest = tail;
        Some(Ok((row, piece)))
    })
}

/// Appends a row to a block.
pub(crate) fn push_row(out: &mut Vec<u8>, row: &Row, state: &Piece<'_>) {
    row.write(out);
    push_piece(out, state);
}

/// Whether a state lies beside its row.
pub(crate) const fn state_fits(state: &[u8]) -> bool {
    state.len() <= STATE_INLINE
}

/// The envelopes of a block, by place.
pub(crate) fn envelopes(block: &[u8]) -> impl Iterator<Item = Result<(u64, Piece<'_>), Error>> {
    let mut rest = block;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let place = crate::layout::number(rest, 0);
        let piece = rest.get(8..).and_then(split_piece);
        let (Some(place), Some((piece, tail))) = (place, piece) else {
            rest = &[];
            return Some(Err(DAMAGED));
        };
        rest = tail;
        Some(Ok((place, piece)))
    })
}

/// Appends an envelope to a block.
pub(crate) fn push_envelope(out: &mut Vec<u8>, place: u64, envelope: &Piece<'_>) {
    out.extend_from_slice(&place.to_be_bytes());
    push_piece(out, envelope);
}

/// Whether an envelope lies in its block.
pub(crate) const fn envelope_fits(envelope: &[u8]) -> bool {
    envelope.len() <= ENVELOPE_INLINE
}

fn push_piece(out: &mut Vec<u8>, piece: &Piece<'_>) {
    match piece {
        Piece::Apart => out.extend_from_slice(&APART.to_be_bytes()),
        Piece::Here(bytes) => {
            let len = u32::try_from(bytes.len()).expect("only small pieces lie in a block");
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(bytes);
        }
    }
}

fn split_piece(bytes: &[u8]) -> Option<(Piece<'_>, &[u8])> {
    let len = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
    let bytes = &bytes[4..];
    if len == APART {
        return Some((Piece::Apart, bytes));
    }
    let len = usize::try_from(len).ok()?;
    let here = bytes.get(..len)?;
    Some((Piece::Here(Cow::Borrowed(here)), &bytes[len..]))
}
