//! Which calls are owed: by subscription, in the order they are due, or by ordering
//! key, in the order of the log.

use std::{collections::BTreeSet, ops::ControlFlow};

use triggerfish_core::{Invocation, SubscriptionId, Timestamp, invocation::place};

use crate::{
    error::Error,
    layout::{CALLS, ORDERED, after, call, number, of_subscription, ordered, subscription, time},
    row::KeyHash,
    staged::Staged,
    store::Order,
    view::View,
};

/// Where a page of due calls ended: the time that the last one was due, and its offset.
pub type CallCursor = (Timestamp, u64);

const DAMAGED: Error = Error::Damaged("an entry of the index of calls is too short");

impl View {
    /// The subscriptions for which calls are owed, due or not, in the order of their
    /// ids.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn subscriptions_with_calls(&self) -> Result<Vec<SubscriptionId>, Error> {
        let mut found = BTreeSet::new();
        for buffer in self.buffers() {
            let calls = buffer.calls.iter().map(|(id, _, offset)| (*id, *offset));
            let ordered = buffer.ordered.iter().map(|(id, _, offset)| (*id, *offset));
            let mut last = None;
            for (subscription, offset) in calls.chain(ordered) {
                if last != Some(subscription) && self.shows(buffer, offset) {
                    found.insert(subscription);
                    last = Some(subscription);
                }
            }
        }
        for prefix in [CALLS, ORDERED] {
            self.stored_subscriptions(prefix, &mut found)?;
        }
        Ok(found.into_iter().collect())
    }

    fn stored_subscriptions(
        &self,
        prefix: u8,
        found: &mut BTreeSet<SubscriptionId>,
    ) -> Result<(), Error> {
        let mut from = vec![prefix];
        let end = after(&[prefix]);
        while let Some((key, _)) = self.store.first(&from, &end)? {
            let candidate = subscription(&key).ok_or(DAMAGED)?;
            let part = of_subscription(prefix, candidate);
            from = after(&part);
            if found.contains(&candidate) {
                continue;
            }
            self.store.scan(&part, &from, Order::Ascending, |key, _| {
                if self.buffered(number(key, 25).ok_or(DAMAGED)?).is_some() {
                    return Ok(ControlFlow::Continue(()));
                }
                found.insert(candidate);
                Ok(ControlFlow::Break(()))
            })?;
        }
        Ok(())
    }

    /// A page of the calls without an order that `subscription` is owed, in the order
    /// they are due, whether due yet or not; `after` is where the page before ended.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn due_calls(
        &self,
        subscription: SubscriptionId,
        after: Option<CallCursor>,
        limit: usize,
    ) -> Result<Vec<Invocation>, Error> {
        let first = match after {
            Some((due, offset)) => (due, place(offset.saturating_add(1), 0)),
            None => (Timestamp::EPOCH, 0),
        };
        let mut found = BTreeSet::new();
        for buffer in self.buffers() {
            let range = (subscription, first.0, first.1)..=(subscription, Timestamp::MAX, u64::MAX);
            let calls = buffer.calls.range(range);
            let calls = calls.filter(|(_, _, offset)| self.shows(buffer, *offset));
            found.extend(calls.map(|(_, due, offset)| (*due, *offset)).take(limit));
        }
        let from = call(subscription, first.0, first.1);
        let to = crate::layout::after(&of_subscription(CALLS, subscription));
        let mut stored = 0;
        self.store.scan(&from, &to, Order::Ascending, |key, _| {
            if stored == limit {
                return Ok(ControlFlow::Break(()));
            }
            let due = time(number(key, 17).ok_or(DAMAGED)?);
            let offset = number(key, 25).ok_or(DAMAGED)?;
            if self.buffered(offset).is_none() {
                found.insert((due, offset));
                stored += 1;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        found
            .into_iter()
            .take(limit)
            .map(|(_, offset)| self.indexed(offset))
            .collect()
    }

    /// A page of the ordering keys for which `subscription` is owed calls; `after` is
    /// the last one of the page before.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn ordering_keys(
        &self,
        subscription: SubscriptionId,
        after: Option<KeyHash>,
        limit: usize,
    ) -> Result<Vec<KeyHash>, Error> {
        let first = match after {
            Some(KeyHash(u64::MAX)) => return Ok(Vec::new()),
            Some(KeyHash(hash)) => KeyHash(hash + 1),
            None => KeyHash(0),
        };
        let mut found = BTreeSet::new();
        for buffer in self.buffers() {
            let range = (subscription, first, 0)..=(subscription, KeyHash(u64::MAX), u64::MAX);
            let mut hashes: Vec<_> = buffer
                .ordered
                .range(range)
                .filter(|(_, _, offset)| self.shows(buffer, *offset))
                .map(|(_, hash, _)| *hash)
                .collect();
            hashes.dedup();
            found.extend(hashes.into_iter().take(limit));
        }
        let mut from = ordered(subscription, first, 0);
        let end = crate::layout::after(&of_subscription(ORDERED, subscription));
        let mut stored = 0;
        while stored < limit {
            let Some((key, _)) = self.store.first(&from, &end)? else {
                break;
            };
            let hash = KeyHash(number(&key, 17).ok_or(DAMAGED)?);
            if self.stored_head(subscription, hash, 0)?.is_some() {
                found.insert(hash);
                stored += 1;
            }
            from = crate::layout::after(&key[..25]);
        }
        Ok(found.into_iter().take(limit).collect())
    }

    /// The oldest invocation of an ordering key that owes a call: the only one of its
    /// key that may be called. None is looked for that is at a place before `from`.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn head_of_key(
        &self,
        subscription: SubscriptionId,
        hash: KeyHash,
        from: u64,
    ) -> Result<Option<Invocation>, Error> {
        let mut head = self.stored_head(subscription, hash, from)?;
        for buffer in self.buffers() {
            let range = (subscription, hash, from)..=(subscription, hash, u64::MAX);
            let mut calls = buffer.ordered.range(range).map(|(_, _, offset)| *offset);
            let first = calls.find(|offset| self.shows(buffer, *offset));
            head = head.into_iter().chain(first).min();
        }
        head.map(|offset| self.indexed(offset)).transpose()
    }

    /// The oldest one on disk that no buffer hides.
    fn stored_head(
        &self,
        subscription: SubscriptionId,
        hash: KeyHash,
        from: u64,
    ) -> Result<Option<u64>, Error> {
        let from = ordered(subscription, hash, from);
        let to = crate::layout::after(&from[..25]);
        let mut head = None;
        self.store.scan(&from, &to, Order::Ascending, |key, _| {
            let offset = number(key, 25).ok_or(DAMAGED)?;
            if self.buffered(offset).is_some() {
                return Ok(ControlFlow::Continue(()));
            }
            head = Some(offset);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(head)
    }

    /// The invocation that an index points at.
    fn indexed(&self, place: u64) -> Result<Invocation, Error> {
        let entry = self.known(place)?;
        let entry = entry.ok_or(Error::Damaged("an index points at nothing"))?;
        let invocation = entry.invocation().cloned();
        invocation.ok_or(Error::Damaged("a call is owed for what is no invocation"))
    }

    /// The buffers, the newest first.
    pub(crate) fn buffers(&self) -> impl Iterator<Item = &Staged> {
        std::iter::once(&self.staged).chain(self.saving.as_deref())
    }

    /// Whether what `buffer` says of `offset` is the newest.
    pub(crate) fn shows(&self, buffer: &Staged, offset: u64) -> bool {
        std::ptr::eq(buffer, &raw const self.staged) || !self.staged.hides(offset)
    }
}
