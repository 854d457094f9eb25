//! Which subscriptions are switched on when, as far as that can be known from outside: from a
//! while after a change was acknowledged it holds, and meanwhile either may be.

use std::collections::BTreeMap;

use triggerfish_core::{Origin, SubscriptionId};

use super::{Checks, Seen};
use crate::cast;

/// How long a process may take to hear of a change when nothing is wrong, in milliseconds.
const HEARD: u64 = 1_000;

/// Times are milliseconds of the world.
struct Change {
    on: bool,
    asked: u64,
    /// From when on it is known to hold; never if it had to be asked for more than once, for
    /// the first time may count last.
    holds: Option<u64>,
}

/// See the head of the file.
#[derive(Default)]
pub(super) struct Switches(BTreeMap<SubscriptionId, Vec<Change>>);

impl Switches {
    /// What the switch of `of` may have stood at between `from` and `until`.
    fn between(&self, of: SubscriptionId, from: u64, until: u64) -> Vec<bool> {
        let changes = self.0.get(&of).map_or(&[][..], Vec::as_slice);
        let is_settled = |change: &Change| change.holds.is_some_and(|holds| holds <= from);
        let settled = changes.iter().rfind(|change| is_settled(change));
        let before = settled.map_or(cast::was_on(of), |change| change.on);
        let others = changes.iter().filter(|change| !is_settled(change));
        let others = others.filter(|change| change.asked <= until);
        let mut states = vec![before];
        states.extend(others.map(|change| change.on));
        states
    }
}

impl Seen {
    /// Whether somebody who is to be told of an event that came at `since` must have been told
    /// by `now`.
    pub(super) fn must_be_told(&self, of: SubscriptionId, since: u64, now: u64) -> bool {
        let from = if self.troubles.is_calm(since, now) {
            since
        } else {
            0
        };
        let states = self.switches.between(of, from, now);
        !states.contains(&false)
    }

    /// Whether somebody may be told at `now` of an event of this origin.
    pub(super) fn may_be_told(&self, of: SubscriptionId, origin: Origin, now: u64) -> bool {
        let from = now.saturating_sub(HEARD);
        let from = if self.troubles.is_calm(from, now) {
            from
        } else {
            0
        };
        let is_let = origin == Origin::Test && !cast::is_selective(of);
        is_let || self.switches.between(of, from, now).contains(&true)
    }
}

impl Checks {
    /// Somebody asks for a subscription to be switched on or off.
    pub(crate) fn switching(&self, of: SubscriptionId, on: bool) {
        let change = Change {
            on,
            asked: self.history.now(),
            holds: None,
        };
        let seen = &mut *self.seen.lock();
        seen.switches.0.entry(of).or_default().push(change);
    }

    /// He was told that it is, at the first time of asking.
    pub(crate) fn switched(&self, of: SubscriptionId) {
        let holds = self.history.now() + HEARD;
        let seen = &mut *self.seen.lock();
        let changes = seen.switches.0.get_mut(&of);
        if let Some(change) = changes.and_then(|changes| changes.last_mut()) {
            change.holds = Some(holds);
        }
    }

    /// Whether a switch may stand so now.
    pub(crate) fn may_be_on(&self, of: SubscriptionId, on: bool) -> bool {
        let now = self.history.now();
        let seen = &*self.seen.lock();
        seen.switches.between(of, now, now).contains(&on)
    }
}
