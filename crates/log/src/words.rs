//! Names, records and positions: plain data that both engines and all services share.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

/// The most bytes of metadata that may be committed beside a position.
///
/// Kafka keeps at most 4,096 bytes of text there (`offset.metadata.max.bytes`); 2,048 raw bytes
/// still fit after base64.
pub const MAX_METADATA_BYTES: usize = 2048;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Wraps the name; cloning it later is cheap.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl From<&str> for $type {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl From<String> for $type {
            fn from(name: String) -> Self {
                Self(name.into())
            }
        }
    };
}

name!(
    /// The name of a topic. Letters, digits, `.`, `_` and `-`, at most 249 of them (Kafka's rule).
    Topic
);
name!(
    /// The name of a group of sessions that share the partitions of a topic and their positions.
    GroupName
);
name!(
    /// Who writes. Stable across restarts of the same slot: of two sessions that commit records
    /// under one name the later one fences the earlier (Kafka: `transactional.id`).
    WriterName
);
name!(
    /// Which process and slot a session belongs to, for people reading logs and metrics.
    InstanceName
);

impl Topic {
    /// Whether the name keeps to the rule above; engines refuse topics that do not.
    pub fn is_valid(&self) -> bool {
        let name = self.as_str();
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        !name.is_empty()
            && name.len() <= 249
            && name != "."
            && name != ".."
            && name.bytes().all(legal)
    }
}

/// The number of a partition of a topic, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(pub u32);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in a partition. As a position it always means the *next* record to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Offset(pub u64);

impl Offset {
    /// Where every partition begins, whether or not that record is still kept.
    pub const ZERO: Self = Self(0);

    /// The position after the record at this offset.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The topic it was read from.
    pub topic: Topic,
    /// The partition it was read from.
    pub partition: Partition,
    /// Its own offset; the position after it is `offset.next()`.
    pub offset: Offset,
    /// When it was appended, in microseconds since the Unix epoch. Kafka keeps milliseconds.
    pub timestamp_us: i64,
    /// What compaction goes by.
    pub key: Option<Bytes>,
    /// The payload; `None` is a tombstone, which is not the same as an empty payload.
    pub value: Option<Bytes>,
    /// Names may repeat; the order is kept.
    pub headers: Vec<(String, Bytes)>,
}

impl Record {
    /// Bytes of key, value and headers together: what limits are counted in.
    pub fn payload_bytes(&self) -> usize {
        payload_bytes(self.key.as_ref(), self.value.as_ref(), &self.headers)
    }

    /// The position of the record after this one.
    pub fn next(&self) -> Position {
        Position {
            topic: self.topic.clone(),
            partition: self.partition,
            offset: self.offset.next(),
        }
    }
}

/// A record to append. The caller names the partition; engines never choose one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// The topic to append to.
    pub topic: Topic,
    /// The partition to append to.
    pub partition: Partition,
    /// What compaction goes by; required in a compacted topic.
    pub key: Option<Bytes>,
    /// The payload; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Names may repeat; the order is kept.
    pub headers: Vec<(String, Bytes)>,
}

impl NewRecord {
    /// Bytes of key, value and headers together: what limits are counted in.
    pub fn payload_bytes(&self) -> usize {
        payload_bytes(self.key.as_ref(), self.value.as_ref(), &self.headers)
    }
}

fn payload_bytes(key: Option<&Bytes>, value: Option<&Bytes>, headers: &[(String, Bytes)]) -> usize {
    let headers: usize = headers.iter().map(|(n, v)| n.len() + v.len()).sum();
    headers + key.map_or(0, Bytes::len) + value.map_or(0, Bytes::len)
}

/// A topic that has to exist, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: Topic,
    /// How many partitions. An existing topic may grow, never shrink.
    pub partitions: u32,
    /// How long records are kept at least, by the time they were appended. `None` keeps them
    /// for ever. Not applied to a compacted topic.
    pub retention: Option<Duration>,
    /// The newest record of each key is kept for ever, older ones may go. A tombstone goes too,
    /// after a while in which every follower can have seen it.
    pub compacted: bool,
}

/// A position in a partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: Partition,
    /// The next record to read.
    pub offset: Offset,
}

/// How much one call may return. The first record is returned whatever its size, so that a
/// reader always moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// At most this many records.
    pub records: NonZeroUsize,
    /// At most this many bytes of payload, save for the first record.
    pub bytes: NonZeroUsize,
}

impl Limit {
    /// At most `count` records (0 counts as 1) and 4 MiB.
    pub fn records(count: usize) -> Self {
        Self {
            records: NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN),
            ..Self::default()
        }
    }
}

impl Default for Limit {
    /// 1,000 records, 4 MiB.
    fn default() -> Self {
        const RECORDS: NonZeroUsize = NonZeroUsize::new(1000).expect("not zero");
        const BYTES: NonZeroUsize = NonZeroUsize::new(4 << 20).expect("not zero");
        Self {
            records: RECORDS,
            bytes: BYTES,
        }
    }
}

/// What a partition holds at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// At or before the first record still kept; reading from anywhere earlier starts here.
    pub first: Offset,
    /// The position after the last readable record, or later where offsets have gaps.
    pub end: Offset,
}

/// What one read returned.
#[derive(Clone, Debug)]
pub struct Page {
    /// In offset order.
    pub records: Vec<Record>,
    /// Where to read on.
    pub next: Offset,
    /// Nothing readable was left after `records` when the page was made. This ends a restore,
    /// not arithmetic on offsets: they have gaps.
    pub at_end: bool,
}
