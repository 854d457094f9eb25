//! Keeping sled's cache as small as it was told to be.
//!
//! sled 0.34 spreads its pages over 256 parts of its cache by their numbers and looks for
//! something to evict in a part only when that has been asked for a page 64 times. Reads here
//! and there among a great many pages therefore bring in up to 16,384 of them before the
//! first is given back, whatever the capacity. So whenever a page may have been read from
//! disk some others are asked for, small ones that exist for this alone and of which there are
//! some in every part: after 128 pages every part has been looked at.

use std::{
    hash::{DefaultHasher, Hasher as _},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::error::Error;

const TREE: &str = "evict";
/// sled splits a leaf of more than 16 entries in half, and numbers pages in the order in
/// which they are made: every part of its cache gets two.
const FILLERS: u32 = 512 * 8;
/// Entries of one leaf lie side by side.
const FILLERS_PER_LEAF: u32 = 8;
/// 256 parts times 64, by 128.
const TOUCHES_PER_PAGE: u32 = 128;
/// Pages touched lately, by a hash of what is in them.
const LATELY: usize = 256;
/// Keys that differ in the lower bits of their numbers only lie on one page, as a rule: a
/// leaf has at most 16 entries, and each stands for 16 or 32 offsets of 4,096 places.
const PAGE_SHIFT: u32 = 20;

/// What keeps the cache of one store small; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Evictor {
    fillers: sled::Tree,
    lately: Arc<[AtomicU64]>,
    next: Arc<AtomicUsize>,
}

impl Evictor {
    /// Opens the small pages, or makes them.
    pub(crate) fn open(db: &sled::Db) -> Result<Self, sled::Error> {
        let fillers = db.open_tree(TREE)?;
        for number in 0..FILLERS {
            let key = number.to_be_bytes();
            if number == 0 && fillers.contains_key((FILLERS - 1).to_be_bytes())? {
                break;
            }
            fillers.insert(key, &[])?;
        }
        Ok(Self {
            fillers,
            lately: (0..LATELY).map(|_| AtomicU64::new(0)).collect(),
            next: Arc::default(),
        })
    }

    /// The page of `key` is about to be used.
    pub(crate) fn uses(&self, key: &[u8]) -> Result<(), Error> {
        let page = page_of(key);
        let slot = &self.lately[usize::try_from(page % LATELY as u64).unwrap_or_default()];
        if slot.swap(page, Ordering::Relaxed) == page {
            return Ok(());
        }
        for _ in 0..TOUCHES_PER_PAGE {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let leaf = u32::try_from(next % (FILLERS / FILLERS_PER_LEAF) as usize);
            let key = leaf.unwrap_or_default() * FILLERS_PER_LEAF;
            let _ = self.fillers.get(key.to_be_bytes()).map_err(Error::Read)?;
        }
        Ok(())
    }
}

/// A number that is the same for keys that are likely on one page.
fn page_of(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(&key[..key.len().min(1)]);
    for number in key.get(1..).unwrap_or_default().chunks(8) {
        let number = number
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        hasher.write_u64(number >> PAGE_SHIFT);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{ENVELOPES, ROWS, one};

    #[test]
    fn neighbours_are_one_page_and_others_are_not() {
        let page = |kind, number: u64| page_of(&one(kind, number));
        assert_eq!(page(ROWS, 1 << 20), page(ROWS, (2 << 20) - 1));
        assert_ne!(page(ROWS, 1 << 20), page(ROWS, 2 << 20));
        assert_ne!(page(ROWS, 1 << 20), page(ENVELOPES, 1 << 20));
        assert_eq!(page_of(b""), page_of(b""));
    }

    #[test]
    fn a_page_that_is_used_again_and_again_costs_others_once() {
        let folder = tempfile::tempdir().unwrap();
        let db = sled::open(folder.path()).unwrap();
        let evictor = Evictor::open(&db).unwrap();
        for key in 0..100 {
            evictor.uses(&one(ROWS, key)).unwrap();
        }
        assert_eq!(evictor.next.load(Ordering::Relaxed), 128);
        evictor.uses(&one(ROWS, 7 << 20)).unwrap();
        assert_eq!(evictor.next.load(Ordering::Relaxed), 256);
        drop(evictor);
        let again = Evictor::open(&db).unwrap();
        assert_eq!(again.fillers.len(), FILLERS as usize);
    }
}
