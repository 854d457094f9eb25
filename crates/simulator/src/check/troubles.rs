//! When something was wrong on purpose, which excuses what comes late.

use std::time::Duration;

use triggerfish_log::Partition;

use super::{Checks, pace};

/// A time in which something was wrong, in milliseconds.
#[derive(Clone, Copy)]
struct Trouble {
    from: u64,
    until: u64,
    /// Nothing was but that partitions changed hands.
    is_orderly: bool,
}

/// How long before something trouble can have made it late, in milliseconds.
const AFTERMATH: u64 = 3_000;

/// See the head of the file.
#[derive(Default)]
pub(super) struct Troubles(Vec<Trouble>);

impl Trouble {
    const fn is_within(&self, from: u64, until: u64) -> bool {
        self.until >= from.saturating_sub(AFTERMATH) && self.from <= until
    }
}

impl Troubles {
    /// Since when nothing is wrong any more at `now`, nor makes itself felt.
    pub(super) fn calm_since(&self, now: u64) -> Option<u64> {
        let ends = self.0.iter().map(|trouble| trouble.until);
        let last = ends.max().map_or(0, |last| last + AFTERMATH);
        (last <= now).then_some(last)
    }

    /// Whether nothing was wrong from well before `from` until `until`.
    pub(super) fn is_calm(&self, from: u64, until: u64) -> bool {
        !self.0.iter().any(|trouble| trouble.is_within(from, until))
    }

    /// The same, but that partitions may have changed hands.
    pub(super) fn is_orderly(&self, from: u64, until: u64) -> bool {
        let mut disorders = self.0.iter().filter(|trouble| !trouble.is_orderly);
        !disorders.any(|trouble| trouble.is_within(from, until))
    }

    /// Partitions change hands.
    pub(super) fn changes_hands(&mut self, now: u64) {
        self.0.push(Trouble {
            from: now,
            until: now,
            is_orderly: true,
        });
    }
}

impl Checks {
    /// From now on for so many milliseconds something is wrong on purpose.
    pub(crate) fn trouble(&self, millis: u64) {
        self.disturb(millis, false);
    }

    /// For so many milliseconds partitions change hands.
    pub(crate) fn hand_over(&self, millis: u64) {
        self.disturb(millis, true);
    }

    fn disturb(&self, millis: u64, is_orderly: bool) {
        let from = self.history.now();
        self.seen.lock().troubles.0.push(Trouble {
            from,
            until: from + millis,
            is_orderly,
        });
    }

    /// A process is to give up those of its partitions in these groups, and waits so long for
    /// their calls.
    pub(crate) fn leaves(&self, by: &str, wait: Duration, which: impl Fn(&str, Partition) -> bool) {
        let now = self.history.now();
        let seen = &mut *self.seen.lock();
        seen.troubles.changes_hands(now);
        let own = seen.holds.iter_mut().filter(|((of, _), _)| of == by);
        for ((_, group), holds) in own {
            let leaving = holds.iter_mut().filter(|(of, _)| which(group, **of));
            for (_, hold) in leaving {
                hold.leaves = hold.leaves.or(Some((now, now + pace::millis(wait))));
            }
        }
    }
}
