//! The digest of a view: equal views have equal digests, however they came about.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use sha2::{Digest, Sha256};

use crate::{
    error::Error,
    layout::micros,
    layout::{LARGE_STATE, pack_of},
    row::Row,
    staged::Entry,
    view::View,
};

impl View {
    /// The SHA-256 of position, log time and all invocations and actions kept, in log order:
    /// place, id, state and envelope of each. What is only on its way out does not
    /// count, nor does how much of it is saved. Reads everything; blocks.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn digest(&self) -> Result<[u8; 32], Error> {
        let mut hasher = Sha256::new();
        hasher.update(self.position().to_be_bytes());
        hasher.update(micros(self.log_time()).to_be_bytes());
        let mut buffered = self.buffered_entries().into_values().peekable();
        let mut pack = None;
        let mut envelopes = BTreeMap::new();
        self.store.rows_from(0, |row, piece| {
            while let Some(entry) = buffered.next_if(|entry| entry.row.place < row.place) {
                hash_entry(&mut hasher, &entry);
            }
            let kept = row.is_kept(&self.settings, self.log_time());
            if !kept || self.buffered(row.place).is_some() {
                return Ok(ControlFlow::Continue(()));
            }
            let of = pack_of(row.place);
            if pack != Some(of) {
                envelopes = self.store.envelopes_of(of)?;
                pack = Some(of);
            }
            let state = self.store.piece(LARGE_STATE, row.place, piece)?;
            let state = state.ok_or(Error::Damaged("a row lacks its state"))?;
            let envelope = envelopes.get(&row.place);
            let envelope = envelope.ok_or(Error::Damaged("a row lacks its envelope"))?;
            hash(&mut hasher, row, &state, envelope);
            Ok(ControlFlow::Continue(()))
        })?;
        for entry in buffered {
            hash_entry(&mut hasher, &entry);
        }
        Ok(hasher.finalize().into())
    }

    /// Kept entries of both buffers, each as the newest has it.
    fn buffered_entries(&self) -> BTreeMap<u64, Arc<Entry>> {
        let mut entries = BTreeMap::new();
        for buffer in self.buffers() {
            let shown = buffer.entries.values().filter(|entry| {
                self.shows(buffer, entry.row.place)
                    && entry.row.is_kept(&self.settings, self.log_time())
            });
            entries.extend(shown.map(|entry| (entry.row.place, Arc::clone(entry))));
        }
        entries
    }
}

fn hash_entry(hasher: &mut Sha256, entry: &Entry) {
    hash(hasher, &entry.row, &entry.state(), &entry.envelope);
}

fn hash(hasher: &mut Sha256, row: &Row, state: &[u8], envelope: &[u8]) {
    hasher.update(row.place.to_be_bytes());
    hasher.update(row.id.as_bytes());
    for bytes in [state, envelope] {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    }
}
