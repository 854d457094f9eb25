//! Which call is made next. Decides, does no I/O.
//!
//! Subscriptions take turns; each has its own limit of calls in flight, its own
//! queue and its own breaker, so one that hangs holds up nobody else.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use triggerfish_core::{
    Invocation, Phase, SubscriptionId, Timestamp,
    breaker::{Admission, BreakerPolicy},
};
use triggerfish_log::Partition;
use triggerfish_runtime::Views;
use triggerfish_view::{Error, View};

use crate::lane::Lane;

/// Bounds of the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls in flight of all subscriptions together.
    pub in_flight: usize,
    /// Calls queued in memory for one subscription.
    pub queued: usize,
    /// The breaker of each subscriber.
    pub breaker: BreakerPolicy,
}

/// A call to make now.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) partition: Partition,
    pub(crate) invocation: Invocation,
    pub(crate) attempt: u32,
}

/// Calls a lane may start before the next one has its turn.
const QUANTUM: usize = 32;

pub(crate) struct Scheduler {
    limits: Limits,
    lanes: HashMap<SubscriptionId, Lane>,
    ready: VecDeque<SubscriptionId>,
    is_ready: HashSet<SubscriptionId>,
    timers: BTreeSet<(Timestamp, SubscriptionId)>,
    in_flight: usize,
}

impl Scheduler {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            is_ready: HashSet::new(),
            timers: BTreeSet::new(),
            in_flight: 0,
        }
    }

    fn lane(&mut self, subscription: SubscriptionId) -> &mut Lane {
        let breaker = self.limits.breaker;
        self.lanes
            .entry(subscription)
            .or_insert_with(|| Lane::new(subscription, breaker))
    }

    fn make_ready(&mut self, subscription: SubscriptionId) {
        if self.is_ready.insert(subscription) {
            self.ready.push_back(subscription);
        }
    }

    /// An observation was applied: a call is owed, or none is any more.
    pub(crate) fn applied(&mut self, partition: Partition, invocation: &Invocation) {
        let subscription = invocation.request.subscription_id;
        let capacity = self.limits.queued;
        let lane = self.lane(subscription);
        match invocation.phase {
            Phase::Due { .. } => lane.owe(partition, invocation, capacity),
            Phase::Waiting | Phase::Closed(_) => lane.settle(partition, invocation),
        }
        self.make_ready(subscription);
    }

    /// A partition begins: what it owes is in its view.
    pub(crate) fn opened(&mut self, partition: Partition, view: &mut View) -> Result<(), Error> {
        for subscription in view.subscriptions_with_calls()? {
            self.lane(subscription).look_into(partition);
            self.make_ready(subscription);
        }
        Ok(())
    }

    pub(crate) fn released(&mut self, partition: Partition) {
        self.lanes
            .values_mut()
            .for_each(|lane| lane.release(partition));
    }

    /// A call came back. Returns since when all calls of the subscriber have failed.
    pub(crate) fn finished(
        &mut self,
        subscription: SubscriptionId,
        healthy: Option<bool>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.in_flight = self.in_flight.saturating_sub(1);
        let lane = self.lane(subscription);
        lane.in_flight = lane.in_flight.saturating_sub(1);
        match healthy {
            Some(true) => {
                lane.breaker.on_success();
                lane.failing_since = None;
            }
            Some(false) => {
                lane.breaker.on_failure(now);
                lane.failing_since.get_or_insert(now);
            }
            // The call was given up half-way: it tells nothing, but a probe is over.
            None if lane.breaker.is_open() => lane.breaker.on_failure(now),
            None => {}
        }
        let failing_since = lane.failing_since;
        self.make_ready(subscription);
        failing_since
    }

    /// The calls to start now. `limit_of` tells how many calls of a subscription may
    /// be in flight.
    pub(crate) fn next(
        &mut self,
        now: Timestamp,
        views: &mut Views<'_>,
        limit_of: impl Fn(SubscriptionId) -> usize,
    ) -> Result<Vec<Start>, Error> {
        while let Some((due, subscription)) = self.timers.first().copied() {
            if due > now {
                break;
            }
            self.timers.pop_first();
            self.make_ready(subscription);
        }
        let mut starts = Vec::new();
        while self.in_flight < self.limits.in_flight
            && let Some(subscription) = self.ready.pop_front()
        {
            self.is_ready.remove(&subscription);
            self.run_lane(
                subscription,
                now,
                views,
                limit_of(subscription),
                &mut starts,
            )?;
        }
        Ok(starts)
    }

    /// Starts what one lane may start in its turn, and sees to its next one.
    fn run_lane(
        &mut self,
        subscription: SubscriptionId,
        now: Timestamp,
        views: &mut Views<'_>,
        in_flight_max: usize,
        starts: &mut Vec<Start>,
    ) -> Result<(), Error> {
        let Some(lane) = self.lanes.get_mut(&subscription) else {
            return Ok(());
        };
        for _ in 0..QUANTUM {
            if lane.in_flight >= in_flight_max || self.in_flight >= self.limits.in_flight {
                break;
            }
            lane.refill(views, self.limits.queued)?;
            let Some(due) = lane.next_due() else { break };
            if due > now {
                self.timers.insert((due, subscription));
                break;
            }
            match lane.breaker.admit(now) {
                Admission::Pass | Admission::Probe => {}
                Admission::Wait(until) => {
                    self.timers.insert((until, subscription));
                    break;
                }
                Admission::WaitForProbe => break,
            }
            if let Some((partition, invocation)) = lane.take()
                && let Phase::Due { attempt, .. } = invocation.phase
            {
                self.in_flight += 1;
                starts.push(Start {
                    partition,
                    invocation,
                    attempt,
                });
            }
        }
        self.see_to_next_turn(subscription, now, in_flight_max);
        Ok(())
    }

    /// A lane with more to start gets in line again; one with nothing is forgotten.
    fn see_to_next_turn(
        &mut self,
        subscription: SubscriptionId,
        now: Timestamp,
        in_flight_max: usize,
    ) {
        let Some(lane) = self.lanes.get_mut(&subscription) else {
            return;
        };
        let due = lane.next_due().is_some_and(|due| due <= now);
        let has_room = lane.in_flight < in_flight_max;
        if lane.is_empty() && !lane.breaker.is_open() && lane.failing_since.is_none() {
            self.lanes.remove(&subscription);
        } else if due && has_room && !lane.breaker.is_open() {
            self.make_ready(subscription);
        }
    }

    /// When the next timer goes off.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        self.timers.first().map(|(due, _)| *due)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn queued(&self) -> usize {
        self.lanes.values().map(Lane::queued).sum()
    }

    pub(crate) fn open_breakers(&self) -> usize {
        self.lanes
            .values()
            .filter(|lane| lane.breaker.is_open())
            .count()
    }
}
