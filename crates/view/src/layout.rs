//! Where things lie in the one sled tree of a view.
//!
//! sled's cost is per key, not per byte, and it keeps a few hundred bytes of memory
//! for every sixteen keys. So what comes in log order is packed: what the records at 64
//! neighbouring offsets brought about shares one value for its rows and two for its
//! envelopes, compressed, and the indexes point at blocks where that is precise enough.
//!
//! A record brings about one invocation, or an action and the calls of its callbacks. The
//! *place* of each is its record's offset and its part: [`triggerfish_core::invocation::place`].
//!
//! | key | value | what for |
//! |---|---|---|
//! | `m` | identity | whose view this is |
//! | `p` | position, log time, counts, repeats | changes with every save |
//! | `u` | | that a save which is not all or nothing has begun |
//! | `o` block | rows | invocations and actions, in log order |
//! | `e` pack | envelopes | what requested them |
//! | `x` place, `y` place | state, envelope | those too large for a block |
//! | `t` deadline block | | the earliest deadline of a block's open rows |
//! | `c` time block | | when a wholly closed block may be removed |
//! | `d` subscription due place | | calls without an order |
//! | `k` subscription hash place | | calls in the order of their key |
//! | `s` window list | marks and offsets | invocations of subscriptions, see `lists` |
//! | `i` key, `j` number | keys and places | from key to place, see `keys` |
//!
//! All numbers are big-endian, so that keys sort as numbers do.

use triggerfish_core::{SubscriptionId, Timestamp, invocation::PART_BITS};

use crate::row::KeyHash;

/// Version of everything in this module; another version is wiped.
pub(crate) const FORMAT: u8 = 4;
/// Places that share a block: those of 64 offsets.
pub(crate) const BLOCK: u64 = 1 << BLOCK_SHIFT;
const BLOCK_SHIFT: u32 = 6 + PART_BITS;
/// Places whose envelopes share a value. sled reads and writes pages of up to sixteen
/// values, so these are kept small.
pub(crate) const PACK: u64 = 1 << PACK_SHIFT;
const PACK_SHIFT: u32 = 5 + PART_BITS;
/// Places that share their lists: so few that those of the only subscription are no large value.
pub(crate) const WINDOW: u64 = 1 << WINDOW_SHIFT;
const WINDOW_SHIFT: u32 = 12 + PART_BITS;

pub(crate) const IDENTITY: &[u8] = b"m";
pub(crate) const PROGRESS: &[u8] = b"p";
pub(crate) const UNFINISHED: &[u8] = b"u";
pub(crate) const ROWS: u8 = b'o';
pub(crate) const ENVELOPES: u8 = b'e';
pub(crate) const LARGE_STATE: u8 = b'x';
pub(crate) const LARGE_ENVELOPE: u8 = b'y';
pub(crate) const DEADLINES: u8 = b't';
pub(crate) const REMOVALS: u8 = b'c';
pub(crate) const CALLS: u8 = b'd';
pub(crate) const ORDERED: u8 = b'k';
pub(crate) const LISTS: u8 = b's';
pub(crate) const KEYS: u8 = b'i';
pub(crate) const RUNS: u8 = b'j';

/// The offset of the record that brought about what stands at `place`.
pub(crate) const fn offset_of(place: u64) -> u64 {
    place >> PART_BITS
}

/// Where the parts of the same record begin.
pub(crate) const fn record_of(place: u64) -> u64 {
    place >> PART_BITS << PART_BITS
}

/// The block of a place: the first place in it.
pub(crate) const fn block_of(place: u64) -> u64 {
    place >> BLOCK_SHIFT << BLOCK_SHIFT
}

/// The pack of a place: the first place in it.
pub(crate) const fn pack_of(place: u64) -> u64 {
    place >> PACK_SHIFT << PACK_SHIFT
}

/// The packs of a block.
pub(crate) fn packs(block: u64) -> impl Iterator<Item = u64> {
    (0..BLOCK / PACK).map(move |number| block + number * PACK)
}

/// The window of a place: the first place in it.
pub(crate) const fn window_of(place: u64) -> u64 {
    place >> WINDOW_SHIFT << WINDOW_SHIFT
}

/// `prefix` and one number.
pub(crate) fn one(prefix: u8, number: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(9);
    key.push(prefix);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// `prefix`, a time and a block.
pub(crate) fn timed(prefix: u8, at: Timestamp, block: u64) -> Vec<u8> {
    two(prefix, micros(at), block)
}

fn two(prefix: u8, first: u64, second: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(17);
    key.push(prefix);
    key.extend_from_slice(&first.to_be_bytes());
    key.extend_from_slice(&second.to_be_bytes());
    key
}

/// `prefix` and a subscription: where its part of an index begins.
pub(crate) fn of_subscription(prefix: u8, subscription: SubscriptionId) -> Vec<u8> {
    let mut key = Vec::with_capacity(33);
    key.push(prefix);
    key.extend_from_slice(subscription.0.as_bytes());
    key
}

/// A call without an order.
pub(crate) fn call(subscription: SubscriptionId, due: Timestamp, offset: u64) -> Vec<u8> {
    let mut key = of_subscription(CALLS, subscription);
    key.extend_from_slice(&micros(due).to_be_bytes());
    key.extend_from_slice(&offset.to_be_bytes());
    key
}

/// A call in the order of its key.
pub(crate) fn ordered(subscription: SubscriptionId, hash: KeyHash, offset: u64) -> Vec<u8> {
    let mut key = of_subscription(ORDERED, subscription);
    key.extend_from_slice(&hash.0.to_be_bytes());
    key.extend_from_slice(&offset.to_be_bytes());
    key
}

/// The number at byte `at` of a key or value; `None` when it is too short.
pub(crate) fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let end = at.checked_add(8)?;
    Some(u64::from_be_bytes(bytes.get(at..end)?.try_into().ok()?))
}

/// The subscription in an index key.
pub(crate) fn subscription(key: &[u8]) -> Option<SubscriptionId> {
    Some(SubscriptionId(
        uuid::Uuid::from_slice(key.get(1..17)?).ok()?,
    ))
}

/// A time as it sorts.
pub(crate) const fn micros(at: Timestamp) -> u64 {
    at.as_micros().unsigned_abs()
}

/// The time that [`micros`] was made of.
pub(crate) fn time(micros: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// The first key after all that begin with `prefix`.
pub(crate) fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}
