//! Keeping sled's cache as small as it was told to be.
//!
//! sled 0.34 spreads its pages over 256 parts of its cache by their numbers and looks for
//! something to evict in a part only when that has been asked for a page 64 times. Reads here
//! and there among a great many pages therefore bring in up to 16,384 of them before the
//! first is given back, whatever the capacity. So whenever a page may have been read from
//! disk some others are asked for, small ones that exist for this alone and of which there are
//! some in every part: after 256 pages every part has been looked at.

use std::{
    hash::{DefaultHasher, Hasher as _},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use parking_lot::Mutex;

use crate::error::Error;

const TREE: &str = "evict";
/// sled numbers pages in the order in which they are made: each of 256 parts gets two.
const LEAVES: u32 = 512;
/// sled splits a leaf of more than 16 entries in half.
const ENTRIES_PER_LEAF: u32 = 8;
/// 256 parts times 64, by 256.
const TOUCHES_PER_PAGE: u32 = 64;
/// Keys that differ in the lower bits of their numbers only lie on one page, as a rule: a
/// leaf has at most 16 entries, and each stands for 32 or 64 offsets of 4,096 places.
const PAGE_SHIFT: u32 = 21;

/// So many pages may stay; the small ones are made when there are more, since most views of
/// tests, and of those who only look, never have as many.
const PAGES_FREE: u32 = 128;

/// Pages that are taken to be in the cache still: 64 times the four last used of those that
/// share a number. Few, for they may stay in memory.
type Lately = [Mutex<[u64; 4]>; 64];

/// What keeps the cache of one store small; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Evictor {
    db: sled::Db,
    fillers: Arc<OnceLock<sled::Tree>>,
    lately: Arc<Lately>,
    /// Counts the uses of others than those.
    pages: Arc<AtomicU32>,
}

impl Evictor {
    pub(crate) fn new(db: sled::Db) -> Self {
        Self {
            db,
            fillers: Arc::default(),
            lately: Arc::new([const { Mutex::new([0; 4]) }; 64]),
            pages: Arc::default(),
        }
    }

    /// `page` is used.
    pub(crate) fn uses(&self, page: Page) -> Result<(), Error> {
        if self.was_used(page) {
            return Ok(());
        }
        let before = self.pages.fetch_add(1, Ordering::Relaxed);
        if before < PAGES_FREE {
            return Ok(());
        }
        let fillers = self.fillers().map_err(Error::Read)?;
        let first = before.wrapping_mul(TOUCHES_PER_PAGE);
        for leaf in first..first.saturating_add(TOUCHES_PER_PAGE) {
            let key = leaf % LEAVES * ENTRIES_PER_LEAF;
            let _ = fillers.get(key.to_be_bytes()).map_err(Error::Read)?;
        }
        Ok(())
    }

    /// Whether `page` was used lately; it is now.
    fn was_used(&self, Page(page): Page) -> bool {
        let mut last_used = self.lately[usize::from(page.to_le_bytes()[0]) % 64].lock();
        let found = last_used.iter().position(|used| *used == page);
        let until = found.unwrap_or(last_used.len() - 1);
        last_used[..=until].rotate_right(1);
        last_used[0] = page;
        found.is_some()
    }

    fn fillers(&self) -> Result<&sled::Tree, sled::Error> {
        if let Some(fillers) = self.fillers.get() {
            return Ok(fillers);
        }
        let fillers = self.db.open_tree(TREE)?;
        let last = LEAVES * ENTRIES_PER_LEAF - 1;
        if !fillers.contains_key(last.to_be_bytes())? {
            for number in 0..=last {
                fillers.insert(number.to_be_bytes(), &[])?;
            }
        }
        Ok(self.fillers.get_or_init(|| fillers))
    }
}

/// A number that is the same for keys that are likely on one page of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page(u64);

impl Page {
    /// The page of `key`, if there are keys for about every number in it.
    pub(crate) fn of(key: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(&key[..key.len().min(1)]);
        for number in key.get(1..).unwrap_or_default().chunks(8) {
            let number = number
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            hasher.write_u64(number >> PAGE_SHIFT);
        }
        Self(hasher.finish())
    }

    /// The page of `key`, one of `keys` that are spread evenly over all numbers.
    pub(crate) fn of_spread(prefix: u8, key: u64, keys: usize) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(prefix);
        let pages = keys as u64 / u64::from(ENTRIES_PER_LEAF);
        hasher.write_u64(
            key.checked_shr(u64::BITS - pages.max(1).ilog2())
                .unwrap_or(0),
        );
        Self(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{Batch, Writing},
        layout::{ENVELOPES, KEYS, ROWS, one},
        store::testing::open,
    };

    #[test]
    fn neighbours_are_one_page_and_others_are_not() {
        let page = |kind, number: u64| Page::of(&one(kind, number));
        assert_eq!(page(ROWS, 1 << 21), page(ROWS, (2 << 21) - 1));
        assert_ne!(page(ROWS, 1 << 21), page(ROWS, 2 << 21));
        assert_ne!(page(ROWS, 1 << 21), page(ENVELOPES, 1 << 21));
    }

    #[test]
    fn a_page_that_is_used_again_and_again_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let evictor = Evictor::new(sled::open(folder.path()).unwrap());
        for key in 0..100 {
            evictor.uses(Page::of(&one(ROWS, key))).unwrap();
        }
        assert_eq!(evictor.pages.load(Ordering::Relaxed), 1);
        evictor.uses(Page::of(&one(ROWS, 7 << 20))).unwrap();
        assert_eq!(evictor.pages.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn pages_used_in_turn_count_once() {
        let folder = tempfile::tempdir().unwrap();
        let evictor = Evictor::new(sled::open(folder.path()).unwrap());
        for _ in 0..10 {
            for key in (0..1_024).map(|number| number << 54) {
                evictor.uses(Page::of_spread(KEYS, key, 1_024)).unwrap();
            }
        }
        let counted = evictor.pages.load(Ordering::Relaxed);
        // 1,024 keys lie on 128 pages, of which a few share their number with four others.
        assert!((128..512).contains(&counted), "{counted} of 1,280 pages");
    }

    const LEAVES_READ: u64 = 1_024;
    const FOLDER: &str = "EVICT_TEST_FOLDER";

    /// Of 1,024 leaves, 64 MiB together, each is read once. Another process writes them: this
    /// one would keep the memory that it took.
    #[cfg(target_os = "linux")]
    #[test]
    fn reads_here_and_there_stay_within_the_cache() {
        if let Some(folder) = std::env::var_os(FOLDER) {
            return fill(&folder);
        }
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find(|line| line.starts_with("VmRSS:"));
            let kibibytes = line.unwrap().split_whitespace().nth(1).unwrap();
            kibibytes.parse::<u64>().unwrap() >> 10
        };
        let folder = tempfile::tempdir().unwrap();
        let mut filling = std::process::Command::new(std::env::current_exe().unwrap());
        filling.args([
            "--exact",
            "evict::tests::reads_here_and_there_stay_within_the_cache",
        ]);
        filling.env(FOLDER, folder.path());
        assert!(filling.output().unwrap().status.success());
        let store = open(folder.path());
        let before = resident();
        for leaf in 0..LEAVES_READ {
            // 389 and 1,024 have no common divisor.
            let key = one(ROWS, (leaf * 389 % LEAVES_READ * 8) << 18);
            assert_eq!(store.get(&key).unwrap().unwrap().len(), 8 << 10);
        }
        let more = resident().saturating_sub(before);
        println!("{more} MiB more");
        assert!(more < 40, "{more} MiB");
    }

    fn fill(folder: &std::ffi::OsStr) {
        let store = open(folder.as_ref());
        for number in 0..LEAVES_READ * 8 {
            let mut batch = Batch::default();
            batch.insert(one(ROWS, number << 18), vec![7; 8 << 10]);
            store.apply(batch, Writing::AtOnce).unwrap();
        }
        store.flush().unwrap();
    }
}
