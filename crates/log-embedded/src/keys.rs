//! The keys of the store. All numbers are big-endian, so that keys sort as their numbers do.

use triggerfish_log::GroupName;

/// The key of a batch: topic, partition, the offset after it, its first offset, its timestamp.
/// The offset after it comes first so that one forward scan from a position finds the batch
/// that covers it; the rest spares clean-ups from reading values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchKey {
    pub(crate) topic: u32,
    pub(crate) partition: u32,
    pub(crate) next: u64,
    pub(crate) base: u64,
    pub(crate) timestamp_us: i64,
}

impl BatchKey {
    pub(crate) const BYTES: usize = 32;

    pub(crate) fn encode(self) -> [u8; Self::BYTES] {
        let mut key = [0; Self::BYTES];
        key[..4].copy_from_slice(&self.topic.to_be_bytes());
        key[4..8].copy_from_slice(&self.partition.to_be_bytes());
        key[8..16].copy_from_slice(&self.next.to_be_bytes());
        key[16..24].copy_from_slice(&self.base.to_be_bytes());
        key[24..].copy_from_slice(&self.timestamp_us.to_be_bytes());
        key
    }

    pub(crate) fn decode(key: &[u8]) -> Option<Self> {
        let key: &[u8; Self::BYTES] = key.try_into().ok()?;
        let (topic, rest) = key.split_first_chunk()?;
        let (partition, rest) = rest.split_first_chunk()?;
        let (next, rest) = rest.split_first_chunk()?;
        let (base, rest) = rest.split_first_chunk()?;
        Some(Self {
            topic: u32::from_be_bytes(*topic),
            partition: u32::from_be_bytes(*partition),
            next: u64::from_be_bytes(*next),
            base: u64::from_be_bytes(*base),
            timestamp_us: i64::from_be_bytes(rest.try_into().ok()?),
        })
    }

    /// The first key that a batch holding an offset at or after `from` can have, and the first
    /// one that belongs to the next partition.
    pub(crate) fn range(topic: u32, partition: u32, from: u64) -> ([u8; 16], [u8; 16]) {
        let key = |next: u64| {
            let mut key = [0; 16];
            key[..4].copy_from_slice(&topic.to_be_bytes());
            key[4..8].copy_from_slice(&partition.to_be_bytes());
            key[8..].copy_from_slice(&next.to_be_bytes());
            key
        };
        (key(from.saturating_add(1)), key(u64::MAX))
    }
}

/// Before the settings of a topic, then its name.
pub(crate) const TOPIC: u8 = b't';
/// Before the bounds of a partition, then topic and partition.
pub(crate) const BOUNDS: u8 = b'b';
/// Before a committed position, then the group's name with its length, topic and partition.
pub(crate) const POSITION: u8 = b'p';

pub(crate) fn topic(name: &str) -> Vec<u8> {
    [&[TOPIC], name.as_bytes()].concat()
}

pub(crate) fn bounds(topic: u32, partition: u32) -> Vec<u8> {
    [
        &[BOUNDS][..],
        &topic.to_be_bytes(),
        &partition.to_be_bytes(),
    ]
    .concat()
}

pub(crate) fn position(group: &GroupName, topic: u32, partition: u32) -> Vec<u8> {
    let group = group.as_str().as_bytes();
    let length = (group.len() as u64).to_be_bytes();
    [
        &[POSITION][..],
        &length,
        group,
        &topic.to_be_bytes(),
        &partition.to_be_bytes(),
    ]
    .concat()
}

/// Group, topic and partition of a position's key.
pub(crate) fn parse_position(key: &[u8]) -> Option<(GroupName, u32, u32)> {
    let (length, rest) = key.strip_prefix(&[POSITION])?.split_first_chunk()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (group, rest) = rest.split_at_checked(length)?;
    let (topic, rest) = rest.split_first_chunk()?;
    let partition = u32::from_be_bytes(rest.try_into().ok()?);
    let group = std::str::from_utf8(group).ok()?;
    Some((
        GroupName::from(group),
        u32::from_be_bytes(*topic),
        partition,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back() {
        let key = BatchKey {
            topic: 1,
            partition: 2,
            next: 9,
            base: 4,
            timestamp_us: 1_700_000,
        };
        assert_eq!(BatchKey::decode(&key.encode()), Some(key));
        assert_eq!(BatchKey::decode(&key.encode()[1..]), None);
        let group = GroupName::new("completion");
        let position = position(&group, 7, 8);
        assert_eq!(parse_position(&position), Some((group, 7, 8)));
        assert_eq!(parse_position(&position[..5]), None);
    }

    #[test]
    fn a_scan_from_an_offset_starts_at_the_batch_that_covers_it() {
        let key = |base, next| BatchKey {
            topic: 1,
            partition: 0,
            next,
            base,
            timestamp_us: 3,
        };
        let (from, to) = BatchKey::range(1, 0, 10);
        assert!(key(5, 10).encode()[..] < from[..]);
        assert!(key(10, 11).encode()[..] >= from[..]);
        assert!(key(10, 20).encode()[..] >= from[..] && key(10, 20).encode()[..] < to[..]);
    }
}
