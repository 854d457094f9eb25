//! The sled database of a view: opening, checking, throwing away, reading.
//!
//! Every generation of a view has a folder of its own, so that what an earlier one
//! still does in the background never touches the next. sled may panic on damaged
//! files; such a panic ends here, as an error, and marks the view so that the next
//! opening wipes it.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sled::IVec;

use crate::{
    batch::{Batch, Writing},
    blocks,
    error::Error,
    evict::{Evictor, Page},
    identity::{LogIdentity, Settings, WipeReason},
    layout::{
        CALLS, DEADLINES, ENVELOPES, FORMAT, IDENTITY, KEYS, LISTS, ORDERED, PROGRESS, REMOVALS,
        ROWS, RUNS, UNFINISHED, after,
    },
    meta::Progress,
};

/// Present in the view's folder when the store was found damaged.
const DAMAGED_MARK: &str = "damaged";
const GENERATION: &str = "view-";
/// How often a store that is still in use is tried, and how far apart.
const OPEN_ATTEMPTS: u32 = 20;
const OPEN_PAUSE: Duration = Duration::from_millis(50);

/// Which way to go through a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// One open store; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    db: sled::Db,
    evictor: Evictor,
    root: Arc<Path>,
}

/// A store and what it knew already.
#[derive(Debug)]
pub(crate) struct OpenStore {
    pub(crate) store: Store,
    pub(crate) progress: Progress,
    pub(crate) wiped: Option<WipeReason>,
}

/// What keeps an existing store from being used.
enum Trouble {
    Wipe(WipeReason),
    Fatal(Error),
}

impl Store {
    /// Opens the newest generation under `root`, or a first one, or, where the newest
    /// is of no use, another.
    pub(crate) fn open(
        root: &Path,
        identity: &LogIdentity,
        settings: &Settings,
    ) -> Result<OpenStore, Error> {
        std::fs::create_dir_all(root).map_err(folder(root, "made"))?;
        let newest = generations(root)?.into_iter().max();
        let Some(newest) = newest else {
            return Self::create(root, 0, identity, settings, None);
        };
        let reason = if root.join(DAMAGED_MARK).exists() {
            WipeReason::Damaged
        } else {
            match Self::reopen(root, newest, identity, settings) {
                Ok(open) => return Ok(open),
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(Trouble::Wipe(reason)) => reason,
            }
        };
        Self::create(root, newest + 1, identity, settings, Some(reason))
    }

    /// Starts an empty generation after the newest and removes the earlier ones.
    pub(crate) fn wipe(
        root: &Path,
        identity: &LogIdentity,
        settings: &Settings,
        reason: WipeReason,
    ) -> Result<OpenStore, Error> {
        let newest = generations(root)?.into_iter().max().unwrap_or(0);
        Self::create(root, newest + 1, identity, settings, Some(reason))
    }

    fn reopen(
        root: &Path,
        generation: u64,
        identity: &LogIdentity,
        settings: &Settings,
    ) -> Result<OpenStore, Trouble> {
        let path = generation_folder(root, generation);
        let opened = catch_unwind(AssertUnwindSafe(|| open_db(&path, settings)));
        let db = match opened {
            Ok(Ok(db)) => db,
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(Trouble::Wipe(WipeReason::Damaged)),
        };
        let store = Self {
            evictor: Evictor::new(db.clone()),
            db,
            root: root.into(),
        };
        match store.check(identity, settings) {
            Ok(Ok(progress)) => Ok(OpenStore {
                store,
                progress,
                wiped: None,
            }),
            Ok(Err(reason)) => Err(Trouble::Wipe(reason)),
            Err(Error::Damaged(_)) => Err(Trouble::Wipe(WipeReason::Damaged)),
            Err(error) => Err(Trouble::Fatal(error)),
        }
    }

    fn create(
        root: &Path,
        generation: u64,
        identity: &LogIdentity,
        settings: &Settings,
        wiped: Option<WipeReason>,
    ) -> Result<OpenStore, Error> {
        for earlier in generations(root)? {
            let path = generation_folder(root, earlier);
            std::fs::remove_dir_all(&path).map_err(folder(&path, "removed"))?;
        }
        let path = generation_folder(root, generation);
        let db = open_db(&path, settings).map_err(|trouble| match trouble {
            Trouble::Fatal(error) => error,
            Trouble::Wipe(_) => Error::Damaged("a store just made does not open"),
        })?;
        let store = Self {
            evictor: Evictor::new(db.clone()),
            db,
            root: root.into(),
        };
        let progress = Progress::default();
        let mut batch = Batch::default();
        batch.insert(IDENTITY, identity_record(identity, settings));
        batch.insert(PROGRESS, progress.encode());
        store.apply(batch, Writing::AtOnce)?;
        let mark = root.join(DAMAGED_MARK);
        if mark.exists() {
            std::fs::remove_file(&mark).map_err(folder(&mark, "removed"))?;
        }
        Ok(OpenStore {
            store,
            progress,
            wiped,
        })
    }

    /// Whether this is the store it is taken for, and can be read.
    fn check(
        &self,
        identity: &LogIdentity,
        settings: &Settings,
    ) -> Result<Result<Progress, WipeReason>, Error> {
        let Some(found) = self.get(IDENTITY)? else {
            return Ok(Err(WipeReason::Unborn));
        };
        let expected = identity_record(identity, settings);
        if found.first() != expected.first() {
            return Ok(Err(WipeReason::Format));
        }
        if found.get(KEEP_WINDOWS) != expected.get(KEEP_WINDOWS) {
            return Ok(Err(WipeReason::KeepWindows));
        }
        if *found != *expected {
            return Ok(Err(WipeReason::OtherLog));
        }
        if self.get(UNFINISHED)?.is_some() {
            return Ok(Err(WipeReason::Unfinished));
        }
        for prefix in [
            ROWS, ENVELOPES, DEADLINES, REMOVALS, CALLS, ORDERED, LISTS, KEYS, RUNS,
        ] {
            let _ = self.first(&[prefix], &after(&[prefix]))?;
            let _ = self.last(&[prefix], &after(&[prefix]))?;
        }
        let progress = self.get(PROGRESS)?;
        Ok(progress
            .and_then(|progress| Progress::decode(&progress))
            .ok_or(WipeReason::Damaged))
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<IVec>, Error> {
        self.get_on(Page::of(key), key)
    }

    /// As [`Self::get`], where it is better known on which page that is.
    pub(crate) fn get_on(&self, page: Page, key: &[u8]) -> Result<Option<IVec>, Error> {
        self.guarded(|| {
            self.evictor.uses(page)?;
            self.db.get(key).map_err(Error::Read)
        })
    }

    /// The block or pack of `key`; without it an empty one.
    pub(crate) fn block(&self, key: &[u8]) -> Result<Vec<u8>, Error> {
        self.guarded(|| match self.get(key)? {
            Some(stored) => blocks::decompress(&stored),
            None => Ok(Vec::new()),
        })
    }

    /// The first key from `from` on, before `to`.
    pub(crate) fn first(&self, from: &[u8], to: &[u8]) -> Result<Option<(IVec, IVec)>, Error> {
        self.guarded(|| {
            let mut range = self.db.range(from..to);
            range.next().transpose().map_err(Error::Read)
        })
    }

    /// The last key before `to`, not before `from`.
    pub(crate) fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<(IVec, IVec)>, Error> {
        self.guarded(|| {
            let mut range = self.db.range(from..to);
            range.next_back().transpose().map_err(Error::Read)
        })
    }

    /// Goes through the keys from `from` on, before `to`, until told to stop.
    pub(crate) fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        self.guarded(|| {
            let mut range = self.db.range(from..to);
            loop {
                let next = match order {
                    Order::Ascending => range.next(),
                    Order::Descending => range.next_back(),
                };
                let Some(pair) = next else { return Ok(()) };
                let (key, value) = pair.map_err(Error::Read)?;
                self.evictor.uses(Page::of(&key))?;
                if visit(&key, &value)?.is_break() {
                    return Ok(());
                }
            }
        })
    }

    /// Carries out `batch`.
    pub(crate) fn apply(&self, batch: Batch, writing: Writing) -> Result<(), Error> {
        self.guarded(|| batch.write(&self.db, writing).map_err(Error::Save))
    }

    /// Puts on disk what was saved so far.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.guarded(|| self.db.flush().map(|_| ()).map_err(Error::Save))
    }

    /// Bytes on disk.
    pub(crate) fn disk_bytes(&self) -> Result<u64, Error> {
        self.guarded(|| self.db.size_on_disk().map_err(Error::Read))
    }

    /// Runs `access`; what shows damage marks the view for wiping.
    pub(crate) fn guarded<T>(&self, access: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let result = catch_unwind(AssertUnwindSafe(access))
            .unwrap_or(Err(Error::Damaged("the store panicked")))
            .map_err(|error| match error {
                Error::Read(e) | Error::Save(e) if !matches!(e, sled::Error::Io(_)) => {
                    tracing::warn!(error = %e, "view is damaged");
                    Error::Damaged("the store says so")
                }
                other => other,
            });
        if let Err(Error::Damaged(_) | Error::Decode(_)) = &result {
            self.mark_damaged();
        }
        result
    }

    /// Has the next opening wipe the view.
    pub(crate) fn mark_damaged(&self) {
        let mark = self.root.join(DAMAGED_MARK);
        if let Err(error) = std::fs::write(&mark, b"") {
            tracing::warn!(path = %mark.display(), %error, "damage of a view could not be marked");
        }
    }
}

/// Bytes of the identity record that hold the keep windows.
const KEEP_WINDOWS: std::ops::Range<usize> = 1..49;

fn identity_record(identity: &LogIdentity, settings: &Settings) -> Vec<u8> {
    let mut record = vec![FORMAT];
    record.extend_from_slice(&settings.keep_completed.as_micros().to_be_bytes());
    record.extend_from_slice(&settings.keep_failed.as_micros().to_be_bytes());
    record.extend_from_slice(&settings.keep_callbacks.as_micros().to_be_bytes());
    record.extend_from_slice(&identity.partition.to_be_bytes());
    record.extend_from_slice(&(identity.cluster.len() as u64).to_be_bytes());
    record.extend_from_slice(identity.cluster.as_bytes());
    record.extend_from_slice(identity.topic.as_bytes());
    record
}

/// sled puts what is larger than a quarter of a segment into a file of its own; a page
/// of packs should stay below that.
const SEGMENT_BYTES: usize = 1 << 20;

/// No timed flush: a view need not be durable, and an fsync of its own would compete
/// with those of the log. sled writes its buffers in order as they fill, and all of
/// them when the view is closed.
fn open_db(path: &Path, settings: &Settings) -> Result<sled::Db, Trouble> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(settings.cache_bytes)
        .segment_size(SEGMENT_BYTES)
        .mode(sled::Mode::HighThroughput)
        .flush_every_ms(None);
    let mut attempts = 1;
    loop {
        match config.open() {
            Ok(db) => return Ok(db),
            Err(error) if in_use(&error) => {
                if attempts == OPEN_ATTEMPTS {
                    let path = path.into();
                    return Err(Trouble::Fatal(Error::InUse { path }));
                }
                attempts += 1;
                std::thread::sleep(OPEN_PAUSE);
            }
            Err(source) if is_environment(&source) => {
                let path = path.into();
                return Err(Trouble::Fatal(Error::Open { path, source }));
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "view does not open");
                return Err(Trouble::Wipe(WipeReason::Damaged));
            }
        }
    }
}

/// sled has no error of its own for a lock that another holds.
fn in_use(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(e) if e.to_string().contains("could not acquire lock"))
}

/// Errors of the machine rather than of the files' contents.
fn is_environment(error: &sled::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let sled::Error::Io(error) = error else {
        return false;
    };
    matches!(
        error.kind(),
        PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
    )
}

fn generations(root: &Path) -> Result<Vec<u64>, Error> {
    let entries = std::fs::read_dir(root).map_err(folder(root, "listed"))?;
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(folder(root, "listed"))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(GENERATION));
        found.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    Ok(found)
}

fn generation_folder(root: &Path, generation: u64) -> PathBuf {
    root.join(format!("{GENERATION}{generation}"))
}

fn folder(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Folder {
        path,
        action,
        source,
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::{path::Path, time::Duration};

    use super::Store;
    use crate::identity::{LogIdentity, Settings};

    /// A store with a cache of one mebibyte.
    pub(crate) fn open(folder: &Path) -> Store {
        let identity = LogIdentity {
            cluster: "test".into(),
            topic: "invocation-log".into(),
            partition: 0,
        };
        let settings = Settings {
            keep_completed: Duration::from_hours(1),
            keep_failed: Duration::from_hours(1),
            keep_callbacks: Duration::from_hours(1),
            cache_bytes: 1 << 20,
        };
        Store::open(folder, &identity, &settings).unwrap().store
    }
}
