//! The writer's side of a view.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use triggerfish_core::{ActionState, Invocation, InvocationKey, Timestamp, invocation::place};

use crate::{
    batch::Writing,
    deadlines::NextStored,
    error::Error,
    identity::{LogIdentity, Opened, Settings, WipeReason},
    kept::Nearby,
    keys::Keys,
    meta::{Counts, Progress},
    row::Row,
    save::{Save, Saved},
    snapshot::{Recent, Snapshot},
    staged::{Body, Entry, Staged},
    store::{OpenStore, Store},
};

/// Something that is looked up when it is first asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Looked<T> {
    #[default]
    NotYet,
    Found(Option<T>),
}

/// The view of one partition, owned by the loop that folds it.
///
/// For every record: [`View::set_log_time`], [`View::get`], apply, [`View::put`],
/// [`View::advance`]. What was put is seen at once by every query; it reaches the disk
/// with the next save. A save is begun here, run on a thread that may block, and
/// finished here; changes go on meanwhile. Queries look through the buffer that is
/// being filled, the one being saved, and the disk, in this order.
#[derive(Debug)]
pub struct View {
    pub(crate) root: PathBuf,
    pub(crate) identity: LogIdentity,
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) staged: Staged,
    pub(crate) saving: Option<Arc<Staged>>,
    pub(crate) progress: Progress,
    /// What the last finished save wrote.
    saved: (u64, Timestamp),
    /// Counts wipes, so that a save begun before one is told from those after.
    generation: u64,
    /// The invocation read from disk last: mostly the one that is put next.
    last_read: Option<Arc<Entry>>,
    nearby: Nearby,
    /// The earliest deadline outside the staged buffer.
    pub(crate) next_stored: NextStored,
    /// The oldest invocation kept, once looked up.
    pub(crate) oldest: Looked<Row>,
    /// The staged buffer as the last snapshot saw it, until it changes.
    recent: Option<Arc<Recent>>,
}

impl View {
    /// Opens the view in `dir`, or starts an empty one where there is none or one of
    /// no use. Blocks; a store that its earlier owner is just closing is waited for,
    /// one second at most.
    ///
    /// # Errors
    /// When the folder can't be used or another process has it open.
    pub fn open(
        dir: &Path,
        identity: &LogIdentity,
        settings: Settings,
    ) -> Result<(Self, Opened), Error> {
        let open = Store::open(dir, identity, &settings)?;
        let opened = Opened {
            position: open.progress.position,
            wiped: open.wiped,
        };
        let view = Self::start(dir.to_owned(), identity.clone(), settings, open, 0)?;
        Ok((view, opened))
    }

    /// Throws everything away: the view is as if never used, at position 0. Blocks.
    ///
    /// # Errors
    /// When the folder can't be used.
    pub fn wipe(&mut self, reason: WipeReason) -> Result<(), Error> {
        let open = Store::wipe(&self.root, &self.identity, &self.settings, reason)?;
        *self = Self::start(
            self.root.clone(),
            self.identity.clone(),
            self.settings,
            open,
            self.generation + 1,
        )?;
        Ok(())
    }

    fn start(
        root: PathBuf,
        identity: LogIdentity,
        settings: Settings,
        open: OpenStore,
        generation: u64,
    ) -> Result<Self, Error> {
        if let Some(reason) = open.wiped {
            tracing::warn!(folder = %root.display(), reason = reason.as_str(), "view wiped");
        }
        Ok(Self {
            root,
            identity,
            settings,
            keys: Keys::open(&open.store)?,
            store: open.store,
            staged: Staged::default(),
            saving: None,
            saved: (open.progress.position, open.progress.log_time),
            progress: open.progress,
            generation,
            last_read: None,
            nearby: Nearby::default(),
            next_stored: NextStored::default(),
            oldest: Looked::NotYet,
            recent: None,
        })
    }

    /// The offset to read next: everything before it is folded in.
    pub fn position(&self) -> u64 {
        self.progress.position
    }

    /// The position that is on disk.
    pub fn saved_position(&self) -> u64 {
        self.saved.0
    }

    /// The latest time in any record so far.
    pub fn log_time(&self) -> Timestamp {
        self.progress.log_time
    }

    /// Takes note of the time in a record, before it is applied. Log time never goes
    /// back: an earlier `at` changes nothing.
    pub fn set_log_time(&mut self, at: Timestamp) {
        self.progress.log_time = self.progress.log_time.max(at);
    }

    /// Open invocations and queued calls, exactly.
    pub fn counts(&self) -> Counts {
        self.progress.counts
    }

    /// The invocation of `key`, unless its keep window has ended by the log time.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn get(&mut self, key: InvocationKey) -> Result<Option<Invocation>, Error> {
        let entry = self.entry(key)?;
        Ok(entry.and_then(|entry| entry.invocation().cloned()))
    }

    /// The action of `key`, unless its keep window has ended by the log time.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn action(&mut self, key: InvocationKey) -> Result<Option<Arc<ActionState>>, Error> {
        let entry = self.entry(key)?;
        Ok(entry.and_then(|entry| match &entry.body {
            Body::Action(action) => Some(Arc::clone(action)),
            Body::Invocation(_) => None,
        }))
    }

    /// Puts the state of an invocation after a record. `envelope` is the value of the
    /// record that requested it, given with its first put and only then.
    ///
    /// # Errors
    /// When the store can't be read, or a first put lacks the envelope.
    pub fn put(&mut self, invocation: Invocation, envelope: Option<Bytes>) -> Result<(), Error> {
        let place = invocation.place();
        self.put_body(Body::Invocation(invocation), place, envelope)
    }

    /// Puts the state of an action after a record, as with [`View::put`].
    ///
    /// # Errors
    /// As with [`View::put`].
    pub fn put_action(
        &mut self,
        action: Arc<ActionState>,
        envelope: Option<Bytes>,
    ) -> Result<(), Error> {
        let place = place(action.offset, 0);
        self.put_body(Body::Action(action), place, envelope)
    }

    fn put_body(&mut self, body: Body, place: u64, envelope: Option<Bytes>) -> Result<(), Error> {
        let before = match envelope {
            Some(_) => self.buffered(place).cloned(),
            None => self.known(place)?,
        };
        let (envelope, entered) = match (&before, envelope) {
            (Some(before), _) => (before.envelope.clone(), before.row.entered),
            (None, Some(envelope)) => (envelope, self.progress.log_time),
            (None, None) => {
                return Err(Error::NoEnvelope(match body {
                    Body::Invocation(invocation) => invocation.id,
                    Body::Action(action) => action.id,
                }));
            }
        };
        let fresh = match self.staged.entries.get(&place) {
            Some(staged) => staged.fresh,
            None => before.is_none(),
        };
        let row = match &body {
            Body::Invocation(invocation) => Row::of(invocation, entered),
            Body::Action(action) => Row::of_action(action, entered),
        };
        self.count(before.as_deref().map(|before| &before.row), &row);
        self.remember(&row);
        self.staged.put(Arc::new(Entry {
            row,
            body,
            envelope,
            fresh,
        }));
        Ok(())
    }

    /// Everything before `position` is folded in.
    pub fn advance(&mut self, position: u64) {
        self.progress.position = self.progress.position.max(position);
    }

    /// Takes note that the invocation of `key` was requested again at `offset`, which
    /// changed nothing: a rebuild must not start between the two.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn note_repeat(&mut self, key: InvocationKey, offset: u64) -> Result<(), Error> {
        if let Some(entry) = self.entry(key)?
            && entry.row.offset() < offset
        {
            let row = entry.row;
            let first = row.offset();
            self.progress.repeats.note(first, row.entered, offset);
        }
        Ok(())
    }

    /// Invocations that wait for the next save.
    pub fn staged_len(&self) -> usize {
        self.staged.entries.len()
    }

    /// Roughly the memory they take, in bytes; those being saved take as much again.
    pub fn staged_bytes(&self) -> usize {
        self.staged.bytes
    }

    /// Whether a save is under way.
    pub fn is_saving(&self) -> bool {
        self.saving.is_some()
    }

    /// Freezes what is staged for a save, unless one is under way or nothing changed.
    ///
    /// Saves must be short, for sled lets nobody read during its batch: a few thousand
    /// invocations each.
    pub fn begin_save(&mut self) -> Option<Save> {
        let now = (self.progress.position, self.progress.log_time);
        if self.saving.is_some() || (self.staged.entries.is_empty() && now == self.saved) {
            return None;
        }
        let staged = Arc::new(std::mem::take(&mut self.staged));
        self.saving = Some(Arc::clone(&staged));
        self.next_stored = NextStored::default();
        self.recent = None;
        Some(Save {
            store: self.store.clone(),
            keys: self.keys.clone(),
            settings: self.settings,
            staged,
            progress: self.progress.clone(),
            generation: self.generation,
            writing: Writing::AtOnce,
        })
    }

    /// Takes note that a save has run.
    #[expect(clippy::needless_pass_by_value, reason = "a save is finished once")]
    pub fn finish_save(&mut self, saved: Saved) {
        if saved.generation == self.generation {
            self.saved = (saved.position, saved.log_time);
            self.progress.rows = saved.rows;
            self.saving = None;
            self.nearby.forget();
            self.next_stored = NextStored::default();
        }
    }

    /// Saves what is staged here and now. Blocks.
    ///
    /// # Errors
    /// When the store can't be read or written, as with [`Save::run`].
    pub fn save(&mut self) -> Result<(), Error> {
        if let Some(save) = self.begin_save() {
            let saved = save.run()?;
            self.finish_save(saved);
        }
        Ok(())
    }

    /// As [`View::save`], but not all or nothing, which is faster and lets others read
    /// meanwhile. A view whose process ends in the middle of it is wiped at its next opening:
    /// for building one anew.
    ///
    /// # Errors
    /// As with [`View::save`].
    pub fn save_piecemeal(&mut self) -> Result<(), Error> {
        if let Some(save) = self.begin_save() {
            let writing = Writing::Piecemeal;
            let saved = Save { writing, ..save }.run()?;
            self.finish_save(saved);
        }
        Ok(())
    }

    /// Has what was saved survive a loss of power, too. Blocks for an fsync; for an
    /// orderly end, so that the next start has little to fold.
    ///
    /// # Errors
    /// When the store can't be written.
    pub fn flush(&self) -> Result<(), Error> {
        self.store.flush()
    }

    /// Bytes on disk.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn disk_bytes(&self) -> Result<u64, Error> {
        self.store.disk_bytes()
    }

    /// What readers see: the view as it is now. Cheap; goes to other threads.
    pub fn snapshot(&mut self) -> Snapshot {
        let recent = self.recent.get_or_insert_with(|| {
            let entries = self.staged.entries.values();
            Arc::new(entries.map(|e| (e.row.id.key(), Arc::clone(e))).collect())
        });
        Snapshot {
            store: self.store.clone(),
            keys: self.keys.clone(),
            settings: self.settings,
            staged: Arc::clone(recent),
            saving: self.saving.clone(),
            progress: self.progress.clone(),
        }
    }

    /// The entry of `key` if it is kept.
    fn entry(&mut self, key: InvocationKey) -> Result<Option<Arc<Entry>>, Error> {
        let entry = self.find(key)?;
        Ok(entry.filter(|entry| entry.row.is_kept(&self.settings, self.progress.log_time)))
    }

    fn find(&mut self, key: InvocationKey) -> Result<Option<Arc<Entry>>, Error> {
        if let Some(entry) = self.buffers().find_map(|buffer| buffer.by_key(key)) {
            return Ok(Some(Arc::clone(entry)));
        }
        if let Some(last) = &self.last_read
            && last.row.id.key() == key
        {
            return Ok(Some(Arc::clone(last)));
        }
        let Some(place) = self.keys.place(&self.store, key)? else {
            return Ok(None);
        };
        self.last_read = self.store.entry_by(&self.nearby, place)?;
        Ok(self.last_read.clone())
    }

    /// The entry at `place` as the buffers have it.
    pub(crate) fn buffered(&self, place: u64) -> Option<&Arc<Entry>> {
        let saving = self.saving.as_deref();
        let staged = self.staged.entries.get(&place);
        staged.or_else(|| saving.and_then(|saving| saving.entries.get(&place)))
    }

    /// The entry at `place`, wherever it is.
    pub(crate) fn known(&self, place: u64) -> Result<Option<Arc<Entry>>, Error> {
        if let Some(entry) = self.buffered(place) {
            return Ok(Some(Arc::clone(entry)));
        }
        match &self.last_read {
            Some(last) if last.row.place == place => Ok(Some(Arc::clone(last))),
            _ => self.store.entry_by(&self.nearby, place),
        }
    }

    fn count(&mut self, before: Option<&Row>, after: &Row) {
        let counts = &mut self.progress.counts;
        let difference = |count: &mut u64, test: fn(&Row) -> bool| {
            let was = u64::from(before.is_some_and(test));
            *count = (*count + u64::from(test(after))).saturating_sub(was);
        };
        difference(&mut counts.open, Row::is_open);
        difference(&mut counts.queued, Row::is_queued);
    }

    /// Keeps what was looked up earlier in step with a put.
    fn remember(&mut self, row: &Row) {
        self.recent = None;
        if self
            .last_read
            .as_ref()
            .is_some_and(|last| last.row.place == row.place)
        {
            self.last_read = None;
        }
        if self
            .last_read
            .as_ref()
            .is_some_and(|last| last.row.id.key() == row.id.key())
        {
            self.last_read = None;
        }
        self.next_stored.forget(row.place);
        match &mut self.oldest {
            Looked::Found(Some(oldest)) if oldest.place == row.place => *oldest = *row,
            Looked::Found(none @ None) => *none = Some(*row),
            _ => {}
        }
    }
}
