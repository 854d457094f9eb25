//! Changes of a store, on their way into it.

use sled::IVec;

use crate::layout::UNFINISHED;

/// What one save writes and removes. Of two changes of the same key the later one counts.
#[derive(Debug, Default)]
pub(crate) struct Batch(Vec<(IVec, Option<IVec>)>);

/// How the changes of a batch get into the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// All or nothing. sled lets nobody read meanwhile, in no store of the process.
    AtOnce,
    /// One by one. A store that was left in the middle of it is good for nothing, and says so.
    Piecemeal,
}

impl Batch {
    pub(crate) fn insert(&mut self, key: impl Into<IVec>, value: impl Into<IVec>) {
        self.0.push((key.into(), Some(value.into())));
    }

    pub(crate) fn remove(&mut self, key: impl Into<IVec>) {
        self.0.push((key.into(), None));
    }

    pub(crate) fn write(self, db: &sled::Db, writing: Writing) -> sled::Result<()> {
        match writing {
            Writing::AtOnce => self.at_once(db),
            Writing::Piecemeal => self.piecemeal(db),
        }
    }

    fn at_once(self, db: &sled::Db) -> sled::Result<()> {
        let mut batch = sled::Batch::default();
        for (key, value) in self.0 {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        db.apply_batch(batch)
    }

    /// sled's log has these changes in their order, so what is left of them after a crash has
    /// the mark as long as anything is missing.
    fn piecemeal(self, db: &sled::Db) -> sled::Result<()> {
        db.insert(UNFINISHED, &[])?;
        for (key, value) in self.0 {
            match value {
                Some(value) => db.insert(key, value)?,
                None => db.remove(key)?,
            };
        }
        db.remove(UNFINISHED)?;
        Ok(())
    }
}
