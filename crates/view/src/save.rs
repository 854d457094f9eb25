//! Saving: one buffer of changes becomes one atomic batch.
//!
//! A save reads the blocks it touches, puts the changed rows in, and derives every
//! index entry from the rows before and after, so that the indexes can't drift from
//! the rows. It also removes blocks whose keep windows have ended, a bounded number
//! at a time.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry as Slot},
    ops::ControlFlow,
    sync::Arc,
};

use triggerfish_core::{InvocationKey, Timestamp};

use crate::{
    batch::{Batch, Writing},
    blocks::{self, Piece},
    error::Error,
    identity::Settings,
    kept::block_in,
    keys::{Keys, Pending},
    layout::{
        DEADLINES, ENVELOPES, LARGE_ENVELOPE, LARGE_STATE, PROGRESS, REMOVALS, ROWS, block_of,
        call, one, ordered, pack_of, packs, timed,
    },
    lists,
    meta::Progress,
    row::{Row, Standing},
    staged::{Entry, Staged},
    store::{Order, Store},
};

/// Blocks removed by every save, and one more for every so many entries it takes.
const REMOVALS_MIN: usize = 32;
const ENTRIES_PER_REMOVAL: usize = 2;
/// sled frees the memory of replaced nodes by and by, as it is used; a large batch
/// counts as one use. This many reads afterwards let it catch up.
const READS_TO_COLLECT: usize = 256;

/// A save that is ready to run, on a thread that may block.
#[derive(Debug)]
#[must_use = "nothing is saved until it is run and finished"]
pub struct Save {
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) settings: Settings,
    pub(crate) staged: Arc<Staged>,
    pub(crate) progress: Progress,
    pub(crate) generation: u64,
    pub(crate) writing: Writing,
}

/// A save that is on its way to disk; hand it to [`crate::View::finish_save`].
#[derive(Debug)]
#[must_use = "reads look into the saved buffer until the save is finished"]
pub struct Saved {
    pub(crate) position: u64,
    pub(crate) log_time: Timestamp,
    pub(crate) rows: u64,
    pub(crate) generation: u64,
}

/// A batch in the making.
struct Draft<'a> {
    save: &'a Save,
    batch: Batch,
    lists: lists::Changes,
    keys: BTreeMap<InvocationKey, Option<u64>>,
    rows: u64,
}

impl Save {
    /// How many invocations it saves.
    pub fn len(&self) -> usize {
        self.staged.entries.len()
    }

    /// Whether it saves no more than the position.
    pub fn is_empty(&self) -> bool {
        self.staged.entries.is_empty()
    }

    /// Does the work: reads, writes, no waiting for the disk's cache.
    ///
    /// # Errors
    /// When the store can't be read or written. The view is of no use then: drop it
    /// and open it again.
    pub fn run(self) -> Result<Saved, Error> {
        self.store.guarded(|| self.write())
    }

    fn write(&self) -> Result<Saved, Error> {
        let mut draft = Draft {
            save: self,
            batch: Batch::default(),
            lists: lists::Changes::default(),
            keys: BTreeMap::new(),
            rows: self.progress.rows,
        };
        let touched = draft.write_blocks()?;
        draft.remove_expired(&touched)?;
        draft.write_lists()?;
        let pending = draft.write_keys()?;
        let (mut batch, rows) = (draft.batch, draft.rows);
        let progress = Progress {
            rows,
            ..self.progress.clone()
        };
        batch.insert(PROGRESS, progress.encode());
        self.keys
            .commit(pending, || self.store.apply(batch, self.writing))?;
        for _ in 0..READS_TO_COLLECT {
            let _ = self.store.get(PROGRESS)?;
        }
        Ok(Saved {
            position: progress.position,
            log_time: progress.log_time,
            rows,
            generation: self.generation,
        })
    }
}

impl Draft<'_> {
    /// Writes all staged entries; returns the blocks they are in.
    fn write_blocks(&mut self) -> Result<BTreeSet<u64>, Error> {
        let save = self.save;
        let mut touched = BTreeSet::new();
        let mut entries = save.staged.entries.iter().peekable();
        while let Some((place, _)) = entries.peek() {
            let block = block_of(**place);
            let mut of_block = Vec::new();
            while let Some((_, entry)) = entries.next_if(|(place, _)| block_of(**place) == block) {
                of_block.push(entry);
            }
            self.write_block(block, &of_block)?;
            touched.insert(block);
        }
        Ok(touched)
    }

    fn write_block(&mut self, block: u64, entries: &[&Arc<Entry>]) -> Result<(), Error> {
        let stored = self.save.store.block(&one(ROWS, block))?;
        let mut before = Vec::new();
        let mut after = BTreeMap::new();
        for row in blocks::rows(&stored) {
            let (row, piece) = row?;
            before.push(row);
            after.insert(row.place, (row, piece));
        }
        for entry in entries {
            let piece = self.state_piece(entry);
            match after.entry(entry.row.place) {
                Slot::Occupied(mut slot) => {
                    let (known, old_piece) = slot.insert((entry.row, piece));
                    if old_piece == Piece::Apart && slot.get().1 != Piece::Apart {
                        self.batch.remove(one(LARGE_STATE, known.place));
                    }
                    self.index_call(Some(&known), Some(&entry.row));
                }
                Slot::Vacant(slot) => {
                    slot.insert((entry.row, piece));
                    self.index_call(None, Some(&entry.row));
                    self.list(&entry.row, true);
                    self.rows += 1;
                    self.keys.insert(entry.row.id.key(), Some(entry.row.place));
                }
            }
        }
        let mut bytes = Vec::with_capacity(stored.len() + entries.len() * 128);
        for (row, piece) in after.values() {
            blocks::push_row(&mut bytes, row, piece);
        }
        self.batch
            .insert(one(ROWS, block), blocks::compress(&bytes));
        let after: Vec<Row> = after.into_values().map(|(row, _)| row).collect();
        self.index_block(block, &before, &after);
        self.write_envelopes(entries)
    }

    /// The state of `entry` as it goes into its block.
    fn state_piece(&mut self, entry: &Entry) -> Piece<'static> {
        let state = entry.state();
        if blocks::state_fits(&state) {
            return Piece::Here(state.into());
        }
        self.batch.insert(one(LARGE_STATE, entry.row.place), state);
        Piece::Apart
    }

    /// Adds the envelopes that are not on disk yet to their packs.
    fn write_envelopes(&mut self, entries: &[&Arc<Entry>]) -> Result<(), Error> {
        let mut fresh = entries.iter().filter(|entry| entry.fresh).peekable();
        while let Some(first) = fresh.peek() {
            let pack = pack_of(first.row.place);
            let mut bytes = self.save.store.block(&one(ENVELOPES, pack))?;
            while let Some(entry) = fresh.next_if(|entry| pack_of(entry.row.place) == pack) {
                let place = entry.row.place;
                let piece = if blocks::envelope_fits(&entry.envelope) {
                    Piece::Here((&entry.envelope[..]).into())
                } else {
                    let key = one(LARGE_ENVELOPE, place);
                    self.batch.insert(key, &entry.envelope[..]);
                    Piece::Apart
                };
                blocks::push_envelope(&mut bytes, place, &piece);
            }
            self.batch
                .insert(one(ENVELOPES, pack), blocks::compress(&bytes));
        }
        Ok(())
    }

    /// Brings the indexes of whole blocks from `before` to `after`.
    fn index_block(&mut self, block: u64, before: &[Row], after: &[Row]) {
        let settings = &self.save.settings;
        let changes = [
            (DEADLINES, next_deadline(before), next_deadline(after)),
            (
                REMOVALS,
                removable(before, settings),
                removable(after, settings),
            ),
        ];
        for (prefix, before, after) in changes {
            if before == after {
                continue;
            }
            if let Some(before) = before {
                self.batch.remove(timed(prefix, before, block));
            }
            if let Some(after) = after {
                self.batch.insert(timed(prefix, after, block), &[]);
            }
        }
    }

    fn index_call(&mut self, before: Option<&Row>, after: Option<&Row>) {
        let (before, after) = (before.and_then(call_key), after.and_then(call_key));
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.batch.remove(before);
        }
        if let Some(after) = after {
            self.batch.insert(after, &[]);
        }
    }

    fn list(&mut self, row: &Row, present: bool) {
        if row.is_action() {
            return;
        }
        self.lists.note(row, present);
    }

    /// Removes wholly closed blocks whose last row is no longer kept.
    fn remove_expired(&mut self, touched: &BTreeSet<u64>) -> Result<(), Error> {
        let save = self.save;
        let mut budget = REMOVALS_MIN + save.staged.entries.len() / ENTRIES_PER_REMOVAL;
        let to = timed(REMOVALS, save.progress.log_time, 0);
        let mut expired = Vec::new();
        save.store
            .scan(&[REMOVALS], &to, Order::Ascending, |key, _| {
                let block = block_in(key)?;
                if !touched.contains(&block) {
                    expired.push((key.to_vec(), block));
                    budget -= 1;
                }
                Ok(if budget == 0 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })?;
        for (mark, block) in expired {
            self.batch.remove(mark);
            self.remove_block(block)?;
        }
        Ok(())
    }

    fn remove_block(&mut self, block: u64) -> Result<(), Error> {
        let store = &self.save.store;
        let stored = store.block(&one(ROWS, block))?;
        for row in blocks::rows(&stored) {
            let (row, state) = row?;
            if state == Piece::Apart {
                self.batch.remove(one(LARGE_STATE, row.place));
            }
            self.list(&row, false);
            self.rows = self.rows.saturating_sub(1);
            let key = row.id.key();
            // The key may belong to a later invocation by now.
            if !self.keys.contains_key(&key) && self.save.keys.place(store, key)? == Some(row.place)
            {
                self.keys.insert(key, None);
            }
        }
        for pack in packs(block) {
            self.remove_envelopes(pack)?;
        }
        self.batch.remove(one(ROWS, block));
        Ok(())
    }

    fn remove_envelopes(&mut self, pack: u64) -> Result<(), Error> {
        let Some(stored) = self.save.store.get(&one(ENVELOPES, pack))? else {
            return Ok(());
        };
        for envelope in blocks::envelopes(&blocks::decompress(&stored)?) {
            if let (place, Piece::Apart) = envelope? {
                self.batch.remove(one(LARGE_ENVELOPE, place));
            }
        }
        self.batch.remove(one(ENVELOPES, pack));
        Ok(())
    }

    fn write_lists(&mut self) -> Result<(), Error> {
        for (key, change) in std::mem::take(&mut self.lists).into_lists() {
            let stored = self.save.store.get(&key)?.unwrap_or_default();
            let list = change.apply(&stored);
            if list.is_empty() {
                self.batch.remove(key);
            } else {
                self.batch.insert(key, list);
            }
        }
        Ok(())
    }

    fn write_keys(&mut self) -> Result<Pending, Error> {
        let save = self.save;
        let changes = std::mem::take(&mut self.keys).into_iter();
        save.keys.stage(&save.store, changes, &mut self.batch)
    }
}

/// The earliest deadline among the open ones.
fn next_deadline(rows: &[Row]) -> Option<Timestamp> {
    let open = rows.iter().filter(|row| row.is_open());
    open.map(|row| row.deadline).min()
}

/// The last log time at which one of them is kept, if all are closed.
fn removable(rows: &[Row], settings: &Settings) -> Option<Timestamp> {
    let ends: Option<Vec<_>> = rows.iter().map(|row| row.kept_until(settings)).collect();
    ends?.into_iter().max()
}

/// Where a row that owes a call stands in the index of calls.
fn call_key(row: &Row) -> Option<Vec<u8>> {
    let Standing::Due(due) = row.standing else {
        return None;
    };
    Some(match row.order {
        Some(hash) => ordered(row.subscription, hash, row.place),
        None => call(row.subscription, due, row.place),
    })
}
