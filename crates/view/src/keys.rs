//! From the key of an invocation or action to its place.
//!
//! Keys are hashes: written one by one they would touch a page each. So what a save
//! adds is written as one run and kept in memory too, and every save also moves the
//! recent keys of a few neighbouring buckets into them, going round and round. A
//! bucket is rewritten once per round for all keys that have gathered for it. After a
//! round the runs from before it are no longer needed. Recent keys come to about one
//! in seven of all.
//!
//! Where the buckets begin is known in memory too, since sled copies a whole page to find the
//! nearest key and none to find this one; and two bytes of each key, so that hardly ever is a
//! bucket read for a key that is new.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::{Bound, ControlFlow},
    sync::Arc,
};

use parking_lot::RwLock;
use sled::IVec;
use triggerfish_core::InvocationKey;

use crate::{
    batch::Batch,
    error::Error,
    evict::Page,
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
/// round takes as many new keys as a seventh of all.
const KEYS_PER_VISIT: usize = 24;

const PAIR_BYTES: usize = 16;
const DAMAGED: Error = Error::Damaged("the index of keys does not read back");

/// The index of keys of one store; one thread changes it, many read.
#[derive(Clone, Debug)]
pub(crate) struct Keys(Arc<RwLock<Recent>>);

#[derive(Debug, Default)]
struct Recent {
    places: BTreeMap<u64, u64>,
    /// By the lowest key that each bucket may hold, which is its key in the store.
    buckets: BTreeMap<u64, Marks>,
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
    /// Buckets that are written; those without keys go.
    buckets: BTreeMap<u64, Marks>,
    run: Option<u64>,
    cursor: u64,
    round_over: bool,
}

/// The lower two bytes of each key of a bucket: of one in 400 other keys they say that it may
/// be there, too.
#[derive(Debug, Default)]
struct Marks(Box<[u16]>);

impl Marks {
    fn of(keys: impl Iterator<Item = u64>) -> Self {
        Self(keys.map(mark).collect())
    }

    fn may_have(&self, key: u64) -> bool {
        self.0.contains(&mark(key))
    }
}

const fn mark(key: u64) -> u16 {
    let [.., high, low] = key.to_be_bytes();
    u16::from_be_bytes([high, low])
}

impl Recent {
    fn bucket(&self, store: &Store, low: u64) -> Result<Option<IVec>, Error> {
        let page = Page::of_spread(KEYS, low, self.buckets.len());
        store.get_on(page, &one(KEYS, low))
    }
}

impl Keys {
    /// Reads the recent keys of `store`, and where its buckets begin.
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
        let all = after(&[KEYS]);
        store.scan(&[KEYS], &all, Order::Ascending, |low, bucket| {
            let keys = bucket.chunks(PAIR_BYTES).map(read_pair);
            let keys = keys
                .map(|pair| Ok(pair?.0))
                .collect::<Result<Vec<_>, Error>>()?;
            let low = number(low, 1).ok_or(DAMAGED)?;
            recent.buckets.insert(low, Marks::of(keys.into_iter()));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Self(Arc::new(RwLock::new(recent))))
    }

    /// The place of `key`.
    pub(crate) fn place(&self, store: &Store, key: InvocationKey) -> Result<Option<u64>, Error> {
        // Held until the bucket is read, lest it be split meanwhile.
        let recent = self.0.read();
        if let Some(place) = recent.places.get(&key.0) {
            return Ok((*place != GONE).then_some(*place));
        }
        match recent.buckets.range(..=key.0).next_back() {
            Some((low, marks)) if marks.may_have(key.0) => {
                let bucket = recent.bucket(store, *low)?.unwrap_or_default();
                find(&bucket, key.0)
            }
            _ => Ok(None),
        }
    }

    /// Writes `changes` and moves what it is time to move, both into `batch`. A key
    /// that is to go comes without a place.
    pub(crate) fn stage(
        &self,
        store: &Store,
        changes: impl Iterator<Item = (InvocationKey, Option<u64>)>,
        batch: &mut Batch,
    ) -> Result<Pending, Error> {
        let added: BTreeMap<u64, u64> = changes
            .map(|(key, place)| (key.0, place.unwrap_or(GONE)))
            .collect();
        let recent = self.0.read();
        let mut pending = Pending {
            added: Vec::new(),
            moved: Vec::new(),
            buckets: BTreeMap::new(),
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

    /// Has `apply` put the batch of `pending` into the store, and takes note of it. Nobody
    /// looks for a key meanwhile, and in vain where it was a moment ago.
    pub(crate) fn commit(
        &self,
        pending: Pending,
        apply: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut recent = self.0.write();
        apply()?;
        recent.places.extend(pending.added);
        for (key, place) in pending.moved {
            if recent.places.get(&key) == Some(&place) {
                recent.places.remove(&key);
            }
        }
        for (low, marks) in pending.buckets {
            if marks.0.is_empty() {
                recent.buckets.remove(&low);
            } else {
                recent.buckets.insert(low, marks);
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
        Ok(())
    }
}

/// Moves the recent keys of the bucket at the cursor into it.
fn visit(
    store: &Store,
    recent: &Recent,
    added: &BTreeMap<u64, u64>,
    pending: &mut Pending,
    batch: &mut Batch,
) -> Result<(), Error> {
    let low = pending.cursor;
    let above = (Bound::Excluded(low), Bound::Unbounded);
    let next = recent.buckets.range(above).next().map(|(low, _)| *low);
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
    if let Some(bytes) = recent.bucket(store, low)? {
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
    write_bucket(low, &bucket, pending, batch);
    Ok(())
}

/// Writes a bucket as one or, where it has grown too large, as several halves.
fn write_bucket(low: u64, bucket: &BTreeMap<u64, u64>, pending: &mut Pending, batch: &mut Batch) {
    let pairs: Vec<(u64, u64)> = bucket.iter().map(|(k, o)| (*k, *o)).collect();
    let part_max = if pairs.len() > BUCKET_MAX {
        BUCKET_MAX / 2
    } else {
        BUCKET_MAX
    };
    if pairs.is_empty() {
        batch.remove(one(KEYS, low));
        pending.buckets.insert(low, Marks::default());
    }
    for (part_number, part) in pairs.chunks(part_max).enumerate() {
        let start = if part_number == 0 { low } else { part[0].0 };
        let bytes: Vec<u8> = part.iter().flat_map(|(k, o)| pair(*k, *o)).collect();
        batch.insert(one(KEYS, start), bytes);
        let marks = Marks::of(part.iter().map(|(key, _)| *key));
        pending.buckets.insert(start, marks);
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::{batch::Writing, store::testing::open};

    const BATCH: u64 = 500;
    const STEP: usize = 500;
    const LAST: u64 = 60_000;

    /// The key of the invocation at `place`.
    fn key(place: u64) -> InvocationKey {
        InvocationKey(place.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn save(keys: &Keys, store: &Store, changes: impl Iterator<Item = (u64, bool)>) {
        let mut batch = Batch::default();
        let changes = changes.map(|(place, present)| (key(place), present.then_some(place)));
        let pending = keys.stage(store, changes, &mut batch).unwrap();
        keys.commit(pending, || store.apply(batch, Writing::AtOnce))
            .unwrap();
    }

    #[test]
    fn a_key_is_found_while_its_bucket_is_split() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let keys = Keys::open(&store).unwrap();
        let saved = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for reader in 0..2 {
                let (keys, store, saved) = (&keys, &store, &saved);
                scope.spawn(move || {
                    let mut place = reader;
                    while saved.load(Ordering::Acquire) < LAST {
                        place = (place + 7_919) % saved.load(Ordering::Acquire).max(1);
                        if saved.load(Ordering::Acquire) > 0 {
                            assert_eq!(keys.place(store, key(place)).unwrap(), Some(place));
                        }
                    }
                });
            }
            for first in (0..LAST).step_by(STEP) {
                save(
                    &keys,
                    &store,
                    (first..first + BATCH).map(|place| (place, true)),
                );
                saved.store(first + BATCH, Ordering::Release);
            }
        });
        let buckets = keys.0.read().buckets.len();
        assert!(buckets > 100, "{buckets} buckets");
    }

    #[test]
    fn keys_are_found_after_others_have_gone_and_after_another_start() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let keys = Keys::open(&store).unwrap();
        for first in (0..40_000).step_by(STEP) {
            save(
                &keys,
                &store,
                (first..first + BATCH).map(|place| (place, true)),
            );
        }
        for first in (0..30_000).step_by(STEP) {
            save(
                &keys,
                &store,
                (first..first + BATCH).map(|place| (place, false)),
            );
        }
        let anew = Keys::open(&store).unwrap();
        for place in 0..41_000 {
            let expected = (30_000..40_000).contains(&place).then_some(place);
            assert_eq!(keys.place(&store, key(place)).unwrap(), expected);
            assert_eq!(anew.place(&store, key(place)).unwrap(), expected);
        }
    }
}
