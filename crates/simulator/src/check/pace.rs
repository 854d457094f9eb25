//! What must hold of time while nothing is wrong: a call that is owed begins, a deadline that
//! has passed is reported, and a result is written, soon.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use triggerfish_core::{
    AttemptReport, Invocation, InvocationId, Outcome, Phase, Reply, SubscriptionId, Timestamp,
    invariant::Invariant,
};
use triggerfish_log::Partition;

use super::{Checks, Seen, referee::waits};

/// How late something may be when nothing is wrong: what the log and the loop take, in
/// milliseconds.
const LATE: u64 = 300;

/// An ordering key of a subscription in a partition.
pub(super) type Order = (SubscriptionId, u16, Arc<str>);

/// Calls that are owed, and what may hold them up. Times are milliseconds of the world.
#[derive(Default)]
pub(super) struct Pace {
    owed: BTreeMap<InvocationId, Owed>,
    /// Until when there was no room for a call of it, or it was spared.
    held: BTreeMap<SubscriptionId, u64>,
    /// Until when there was no room for any call.
    held_all: u64,
    /// When it was the turn of another one last.
    turned: BTreeMap<Order, u64>,
    /// When it got its outcome.
    ended: BTreeMap<InvocationId, u64>,
}

struct Owed {
    /// When it may begin at the latest, were there nothing in its way.
    latest: u64,
    is_called: bool,
}

/// The ordering key of an invocation, if it has one.
pub(super) fn order(of: &Invocation) -> Option<Order> {
    let key = of.request.ordering_key.clone()?;
    Some((of.request.subscription_id, of.id.partition(), key))
}

impl Pace {
    /// There is no room for another call of `subscription`, or it is spared, until then.
    pub(super) fn hold(&mut self, subscription: SubscriptionId, until: u64) {
        let held = self.held.entry(subscription).or_default();
        *held = until.max(*held);
    }

    /// There is no room for any other call until now.
    pub(super) const fn hold_all(&mut self, now: u64) {
        self.held_all = now;
    }

    /// The turn in the ordering key of `of` changes, or may do so.
    pub(super) fn turn(&mut self, of: &Invocation, now: u64) {
        if let Some(order) = order(of) {
            self.turned.insert(order, now);
        }
    }

    /// Since when nothing is in the way of a call for `of`.
    fn free_since(&self, of: &Invocation, latest: u64) -> u64 {
        let held = self.held.get(&of.request.subscription_id).copied();
        let turned = order(of).and_then(|order| self.turned.get(&order).copied());
        let reasons = [Some(latest), held, Some(self.held_all), turned];
        reasons.into_iter().flatten().max().unwrap_or_default()
    }
}

/// A call for `call` begins.
pub(super) fn begins(seen: &mut Seen, call: &Invocation, now: u64) {
    let owed = seen.pace.owed.get_mut(&call.id);
    let Some(owed) = owed.filter(|owed| !owed.is_called) else {
        return;
    };
    owed.is_called = true;
    let latest = owed.latest;
    let free = seen.pace.free_since(call, latest);
    if let Some(late) = seen.late(free, now) {
        let detail = format!("the call for {} began {late} ms too late", call.id);
        seen.broken(Invariant::OneOutcome, detail);
    }
}

/// An invocation is another one after what `report`, if it was one, said of its call.
pub(super) fn changed(
    seen: &mut Seen,
    state: &Invocation,
    report: Option<&AttemptReport>,
    now: u64,
) {
    let before = seen.pace.owed.remove(&state.id);
    match &state.phase {
        Phase::Due { .. } => {
            let wait = report.map_or(Duration::ZERO, |report| longest_wait(state, report));
            let owed = Owed {
                latest: now + millis(wait),
                is_called: false,
            };
            seen.pace.owed.insert(state.id, owed);
        }
        Phase::Waiting => {}
        Phase::Closed(closing) => {
            if let Some(owed) = before.filter(|owed| !owed.is_called) {
                check_neglect(seen, state, &owed, now);
            }
            seen.pace.ended.insert(state.id, now);
            if matches!(closing.outcome, Outcome::Expired { .. }) {
                check_expiry(seen, state, now);
                check_report(seen, state, now);
            }
        }
    }
    seen.pace.turn(state, now);
}

/// What has ended without a call that it owed was in the way of something, or it is over before
/// that could begin.
fn check_neglect(seen: &mut Seen, state: &Invocation, owed: &Owed, now: u64) {
    let order = order(state);
    let others = seen
        .pace
        .owed
        .keys()
        .filter_map(|id| seen.oracle.newest(*id));
    let waits = order.is_some() && others.into_iter().any(|other| self::order(other) == order);
    if waits || seen.is_held_now(state) {
        return;
    }
    let free = seen.pace.free_since(state, owed.latest);
    if let Some(late) = seen.late(free, now) {
        let detail = format!(
            "{} has ended, {late} ms after a call that was not made",
            state.id
        );
        seen.broken(Invariant::OneOutcome, detail);
    }
}

fn check_expiry(seen: &mut Seen, state: &Invocation, now: u64) {
    let deadline = seen.since_beginning(state.request.deadline);
    if let Some(late) = seen.late(deadline, now) {
        let detail = format!("the deadline of {} was reported {late} ms late", state.id);
        seen.broken(Invariant::OneOutcome, detail);
    }
}

/// What was answered to a process that goes on is in the log before the deadline.
fn check_report(seen: &mut Seen, state: &Invocation, now: u64) {
    let attempt = state.attempts + 1;
    let partition = Partition(u32::from(state.id.partition()));
    let answered = seen.answered.get(&(state.id, attempt));
    let Some((at, by)) = answered.filter(|(_, by)| !by.is_over()) else {
        return;
    };
    let hold = seen.hold_of(&by.name(), partition);
    let has_it = hold.is_some_and(|hold| !hold.is_released);
    if let Some(late) = seen.late(*at, now).filter(|_| has_it) {
        let detail = format!(
            "the answer to call {attempt} of {} is not in the log after {late} ms",
            state.id
        );
        seen.broken(Invariant::OneOutcome, detail);
    }
}

/// The completion or the decision of `id` is written, which is to follow its outcome or the end
/// of its budget.
pub(super) fn written(seen: &mut Seen, id: InvocationId, invariant: Invariant, now: u64) {
    let budget = seen.oracle.action(id).map(|action| action.request.deadline);
    let ended = seen.pace.ended.get(&id).copied();
    let due = ended.or(budget.map(|budget| seen.since_beginning(budget)));
    let late = due.and_then(|due| seen.late(due, now));
    if let Some(late) = late {
        seen.broken(
            invariant,
            format!("the result of {id} was written {late} ms late"),
        );
    }
}

fn longest_wait(state: &Invocation, report: &AttemptReport) -> Duration {
    let asked = match &report.reply {
        Reply::Unavailable { retry_after, .. } => *retry_after,
        _ => None,
    };
    waits(state.request.retry, report.attempt, asked).1
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Seen {
    /// By how much what happens now is too late, if it could have happened at `due`, or since
    /// nothing is wrong any more.
    fn late(&self, due: u64, now: u64) -> Option<u64> {
        let due = due.max(self.troubles.calm_since(now)?);
        Some(now.saturating_sub(due)).filter(|late| *late > LATE)
    }

    /// The millisecond of the world in which this time comes.
    fn since_beginning(&self, time: Timestamp) -> u64 {
        millis(self.began.until(time))
    }
}

impl Checks {
    /// The world begins, at this time.
    pub(crate) fn begin(&self, began: Timestamp) {
        self.seen.lock().began = began;
    }
}
