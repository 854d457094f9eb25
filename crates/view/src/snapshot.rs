//! The readers' side of a view.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
};

use triggerfish_core::{Invocation, InvocationKey, SubscriptionId, Timestamp};

use crate::{
    deadlines::DAMAGED,
    error::Error,
    identity::Settings,
    kept::block_in,
    keys::Keys,
    layout::{DEADLINES, ROWS, WINDOW, after, number, record_of, time, window_of},
    lists::Slot,
    meta::{Counts, Progress},
    row::Row,
    staged::{Entry, Staged},
    store::{Order, Store},
};

/// The staged buffer as a snapshot holds it, in log order.
pub(crate) type Recent = Vec<(InvocationKey, Arc<Entry>)>;

/// While fewer than one in so many rows is open, open ones are looked for in the
/// index of deadlines instead of among all rows.
const OPEN_ARE_FEW: u64 = 8;

/// Which invocations a listing is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those of these subscriptions; `None`: of all.
    pub subscriptions: Option<BTreeSet<SubscriptionId>>,
    /// Only those without an outcome.
    pub open_only: bool,
    /// Only those before this [`Invocation::place`].
    pub before: Option<u64>,
}

impl Filter {
    fn takes(&self, row: &Row) -> bool {
        let subscriptions = self.subscriptions.as_ref();
        !row.is_action()
            && (row.is_open() || !self.open_only)
            && self.before.is_none_or(|before| row.place < before)
            && subscriptions.is_none_or(|wanted| wanted.contains(&row.subscription))
    }
}

/// A view as it was when the snapshot was taken, for threads that may block.
///
/// An invocation that is changed and saved while the snapshot is in use may be seen
/// as it is afterwards.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) settings: Settings,
    pub(crate) staged: Arc<Recent>,
    pub(crate) saving: Option<Arc<Staged>>,
    pub(crate) progress: Progress,
}

impl Snapshot {
    /// The offset up to which the log is folded in.
    pub fn position(&self) -> u64 {
        self.progress.position
    }

    /// The log time.
    pub fn log_time(&self) -> Timestamp {
        self.progress.log_time
    }

    /// Open invocations and queued calls, exactly.
    pub fn counts(&self) -> Counts {
        self.progress.counts
    }

    /// The invocation of `key`, unless its keep window has ended.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn get(&self, key: InvocationKey) -> Result<Option<Invocation>, Error> {
        // An invocation staged later has the key now.
        let mut staged = self.staged.iter().rev();
        let staged = staged
            .find(|(known, _)| *known == key)
            .map(|(_, entry)| entry);
        let saving = || self.saving.as_ref().and_then(|saving| saving.by_key(key));
        let entry = match staged.or_else(saving) {
            Some(entry) => Some(Arc::clone(entry)),
            None => match self.keys.place(&self.store, key)? {
                Some(offset) => self.store.entry(offset)?,
                None => None,
            },
        };
        let kept = entry.filter(|entry| self.is_kept(&entry.row) && entry.row.id.key() == key);
        Ok(kept.and_then(|entry| entry.invocation().cloned()))
    }

    /// The newest invocations that `filter` takes, the newest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn latest(&self, filter: &Filter, limit: usize) -> Result<Vec<Invocation>, Error> {
        let mut found: BTreeMap<u64, Option<Arc<Entry>>> = BTreeMap::new();
        let buffered = self.buffered_rows(filter).take(limit);
        found.extend(buffered.map(|entry| (entry.row.place, Some(Arc::clone(entry)))));
        let mut stored = 0;
        if limit > 0 {
            self.stored_rows(filter, |row| {
                found.insert(row.place, None);
                stored += 1;
                if stored < limit {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
        }
        let mut latest = Vec::new();
        for (offset, entry) in found.into_iter().rev().take(limit) {
            let entry = match entry {
                Some(entry) => Some(entry),
                None => self.store.entry(offset)?,
            };
            latest.extend(entry.and_then(|entry| entry.invocation().cloned()));
        }
        Ok(latest)
    }

    /// The open invocations that `filter` takes whose deadlines come first, the earliest
    /// first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn soonest(&self, filter: &Filter, limit: usize) -> Result<Vec<Invocation>, Error> {
        let filter = Filter {
            open_only: true,
            ..filter.clone()
        };
        let mut found: BTreeMap<(Timestamp, u64), Option<Arc<Entry>>> = BTreeMap::new();
        let buffered = self.buffered_rows(&filter);
        found.extend(buffered.map(|entry| {
            let row = entry.row;
            ((row.deadline, row.place), Some(Arc::clone(entry)))
        }));
        let end = after(&[DEADLINES]);
        self.store
            .scan(&[DEADLINES], &end, Order::Ascending, |key, _| {
                let earliest = time(number(key, 1).ok_or(DAMAGED)?);
                // Blocks come by their earliest deadline: the others are later still.
                let last = limit.checked_sub(1).and_then(|last| found.keys().nth(last));
                if limit == 0 || last.is_some_and(|(deadline, _)| *deadline < earliest) {
                    return Ok(ControlFlow::Break(()));
                }
                for row in self.store.rows_near(block_in(key)?)? {
                    if filter.takes(&row) && self.is_kept(&row) && !self.hides(row.place) {
                        found.insert((row.deadline, row.place), None);
                    }
                }
                Ok(ControlFlow::Continue(()))
            })?;
        let mut soonest = Vec::new();
        for ((_, place), entry) in found.into_iter().take(limit) {
            let entry = match entry {
                Some(entry) => Some(entry),
                None => self.store.entry(place)?,
            };
            soonest.extend(entry.and_then(|entry| entry.invocation().cloned()));
        }
        Ok(soonest)
    }

    /// How many invocations `filter` takes. Goes through all of them, unless it is
    /// asked for all that are open.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn count(&self, filter: &Filter) -> Result<u64, Error> {
        if filter.open_only && filter.subscriptions.is_none() && filter.before.is_none() {
            return Ok(self.progress.counts.open);
        }
        let mut count = self.buffered_rows(filter).count() as u64;
        self.stored_rows(filter, |_| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    fn is_kept(&self, row: &Row) -> bool {
        row.is_kept(&self.settings, self.progress.log_time)
    }

    /// Whether a buffer has what the disk says of `offset`, or says it newer.
    fn hides(&self, offset: u64) -> bool {
        self.is_staged(offset)
            || self
                .saving
                .as_ref()
                .is_some_and(|saving| saving.hides(offset))
    }

    fn is_staged(&self, offset: u64) -> bool {
        let found = self
            .staged
            .binary_search_by_key(&offset, |(_, e)| e.row.place);
        found.is_ok()
    }

    /// Entries of both buffers that `filter` takes, newest first.
    fn buffered_rows(&self, filter: &Filter) -> impl Iterator<Item = &Arc<Entry>> {
        let saving = self
            .saving
            .iter()
            .flat_map(|saving| saving.entries.values());
        let saving = saving.filter(|entry| !self.is_staged(entry.row.place));
        let staged = self.staged.iter().map(|(_, entry)| entry);
        let mut entries: Vec<_> = staged
            .chain(saving)
            .filter(|entry| filter.takes(&entry.row) && self.is_kept(&entry.row))
            .collect();
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.row.place));
        entries.into_iter()
    }

    /// Goes through the rows on disk that `filter` takes and no buffer hides, newest
    /// first, by the way that leads past the fewest others.
    fn stored_rows(
        &self,
        filter: &Filter,
        mut visit: impl FnMut(&Row) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut visit = |row: &Row| {
            if filter.takes(row) && self.is_kept(row) && !self.hides(row.place) {
                visit(row)
            } else {
                ControlFlow::Continue(())
            }
        };
        let few = self.progress.counts.open < self.progress.rows / OPEN_ARE_FEW;
        match &filter.subscriptions {
            _ if filter.open_only && few => self.open_rows(&mut visit),
            Some(subscriptions) => self.listed_rows(subscriptions, &mut visit),
            None => self.all_rows(&mut visit),
        }
    }

    fn all_rows(&self, visit: &mut dyn FnMut(&Row) -> ControlFlow<()>) -> Result<(), Error> {
        let end = after(&[ROWS]);
        self.store.scan(&[ROWS], &end, Order::Descending, |key, _| {
            let block = block_in_rows(key)?;
            let rows = self.store.rows_near(block)?;
            Ok(rows.iter().rev().try_for_each(&mut *visit))
        })
    }

    /// Blocks with open rows all have a deadline in the index.
    fn open_rows(&self, visit: &mut dyn FnMut(&Row) -> ControlFlow<()>) -> Result<(), Error> {
        let mut open = Vec::new();
        let end = after(&[DEADLINES]);
        self.store
            .scan(&[DEADLINES], &end, Order::Ascending, |key, _| {
                let rows = self.store.rows_near(block_in(key)?)?;
                open.extend(rows.into_iter().filter(Row::is_open));
                Ok(ControlFlow::Continue(()))
            })?;
        open.sort_unstable_by_key(|row| std::cmp::Reverse(row.place));
        let _ = open.iter().try_for_each(visit);
        Ok(())
    }

    /// Goes back through the lists of all windows, the newest first.
    fn listed_rows(
        &self,
        subscriptions: &BTreeSet<SubscriptionId>,
        visit: &mut dyn FnMut(&Row) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let Some((oldest, newest)) = self.outermost_blocks()? else {
            return Ok(());
        };
        let slots: BTreeSet<Slot> = subscriptions.iter().copied().map(Slot::of).collect();
        let slots: Vec<Slot> = slots.into_iter().collect();
        let mut next = Some(window_of(newest));
        while let Some(window) = next.filter(|window| *window >= window_of(oldest)) {
            let mut records = BTreeSet::new();
            for of_list in slots.chunk_by(|one, next| one.shares_lists(*next)) {
                if let Some(list) = self.store.get(&of_list[0].key(window))? {
                    for slot in of_list {
                        records.extend(slot.records(window, &list));
                    }
                }
            }
            if self.rows_at(&records, visit)?.is_break() {
                return Ok(());
            }
            next = window.checked_sub(WINDOW);
        }
        Ok(())
    }

    /// The first and the last block of rows on disk.
    fn outermost_blocks(&self) -> Result<Option<(u64, u64)>, Error> {
        let end = after(&[ROWS]);
        let first = self.store.first(&[ROWS], &end)?;
        let last = self.store.last(&[ROWS], &end)?;
        let first = first.map(|(key, _)| block_in_rows(&key)).transpose()?;
        let last = last.map(|(key, _)| block_in_rows(&key)).transpose()?;
        Ok(first.zip(last))
    }

    /// Visits the rows of `records`, newest first, reading each block once.
    fn rows_at(
        &self,
        records: &BTreeSet<u64>,
        visit: &mut dyn FnMut(&Row) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let mut rows: Vec<Row> = Vec::new();
        let mut block = None;
        for record in records.iter().rev() {
            let of = crate::layout::block_of(*record);
            if block != Some(of) {
                rows = self.store.rows_near(of)?;
                block = Some(of);
            }
            let mut parts = rows
                .iter()
                .rev()
                .filter(|row| record_of(row.place) == *record);
            if parts.try_for_each(&mut *visit).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The block that a key of rows is about.
fn block_in_rows(key: &[u8]) -> Result<u64, Error> {
    number(key, 1).ok_or(Error::Damaged("the key of a block is short"))
}
