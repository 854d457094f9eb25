//! Whom the breakers have to spare, stated a second time: after so many calls in a row that
//! failed, a process makes none of that subscription for a while, and then a single one.

use std::collections::BTreeMap;

use triggerfish_core::{Invocation, SubscriptionId, invariant::Invariant};

use super::{Seen, requests::Meaning};
use crate::process::{FAILURES_TO_OPEN, PAUSE, PAUSE_MAX};

/// For how many milliseconds calls may still begin that were under way to the network.
const UNDER_WAY: u64 = 20;

/// What a process has seen of a subscription. Times are milliseconds of the world.
#[derive(Clone, Copy)]
enum Guard {
    /// Calls that failed since the last one that did not.
    Closed {
        row: u32,
    },
    Open {
        since: u64,
        until: u64,
        pause: u64,
    },
    /// One call decides.
    Probing {
        call: u64,
        pause: u64,
    },
    /// Calls were given up half-way.
    Unknown,
}

/// What the processes have seen of all subscriptions.
#[derive(Default)]
pub(super) struct Guards(BTreeMap<(String, SubscriptionId), Guard>);

fn opened(now: u64, pause: u64) -> Guard {
    Guard::Open {
        since: now,
        until: now + pause,
        pause,
    }
}

impl Guards {
    fn of(&mut self, by: &str, subscription: SubscriptionId) -> &mut Guard {
        let key = (by.to_owned(), subscription);
        self.0.entry(key).or_insert(Guard::Closed { row: 0 })
    }

    /// Calls of this process were given up.
    pub(super) fn forget(&mut self, by: &str) {
        let own = self.0.iter_mut().filter(|((of, _), _)| of == by);
        own.for_each(|(_, guard)| *guard = Guard::Unknown);
    }

    /// A process is over, and what it has seen goes with it.
    pub(super) fn over(&mut self, by: &str) {
        self.0.retain(|(of, _), _| of != by);
    }

    /// Whether nothing says when a process will call `subscription` again.
    pub(super) fn is_unclear(&self, subscription: SubscriptionId) -> bool {
        let mut of_it = self.0.iter().filter(|((_, of), _)| *of == subscription);
        of_it.any(|(_, guard)| matches!(guard, Guard::Unknown | Guard::Probing { .. }))
    }
}

/// The call of this number begins.
pub(super) fn begins(seen: &mut Seen, by: &str, call: &Invocation, number: u64, now: u64) {
    if call.request.member.is_some() || seen.clock_was_set {
        return;
    }
    let guard = seen.guards.of(by, call.request.subscription_id);
    let wrong = match *guard {
        Guard::Open { since, .. } if now < since + UNDER_WAY => None,
        Guard::Open { until, .. } if now < until => Some(format!("{} ms too soon", until - now)),
        Guard::Open { pause, .. } => {
            *guard = Guard::Probing {
                call: number,
                pause,
            };
            None
        }
        Guard::Probing { .. } => Some("beside the call that decides".to_owned()),
        Guard::Closed { .. } | Guard::Unknown => None,
    };
    if let Some(wrong) = wrong {
        let detail = format!("{by} calls for {}, which is to be spared, {wrong}", call.id);
        seen.broken(Invariant::CauseBeforeEffect, detail);
    }
}

/// The call of this number is over; nothing was heard if it took too long.
pub(super) fn ended(
    seen: &mut Seen,
    by: &str,
    subscription: SubscriptionId,
    number: u64,
    heard: Option<Meaning>,
    now: u64,
) {
    let is_dead = heard.is_none_or(|heard| matches!(heard, Meaning::MayPass(_)));
    let guard = seen.guards.of(by, subscription);
    let before = *guard;
    *guard = match before {
        _ if !is_dead => Guard::Closed { row: 0 },
        Guard::Closed { row } if row + 1 < FAILURES_TO_OPEN => Guard::Closed { row: row + 1 },
        Guard::Closed { .. } => opened(now, PAUSE),
        Guard::Probing { call, pause } if call == number => opened(now, (pause * 2).min(PAUSE_MAX)),
        as_it_was => as_it_was,
    };
    match (before, *guard) {
        (_, Guard::Open { until, .. }) => seen.pace.hold(subscription, until),
        (Guard::Unknown, _) => seen.pace.hold(subscription, now + PAUSE_MAX),
        (Guard::Open { .. } | Guard::Probing { .. }, _) => seen.pace.hold(subscription, now),
        (Guard::Closed { .. }, _) => {}
    }
}
