//! Which deadlines have passed, and when the next one does.

use std::ops::ControlFlow;

use triggerfish_core::{InvocationId, Timestamp};

use crate::{
    error::Error,
    kept::block_in,
    layout::{DEADLINES, after, number, time, timed},
    store::Order,
    view::{Looked, View},
};

pub(crate) const DAMAGED: Error = Error::Damaged("an entry of the index of deadlines is too short");

impl View {
    /// Open invocations whose deadline is not after `now`, the earliest first as far
    /// as `limit` allows. They are listed until they are closed.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn deadlines_until(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<InvocationId>, Error> {
        let mut found = Vec::new();
        for buffer in self.buffers() {
            let passed = buffer.deadlines.range(..=(now, u64::MAX));
            let passed = passed.filter(|(_, place)| self.shows(buffer, *place));
            found.extend(passed.take(limit).filter_map(|(deadline, place)| {
                let entry = buffer.entries.get(place)?;
                Some((*deadline, *place, entry.row.id))
            }));
        }
        let to = timed(DEADLINES, now, u64::MAX);
        let mut stored = 0;
        self.store
            .scan(&[DEADLINES], &to, Order::Ascending, |key, _| {
                for row in self.store.rows_near(block_in(key)?)? {
                    let passed = row.is_open() && row.deadline <= now;
                    if passed && self.buffered(row.place).is_none() {
                        found.push((row.deadline, row.place, row.id));
                        stored += 1;
                    }
                }
                Ok(if stored < limit {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            })?;
        found.sort_unstable();
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, _, id)| id).collect())
    }

    /// The earliest deadline of an open invocation. Cheap, asked at every turn of the
    /// loop: what is on disk is looked up again only when it may have changed.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn next_deadline(&mut self) -> Result<Option<Timestamp>, Error> {
        let stored = match self.next_stored.known {
            Looked::Found(stored) => stored,
            Looked::NotYet => self.look_up_next()?,
        };
        self.next_stored.known = Looked::Found(stored);
        let staged = self.staged.deadlines.first();
        let candidates = staged.copied().into_iter().chain(stored);
        Ok(candidates.map(|(deadline, _)| deadline).min())
    }

    /// The earliest deadline outside the staged buffer, and the place of its owner.
    fn look_up_next(&mut self) -> Result<Option<(Timestamp, u64)>, Error> {
        let NextStored {
            mut from,
            mut saving_from,
            ..
        } = std::mem::take(&mut self.next_stored);
        let saving = self.saving.as_deref();
        let mut next = saving.and_then(|saving| {
            let mut deadlines = saving.deadlines.range(saving_from..).copied();
            deadlines.find(|(_, place)| !self.staged.hides(*place))
        });
        saving_from = next.unwrap_or((Timestamp::MAX, u64::MAX));
        let mut all_hidden = true;
        // A save that has been written meanwhile may have moved a block forward, to the
        // earliest deadline that it brings.
        let brought = saving.and_then(|saving| saving.deadlines.first());
        let brought = brought.map(|(deadline, _)| timed(DEADLINES, *deadline, 0));
        let start = brought.map_or_else(|| from.clone(), |brought| brought.min(from.clone()));
        let end = after(&[DEADLINES]);
        self.store.scan(&start, &end, Order::Ascending, |key, _| {
            let earliest = time(number(key, 1).ok_or(DAMAGED)?);
            if all_hidden {
                from = key.to_vec();
            }
            if next.is_some_and(|(deadline, _)| deadline <= earliest) {
                return Ok(ControlFlow::Break(()));
            }
            for row in self.store.rows_near(block_in(key)?)? {
                if row.is_open() && self.buffered(row.place).is_none() {
                    let candidate = (row.deadline, row.place);
                    next = Some(next.map_or(candidate, |next| next.min(candidate)));
                    all_hidden = false;
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.next_stored.from = from;
        self.next_stored.saving_from = saving_from;
        Ok(next)
    }
}

/// What is known of the earliest deadline outside the staged buffer. Forgotten when a
/// save begins or ends: only in between do the buffers hide more and more.
#[derive(Debug)]
pub(crate) struct NextStored {
    known: Looked<(Timestamp, u64)>,
    /// Buffers hide everything before this key of the index.
    from: Vec<u8>,
    /// The staged buffer hides everything before this in the one being saved.
    saving_from: (Timestamp, u64),
}

impl Default for NextStored {
    fn default() -> Self {
        Self {
            known: Looked::NotYet,
            from: vec![DEADLINES],
            saving_from: (Timestamp::EPOCH, 0),
        }
    }
}

impl NextStored {
    /// Takes note that the invocation at `place` is staged.
    pub(crate) fn forget(&mut self, place: u64) {
        if let Looked::Found(Some((_, owner))) = self.known
            && owner == place
        {
            self.known = Looked::NotYet;
        }
    }
}
