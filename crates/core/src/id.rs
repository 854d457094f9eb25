//! Identities: invocation, subscription, upstream event.
//!
//! An invocation id is a `UUIDv8` (RFC 9562, section 5.8) of 48 bits of time, 12
//! bits of partition and 62 bits of hash or randomness. Partition and hash are
//! the identity ([`InvocationKey`]); the time only says when it was first seen,
//! so the same event sent again later still meets the invocation it has.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::time::Timestamp;

/// Partition counts go up to this, since an invocation id has 12 bits for it.
pub const PARTITIONS_MAX: u16 = 4096;

const TAIL_BITS: u32 = 62;
const TAIL_MASK: u64 = (1 << TAIL_BITS) - 1;

/// The id of an invocation; carries its partition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InvocationId(Uuid);

/// What makes an invocation the same within its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InvocationKey(pub u64);

/// The id of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubscriptionId(pub Uuid);

impl InvocationKey {
    /// The key of the invocation that calls `callback` for the action with this key.
    #[must_use]
    pub fn of_member(self, callback: SubscriptionId) -> Self {
        EventIdentity::of(&[b"callback", &self.0.to_be_bytes()]).key_for(callback)
    }
}

impl InvocationId {
    /// Puts an id together. `partition` is taken modulo [`PARTITIONS_MAX`].
    #[must_use]
    pub fn new(at: Timestamp, partition: u16, key: InvocationKey) -> Self {
        let millis = u128::from(at.as_millis()) & 0xFFFF_FFFF_FFFF;
        let bits = (millis << 80)
            | (0x8 << 76)
            | (u128::from(partition % PARTITIONS_MAX) << 64)
            | (0b10 << 62)
            | u128::from(key.0 & TAIL_MASK);
        Self(Uuid::from_u128(bits))
    }

    /// The partition of the invocation log that holds everything about it.
    #[must_use]
    pub fn partition(self) -> u16 {
        (self.0.as_u64_pair().0 & 0xFFF) as u16
    }

    /// When the invocation was first asked for, in milliseconds.
    #[must_use]
    pub fn time(self) -> Timestamp {
        Timestamp::from_millis(self.0.as_u64_pair().0 >> 16)
    }

    /// The part that makes it the same invocation within its partition.
    #[must_use]
    pub fn key(self) -> InvocationKey {
        InvocationKey(self.0.as_u64_pair().1 & TAIL_MASK)
    }

    /// The 16 bytes of the UUID, in network order.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id in these 16 bytes, if they are a `UUIDv8`.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        Self::from_uuid(Uuid::from_bytes(bytes))
    }

    fn from_uuid(uuid: Uuid) -> Option<Self> {
        let is_v8 = uuid.get_version_num() == 8 && uuid.get_variant() == uuid::Variant::RFC4122;
        is_v8.then_some(Self(uuid))
    }
}

/// The text is not the id of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an invocation id: expected a UUID of version 8")]
pub struct NotAnInvocationId;

impl std::str::FromStr for InvocationId {
    type Err = NotAnInvocationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uuid = Uuid::parse_str(text).map_err(|_| NotAnInvocationId)?;
        Self::from_uuid(uuid).ok_or(NotAnInvocationId)
    }
}

impl std::fmt::Display for InvocationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl std::fmt::Debug for InvocationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// Who an upstream event is, for finding out that it came twice.
///
/// Fields are joined with their lengths, so no two lists of fields look alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventIdentity([u8; 32]);

impl EventIdentity {
    /// The identity made of `fields`, e.g. a `CloudEvents` source and id, or
    /// topic, partition and offset.
    #[must_use]
    pub fn of(fields: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for field in fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        Self(hasher.finalize().into())
    }

    /// An identity that nothing else has, from 32 random bytes.
    #[must_use]
    pub fn unique(entropy: [u8; 32]) -> Self {
        Self(entropy)
    }

    /// The key of the invocation that this event starts for `subscription`.
    #[must_use]
    pub fn key_for(&self, subscription: SubscriptionId) -> InvocationKey {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(subscription.0.as_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        InvocationKey(first_u64(&digest) & TAIL_MASK)
    }

    /// The key of the action that this event asks about.
    #[must_use]
    pub fn action_key(&self) -> InvocationKey {
        InvocationKey(first_u64(&self.0) & TAIL_MASK)
    }

    /// The partition of all invocations of this event, unless an ordering key
    /// decides it.
    #[must_use]
    pub fn partition(&self, partitions: u16) -> u16 {
        bucket(&self.0, partitions)
    }
}

/// The partition of all invocations that share `ordering_key`.
#[must_use]
pub fn partition_of_key(ordering_key: &str, partitions: u16) -> u16 {
    let digest: [u8; 32] = Sha256::digest(ordering_key.as_bytes()).into();
    bucket(&digest, partitions)
}

fn bucket(digest: &[u8; 32], buckets: u16) -> u16 {
    let bucket = first_u64(digest) % u64::from(buckets.max(1));
    u16::try_from(bucket).expect("a remainder is smaller than its u16 divisor")
}

fn first_u64(bytes: &[u8; 32]) -> u64 {
    let mut head = [0_u8; 8];
    head.copy_from_slice(&bytes[..8]);
    u64::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn id_carries_time_partition_and_key(ms in 0_u64..(1 << 47), partition in 0_u16..4096, key: u64) {
            let id = InvocationId::new(Timestamp::from_millis(ms), partition, InvocationKey(key));
            prop_assert_eq!(id.partition(), partition);
            prop_assert_eq!(id.key().0, key & TAIL_MASK);
            prop_assert_eq!(id.time().as_millis(), ms);
            prop_assert_eq!(id.to_string().parse::<InvocationId>(), Ok(id));
            prop_assert_eq!(InvocationId::from_bytes(*id.as_bytes()), Some(id));
        }
    }

    #[test]
    fn other_uuids_are_refused() {
        for text in [
            "",
            "x",
            "00000000-0000-0000-0000-000000000000",
            "3b1f8a0e-0c8b-4c4e-9a5e-0a1b2c3d4e5f",
        ] {
            assert_eq!(
                text.parse::<InvocationId>(),
                Err(NotAnInvocationId),
                "{text}"
            );
        }
    }

    #[test]
    fn identity_does_not_confuse_fields() {
        assert_ne!(
            EventIdentity::of(&[b"ab", b"c"]),
            EventIdentity::of(&[b"a", b"bc"])
        );
        let one = EventIdentity::of(&[b"s", b"1"]);
        let (a, b) = (
            SubscriptionId(Uuid::from_u128(1)),
            SubscriptionId(Uuid::from_u128(2)),
        );
        assert_eq!(one.key_for(a), one.key_for(a));
        assert_ne!(one.key_for(a), one.key_for(b));
    }

    #[test]
    fn partitions_are_in_range_and_used() {
        let mut seen = [false; 8];
        for n in 0..200_u32 {
            seen[usize::from(EventIdentity::of(&[&n.to_be_bytes()]).partition(8))] = true;
            assert!(partition_of_key(&n.to_string(), 3) < 3);
        }
        assert!(seen.iter().all(|used| *used));
    }
}
