//! What processes of one installation tell each other.

use bytes::Bytes;
use triggerfish_peers::Announcement;
use triggerfish_wire::{
    Error,
    peer::{self, ActionWanted, InvocationWanted, PartsWanted},
};

/// A question or an answer; the first byte says which.
pub(super) fn message(input: &[u8]) -> bool {
    let Some((kind, bytes)) = input.split_first() else {
        return false;
    };
    let bytes = Bytes::copy_from_slice(bytes);
    match kind % 6 {
        0 => same(bytes, InvocationWanted::decode, InvocationWanted::encode),
        1 => same(bytes, PartsWanted::decode, PartsWanted::encode),
        2 => same(bytes, ActionWanted::decode, ActionWanted::encode),
        3 => same(bytes, peer::decode_found, |found| {
            peer::encode_found(found.as_ref())
        }),
        4 => same(bytes, peer::decode_action, |found| {
            peer::encode_action(found.as_ref())
        }),
        _ => same(bytes, peer::decode_parts, |parts| {
            peer::encode_parts(parts, usize::MAX)
        }),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    bytes: Bytes,
    decode: fn(Bytes) -> Result<T, Error>,
    encode: impl Fn(&T) -> Vec<u8>,
) -> bool {
    let Ok(read) = decode(bytes) else {
        return false;
    };
    assert_eq!(decode(encode(&read).into()).as_ref(), Ok(&read));
    true
}

/// What a process says about itself.
pub(super) fn announcement(input: &[u8]) -> bool {
    let Ok(read) = serde_json::from_slice::<Announcement>(input) else {
        return false;
    };
    let written = serde_json::to_vec(&read).expect("an announcement can be written");
    let again: Announcement = serde_json::from_slice(&written).expect("and read again");
    assert_eq!(again, read);
    true
}
