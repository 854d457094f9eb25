//! Changes that are not on disk yet.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use triggerfish_core::{ActionState, Invocation, InvocationKey, SubscriptionId, Timestamp};
use triggerfish_wire::{action, state};

use crate::row::{KeyHash, Row, Standing};

/// An invocation or an action, with what the view must know of it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) row: Row,
    pub(crate) body: Body,
    /// The value of the record that requested it, or asked about it.
    pub(crate) envelope: Bytes,
    /// Whether no save has taken it yet, so that its envelope is not on disk.
    pub(crate) fresh: bool,
}

/// What a row stands for.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Invocation(Invocation),
    Action(Arc<ActionState>),
}

impl Entry {
    pub(crate) const fn invocation(&self) -> Option<&Invocation> {
        match &self.body {
            Body::Invocation(invocation) => Some(invocation),
            Body::Action(_) => None,
        }
    }

    /// The part that changes, as bytes.
    pub(crate) fn state(&self) -> Vec<u8> {
        match &self.body {
            Body::Invocation(invocation) => state::encode(invocation),
            Body::Action(action) => action::encode(action),
        }
    }

    /// Roughly the memory it takes.
    fn bytes(&self) -> usize {
        let closing = self.invocation().and_then(Invocation::closing);
        let output = closing
            .and_then(|closing| closing.outcome.output())
            .map_or(0, Bytes::len);
        ENTRY_BYTES + self.envelope.len() + output
    }
}

/// What an entry takes beside its payloads: itself, its request and its places in
/// the indexes.
const ENTRY_BYTES: usize = 768;

/// One buffer of changes. A later buffer hides an earlier one, and that the disk,
/// place by place.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    pub(crate) entries: BTreeMap<u64, Arc<Entry>>,
    pub(crate) keys: HashMap<InvocationKey, u64>,
    pub(crate) deadlines: BTreeSet<(Timestamp, u64)>,
    pub(crate) calls: BTreeSet<(SubscriptionId, Timestamp, u64)>,
    pub(crate) ordered: BTreeSet<(SubscriptionId, KeyHash, u64)>,
    pub(crate) bytes: usize,
}

impl Staged {
    pub(crate) fn put(&mut self, entry: Arc<Entry>) {
        let row = entry.row;
        self.bytes += entry.bytes();
        self.keys.insert(row.id.key(), row.place);
        let before = self.entries.insert(row.place, entry);
        let before = before.map(|before| {
            self.bytes -= before.bytes();
            before.row
        });
        if before.is_some_and(|before| same_places(&before, &row)) {
            return;
        }
        if let Some(before) = before {
            self.unindex(&before);
        }
        self.index(&row);
    }

    fn index(&mut self, row: &Row) {
        if row.is_open() {
            self.deadlines.insert((row.deadline, row.place));
        }
        if let Standing::Due(due) = row.standing {
            match row.order {
                Some(hash) => {
                    self.ordered.insert((row.subscription, hash, row.place));
                }
                None => {
                    self.calls.insert((row.subscription, due, row.place));
                }
            }
        }
    }

    fn unindex(&mut self, row: &Row) {
        if row.is_open() {
            self.deadlines.remove(&(row.deadline, row.place));
        }
        if let Standing::Due(due) = row.standing {
            match row.order {
                Some(hash) => {
                    self.ordered.remove(&(row.subscription, hash, row.place));
                }
                None => {
                    self.calls.remove(&(row.subscription, due, row.place));
                }
            }
        }
    }

    /// The entry of `key`, as far as this buffer knows.
    pub(crate) fn by_key(&self, key: InvocationKey) -> Option<&Arc<Entry>> {
        self.entries.get(self.keys.get(&key)?)
    }

    pub(crate) fn hides(&self, place: u64) -> bool {
        self.entries.contains_key(&place)
    }
}

fn same_places(before: &Row, after: &Row) -> bool {
    before.standing == after.standing
}
