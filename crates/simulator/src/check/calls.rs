//! What must hold when a subscriber is called: there is a reason, it is its turn, and there is
//! room.

use std::sync::Arc;

use triggerfish_core::{Invocation, InvocationId, Phase, SubscriptionId, invariant::Invariant};
use triggerfish_log::Partition;

use super::{Checks, DISPATCHERS, Seen, WORKERS};
use crate::{
    cast,
    life::Life,
    process::{IN_FLIGHT, IN_FLIGHT_OF_CALLBACK},
};

/// A call that is being made.
pub(super) struct Out {
    by: String,
    subscription: SubscriptionId,
    /// Its ordering key, in its partition.
    order: Option<(u16, Arc<str>)>,
}

/// A call that is being made, until this is dropped.
pub(crate) struct UnderWay {
    checks: Arc<Checks>,
    number: u64,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.checks.seen.lock().under_way.remove(&self.number);
    }
}

impl Checks {
    /// A subscriber is called.
    pub(crate) fn calling(self: &Arc<Self>, by: &Life, id: InvocationId) -> UnderWay {
        let seen = &mut *self.seen.lock();
        check_reason(seen, by, id);
        let number = seen.calls;
        seen.calls += 1;
        if let Some(call) = seen.oracle.newest(id).cloned() {
            check_turn(seen, by, &call);
            let out = Out::of(by, &call);
            seen.under_way.insert(number, out);
            check_room(seen, by, &call);
        }
        UnderWay {
            checks: Arc::clone(self),
            number,
        }
    }
}

impl Out {
    fn of(by: &Life, call: &Invocation) -> Self {
        let key = call.request.ordering_key.clone();
        Self {
            by: by.name(),
            subscription: call.request.subscription_id,
            order: key.map(|key| (call.id.partition(), key)),
        }
    }
}

fn check_reason(seen: &mut Seen, by: &Life, id: InvocationId) {
    if seen.oracle.newest(id).is_none() {
        let detail = format!("{} calls for {id}, which is not in the log", by.name());
        seen.broken(Invariant::CauseBeforeEffect, detail);
        return;
    }
    let partition = Partition(u32::from(id.partition()));
    let holds = [DISPATCHERS, WORKERS].map(|group| (by.name(), group.to_owned()));
    let hold = holds
        .iter()
        .find_map(|key| seen.holds.get(key)?.get(&partition));
    let wrong = match hold {
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
    let out = Out::of(by, call);
    if out.order.is_none() {
        return;
    }
    let mut others = seen.under_way.values();
    let beside = others.any(|other| {
        (&other.by, other.subscription, &other.order) == (&out.by, out.subscription, &out.order)
    });
    let wrong = match seen.oracle.owed_before(call) {
        Some(older) => Some(format!("before {}, which owes a call", older.id)),
        None => beside.then(|| "beside another one of its key".to_owned()),
    };
    if let Some(wrong) = wrong {
        let detail = format!("{} calls for {} {wrong}", by.name(), call.id);
        seen.broken(Invariant::CauseBeforeEffect, detail);
    }
}

/// Nobody has more calls in flight than it may.
fn check_room(seen: &mut Seen, by: &Life, call: &Invocation) {
    let name = by.name();
    let own = seen.under_way.values().filter(|out| out.by == name);
    let all = own.clone().count();
    let subscription = call.request.subscription_id;
    let same = own.filter(|out| out.subscription == subscription).count();
    let most = match call.request.member {
        Some(_) => IN_FLIGHT_OF_CALLBACK,
        None => cast::most_in_flight(subscription),
    };
    if all > IN_FLIGHT || same > most {
        let detail = format!("{name} has {all} calls in flight, {same} for one callee");
        seen.broken(Invariant::CauseBeforeEffect, detail);
    }
}
