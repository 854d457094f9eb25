//! What the fuzzer reaches of this crate.

use bytes::Bytes;
use triggerfish_log::{GroupName, Limit, LogError, NewRecord, Partition, Record, Topic};

use crate::{
    batch::{self, Budget},
    keys::{self, BatchKey},
    topics::PartitionLog,
    torn_tail,
};

fn log() -> PartitionLog {
    PartitionLog::new(Topic::new("t"), 1, Partition(0), 0)
}

/// A batch as an append makes it.
#[must_use]
pub fn batch(base: u64, timestamp_us: i64, records: &[NewRecord]) -> Bytes {
    let mut bytes = batch::begin(base, timestamp_us, 0);
    for record in records {
        let mut one = Vec::new();
        batch::put_new(&mut one, record);
        bytes.extend_from_slice(&one);
    }
    batch::set_count(&mut bytes, u32::try_from(records.len()).unwrap_or(u32::MAX));
    bytes.freeze()
}

/// A batch as compaction makes it.
#[must_use]
pub fn compacted(base: u64, records: &[Record]) -> Bytes {
    batch::sparse(base, records)
}

/// The records of a batch from an offset on, and where to read on.
///
/// # Errors
/// When it is no batch.
pub fn records(
    bytes: &Bytes,
    from: u64,
    limit: Option<Limit>,
) -> Result<(Vec<Record>, Option<u64>), LogError> {
    let mut budget = limit.map_or_else(Budget::unlimited, Budget::new);
    let mut records = Vec::new();
    let next = batch::decode(&log(), bytes, from, &mut budget, &mut records)?;
    Ok((records, next))
}

/// The key of a batch, read and written again.
#[must_use]
pub fn batch_key(key: &[u8]) -> Option<Vec<u8>> {
    BatchKey::decode(key).map(|key| key.encode().to_vec())
}

/// The key of a position, read and written again.
#[must_use]
pub fn position_key(key: &[u8]) -> Option<Vec<u8>> {
    let (group, topic, partition) = keys::parse_position(key)?;
    Some(keys::position(&group, topic, partition))
}

/// The key of a group's position.
#[must_use]
pub fn key_of_position(group: &str, topic: u32, partition: u32) -> Vec<u8> {
    keys::position(&GroupName::new(group), topic, partition)
}

/// Where the last whole group of a journal ends.
#[must_use]
pub fn whole_groups(journal: &[u8]) -> usize {
    torn_tail::whole_groups(journal)
}
