//! From the key of an invocation or action to its place.
//!
//! Keys are hashes: written one by one they would touch a page each. So what a save
//! adds is written as one run and kept in memory too, and every save also moves the
//! recent keys of a few neighbouring buckets into them, going round and round. A
//! bucket is rewritten once per round for all keys that have gathered for it. After a
//! round the runs from before it are no longer needed. Recent keys come to about one
//! in sixteen of all.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::{Bound, ControlFlow},
    sync::Arc,
};

use parking_lot::RwLock;
use triggerfish_core::InvocationKey;

use crate::{
    error::Error,
    layout::{KEYS, RUNS, after, number, one},
    store::{Order, Store},
};

/// Stands for "no longer there" where a place is expected.
const GONE: u64 = u64::MAX;
/// Keys in a bucket before it is split: four kilobytes.
const BUCKET_MAX: usize = 256;
/// Recent keys below which nothing is moved.
const RECENT_MIN: usize = 4096;
/// New keys for which one more bucket is visited. With buckets two thirds full, a
/// round takes as many new keys as a sixteenth of all.
const KEYS_PER_VISIT: usize = 10;

const PAIR_BYTES: usize = 16;
const DAMAGED: Error = Error::Damaged("the index of keys does not read back");

/// The index of keys of one store; one thread changes it, many read.
#[derive(Clone, Debug)]
pub(crate) struct Keys(Arc<RwLock<Recent>>);

#[derive(Debug, Default)]
struct Recent {
    places: BTreeMap<u64, u64>,
    runs: VecDeque<u64>,
    next_run: u64,
    /// Lowest key of the bucket to be visited next.
    cursor: u64,
    /// Runs below this number are no longer needed after the round.
    round: u64,
}

/// Changes that are in a batch but not yet in effect.
#[derive(Debug)]
pub(crate) struct Pending {
    added: Vec<(u64, u64)>,
    moved: Vec<(u64, u64)>,
    run: Option<u64>,
    cursor: u64,
    round_over: bool,
}

impl Keys {
    /// Reads the recent keys of `store`.
    pub(crate) fn open(store: &Store) -> Result<Self, Error> {
        let mut recent = Recent::default();
        store.scan(&[RUNS], &after(&[RUNS]), Order::Ascending, |key, run| {
            let run_number = number(key, 1).ok_or(DAMAGED)?;
            recent.runs.push_back(run_number);
            recent.next_run = run_number + 1;
            for pair in run.chunks(PAIR_BYTES) {
                let (key, place) = read_pair(pair)?;
                recent.places.insert(key, place);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        recent.round = recent.next_run;
        Ok(Self(Arc::new(RwLock::new(recent))))
    }

    /// The place of `key`.
    pub(crate) fn place(&self, store: &Store, key: InvocationKey) -> Result<Option<u64>, Error> {
        let recent = self.0.read().places.get(&key.0).copied();
        if let Some(place) = recent {
            return Ok((place != GONE).then_some(place));
        }
        let Some((_, bucket)) = store.last(&[KEYS], &one(KEYS, key.0 + 1))? else {
            return Ok(None);
        };
        find(&bucket, key.0)
    }

    /// Writes `changes` and moves what it is time to move, both into `batch`. A key
    /// that is to go comes without a place.
    pub(crate) fn stage(
        &self,
        store: &Store,
        changes: impl Iterator<Item = (InvocationKey, Option<u64>)>,
        batch: &mut sled::Batch,
    ) -> Result<Pending, Error> {
        let added: BTreeMap<u64, u64> = changes
            .map(|(key, place)| (key.0, place.unwrap_or(GONE)))
            .collect();
        let recent = self.0.read();
        let mut pending = Pending {
            added: Vec::new(),
            moved: Vec::new(),
            run: None,
            cursor: recent.cursor,
            round_over: false,
        };
        if added.is_empty() {
            return Ok(pending);
        }
        let run: Vec<u8> = added.iter().flat_map(|(k, o)| pair(*k, *o)).collect();
        batch.insert(one(RUNS, recent.next_run), run);
        pending.run = Some(recent.next_run);
        if recent.places.len() + added.len() > RECENT_MIN {
            for _ in 0..=added.len() / KEYS_PER_VISIT {
                visit(store, &recent, &added, &mut pending, batch)?;
                if pending.round_over {
                    for run in recent.runs.iter().take_while(|run| **run < recent.round) {
                        batch.remove(one(RUNS, *run));
                    }
                    break;
                }
            }
        }
        pending.added = added.into_iter().collect();
        Ok(pending)
    }

    /// Takes note that the batch of `pending` is in the store.
    pub(crate) fn commit(&self, pending: Pending) {
        let mut recent = self.0.write();
        recent.places.extend(pending.added);
        for (key, place) in pending.moved {
            if recent.places.get(&key) == Some(&place) {
                recent.places.remove(&key);
            }
        }
        if let Some(run) = pending.run {
            recent.runs.push_back(run);
            recent.next_run = run + 1;
        }
        recent.cursor = pending.cursor;
        if pending.round_over {
            let done = recent.round;
            recent.runs.retain(|run| *run >= done);
            recent.round = recent.next_run;
        }
    }
}

/// Moves the recent keys of the bucket at the cursor into it.
fn visit(
    store: &Store,
    recent: &Recent,
    added: &BTreeMap<u64, u64>,
    pending: &mut Pending,
    batch: &mut sled::Batch,
) -> Result<(), Error> {
    let low = pending.cursor;
    let next = match low.checked_add(1) {
        Some(above) => store.first(&one(KEYS, above), &after(&[KEYS]))?,
        None => None,
    };
    let next = next
        .map(|(key, _)| number(&key, 1).ok_or(DAMAGED))
        .transpose()?;
    let range = (
        Bound::Included(low),
        next.map_or(Bound::Unbounded, Bound::Excluded),
    );
    pending.cursor = next.unwrap_or(0);
    pending.round_over = next.is_none();
    let mut gathered: BTreeMap<u64, u64> = BTreeMap::new();
    gathered.extend(recent.places.range(range).map(|(k, o)| (*k, *o)));
    gathered.extend(added.range(range).map(|(k, o)| (*k, *o)));
    if gathered.is_empty() {
        return Ok(());
    }
    let mut bucket = BTreeMap::new();
    if let Some(bytes) = store.get(&one(KEYS, low))? {
        for bytes in bytes.chunks(PAIR_BYTES) {
            let (key, place) = read_pair(bytes)?;
            bucket.insert(key, place);
        }
    }
    for (key, place) in gathered {
        pending.moved.push((key, place));
        if place == GONE {
            bucket.remove(&key);
        } else {
            bucket.insert(key, place);
        }
    }
    write_bucket(low, &bucket, batch);
    Ok(())
}

/// Writes a bucket as one or, where it has grown too large, as several halves.
fn write_bucket(low: u64, bucket: &BTreeMap<u64, u64>, batch: &mut sled::Batch) {
    let pairs: Vec<(u64, u64)> = bucket.iter().map(|(k, o)| (*k, *o)).collect();
    let part_max = if pairs.len() > BUCKET_MAX {
        BUCKET_MAX / 2
    } else {
        BUCKET_MAX
    };
    if pairs.is_empty() {
        batch.remove(one(KEYS, low));
    }
    for (part_number, part) in pairs.chunks(part_max).enumerate() {
        let start = if part_number == 0 { low } else { part[0].0 };
        let bytes: Vec<u8> = part.iter().flat_map(|(k, o)| pair(*k, *o)).collect();
        batch.insert(one(KEYS, start), bytes);
    }
}

fn pair(key: u64, place: u64) -> [u8; PAIR_BYTES] {
    let mut bytes = [0; PAIR_BYTES];
    bytes[..8].copy_from_slice(&key.to_be_bytes());
    bytes[8..].copy_from_slice(&place.to_be_bytes());
    bytes
}

fn read_pair(bytes: &[u8]) -> Result<(u64, u64), Error> {
    match (number(bytes, 0), number(bytes, 8)) {
        (Some(key), Some(place)) => Ok((key, place)),
        _ => Err(DAMAGED),
    }
}

fn find(bucket: &[u8], key: u64) -> Result<Option<u64>, Error> {
    let (mut low, mut high) = (0, bucket.len() / PAIR_BYTES);
    while low < high {
        let middle = low.midpoint(high);
        let (found, place) = read_pair(&bucket[middle * PAIR_BYTES..])?;
        match found.cmp(&key) {
            std::cmp::Ordering::Equal => return Ok(Some(place)),
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Ok(None)
}
