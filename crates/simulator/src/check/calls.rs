//! What must hold when a subscriber is called: there is a reason, it is its turn, there is
//! room, and it was not answered before.

use std::sync::Arc;
use std::time::Duration;

use triggerfish_core::{Invocation, InvocationId, Phase, SubscriptionId, invariant::Invariant};
use triggerfish_log::Partition;

use super::{
    Asked, Checks, DISPATCHERS, Hold, Meaning, Seen, WORKERS,
    pace::{self, order},
    requests, spared,
};
use crate::{
    cast,
    life::Life,
    process::{IN_FLIGHT, IN_FLIGHT_OF_CALLBACK},
};

/// A call that is being made, for an invocation as it was when it began.
pub(super) struct Out {
    by: String,
    call: Invocation,
    /// When its answer comes, in milliseconds, if that is soon.
    answer: Option<u64>,
}

/// How many milliseconds before its partition is given up an answer has to come to count.
const IN_TIME: u64 = 500;
/// Nobody gives up a call that takes less.
const SOON: Duration = Duration::from_secs(4);

/// A call that is being made, until this is dropped.
pub(crate) struct UnderWay {
    checks: Arc<Checks>,
    life: Life,
    number: u64,
    heard: Option<Meaning>,
}

impl UnderWay {
    /// The subscriber is going to answer after so long.
    pub(crate) fn answers_after(&self, takes: Duration) {
        let at = self.checks.history.now() + pace::millis(takes);
        let seen = &mut *self.checks.seen.lock();
        if let Some(out) = seen.under_way.get_mut(&self.number) {
            out.answer = Some(at).filter(|_| takes <= SOON);
        }
    }

    /// The subscriber has answered.
    pub(crate) fn answered(&mut self, meaning: Meaning) {
        self.heard = Some(meaning);
        let now = self.checks.history.now();
        let seen = &mut *self.checks.seen.lock();
        if let Some(Out { call, .. }) = seen.under_way.get(&self.number) {
            seen.answers.entry(call.id).or_default().push(meaning);
            let attempt = (call.id, call.attempts + 1);
            seen.answered.insert(attempt, (now, self.life.clone()));
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = self.checks.history.now();
        let seen = &mut *self.checks.seen.lock();
        let Some(Out { by, call, answer }) = seen.under_way.remove(&self.number) else {
            return;
        };
        let subscription = call.request.subscription_id;
        let (all, same) = seen.in_flight(&by, subscription);
        if all + 1 >= IN_FLIGHT {
            seen.pace.hold_all(now);
        }
        if same + 1 >= most(&call) {
            seen.pace.hold(subscription, now);
        }
        seen.pace.turn(&call, now);
        if self.heard.is_none() && !self.life.is_over() {
            check_hand_over(seen, &by, &call, answer, now);
        }
        if !self.life.is_over() && call.request.member.is_none() {
            spared::ended(seen, &by, subscription, self.number, self.heard, now);
        }
    }
}

impl Checks {
    /// A subscriber is called, and told this.
    pub(crate) fn calling(self: &Arc<Self>, by: &Life, id: InvocationId, told: &Asked) -> UnderWay {
        let now = self.history.now();
        let seen = &mut *self.seen.lock();
        check_reason(seen, by, id);
        let number = seen.calls;
        seen.calls += 1;
        if let Some(call) = seen.oracle.newest(id).cloned() {
            requests::check_call(seen, &call, told);
            check_turn(seen, by, &call);
            check_answer(seen, by, &call, now);
            pace::begins(seen, &call, now);
            spared::begins(seen, &by.name(), &call, number, now);
            check_room(seen, by, &call);
            let by = by.name();
            let answer = None;
            seen.under_way.insert(number, Out { by, call, answer });
        }
        UnderWay {
            checks: Arc::clone(self),
            life: by.clone(),
            number,
            heard: None,
        }
    }
}

/// How many calls for its callee may be in flight.
fn most(call: &Invocation) -> usize {
    match call.request.member {
        Some(_) => IN_FLIGHT_OF_CALLBACK,
        None => cast::most_in_flight(call.request.subscription_id),
    }
}

impl Seen {
    /// A partition in the hands of whoever makes calls for it.
    pub(super) fn hold_of(&self, by: &str, partition: Partition) -> Option<&Hold> {
        let holds = [DISPATCHERS, WORKERS].map(|group| (by.to_owned(), group.to_owned()));
        let mut holds = holds.iter();
        holds.find_map(|key| self.holds.get(key)?.get(&partition))
    }

    /// How many calls of a process are under way, and how many of those for one callee.
    fn in_flight(&self, by: &str, callee: SubscriptionId) -> (usize, usize) {
        let own = self.under_way.values().filter(|out| out.by == by);
        let same = own.clone();
        let same = same.filter(|out| out.call.request.subscription_id == callee);
        (own.count(), same.count())
    }

    /// Whether some process has no room for `call`, or spares its callee, or another call of its
    /// ordering key is not over.
    pub(super) fn is_held_now(&self, call: &Invocation) -> bool {
        let callee = call.request.subscription_id;
        let is_full = self.under_way.values().any(|out| {
            let (all, same) = self.in_flight(&out.by, callee);
            all >= IN_FLIGHT || same >= most(call)
        });
        let key = order(call);
        let mut others = self.under_way.values();
        let is_behind = key.is_some() && others.any(|out| order(&out.call) == key);
        is_full || is_behind || self.guards.is_unclear(callee)
    }
}

/// A partition that changes hands in good order does not cost calls that are answered soon.
fn check_hand_over(seen: &mut Seen, by: &str, call: &Invocation, answer: Option<u64>, now: u64) {
    let partition = Partition(u32::from(call.id.partition()));
    let leaves = seen.hold_of(by, partition).and_then(|hold| hold.leaves);
    let (Some((since, until)), Some(answer)) = (leaves, answer) else {
        return;
    };
    let is_early = call.request.member.is_none() && answer + IN_TIME < until;
    if is_early && seen.troubles.is_orderly(since, now) {
        let detail = format!(
            "{by} gives up its call for {}, which is answered {} ms later",
            call.id,
            answer.saturating_sub(now)
        );
        seen.broken(Invariant::CauseBeforeEffect, detail);
    }
}

fn check_reason(seen: &mut Seen, by: &Life, id: InvocationId) {
    if seen.oracle.newest(id).is_none() {
        let detail = format!("{} calls for {id}, which is not in the log", by.name());
        seen.broken(Invariant::CauseBeforeEffect, detail);
        return;
    }
    let partition = Partition(u32::from(id.partition()));
    let wrong = match seen.hold_of(&by.name(), partition) {
        None => Some("which it was never assigned"),
        Some(hold) if hold.is_released => Some("which it has released"),
        Some(hold) => {
            let known = seen.oracle.before(id, hold.end);
            let is_due = |known: &Invocation| matches!(known.phase, Phase::Due { .. });
            let is_settled = known.is_some_and(|known| !is_due(known));
            is_settled.then_some("although the log had its answer when it was assigned")
        }
    };
    if let Some(wrong) = wrong {
        let detail = format!(
            "{} calls for {id} of partition {partition}, {wrong}",
            by.name()
        );
        seen.broken(Invariant::CauseBeforeEffect, detail);
    }
}

/// Of an ordering key the oldest that owes a call is called, and none beside it by the same
/// process.
fn check_turn(seen: &mut Seen, by: &Life, call: &Invocation) {
    let (name, key) = (by.name(), order(call));
    if key.is_none() {
        return;
    }
    let mut others = seen.under_way.values();
    let beside = others.any(|other| other.by == name && order(&other.call) == key);
    let wrong = match seen.oracle.owed_before(call) {
        Some(older) => Some(format!("before {}, which owes a call", older.id)),
        None => beside.then(|| "beside another one of its key".to_owned()),
    };
    if let Some(wrong) = wrong {
        let detail = format!("{name} calls for {} {wrong}", call.id);
        seen.broken(Invariant::CauseBeforeEffect, detail);
    }
}

/// What was answered is not asked again, unless something went wrong before that was in the
/// log; that a process ended in good order is no reason.
fn check_answer(seen: &mut Seen, by: &Life, call: &Invocation, now: u64) {
    let attempt = call.attempts + 1;
    let Some((answered, _)) = seen.answered.get(&(call.id, attempt)) else {
        return;
    };
    if seen.troubles.is_orderly(*answered, now) {
        let name = by.name();
        let detail = format!(
            "{name} makes call {attempt} for {} again, which was answered",
            call.id
        );
        seen.broken(Invariant::CauseBeforeEffect, detail);
    }
}

/// Nobody has more calls in flight than it may, with this one.
fn check_room(seen: &mut Seen, by: &Life, call: &Invocation) {
    let name = by.name();
    let (all, same) = seen.in_flight(&name, call.request.subscription_id);
    let (all, same) = (all + 1, same + 1);
    if all > IN_FLIGHT || same > most(call) {
        let detail = format!("{name} has {all} calls in flight, {same} for one callee");
        seen.broken(Invariant::CauseBeforeEffect, detail);
    }
}
