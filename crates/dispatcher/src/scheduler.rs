//! Which call is made next. Decides, does no I/O.
//!
//! Subscriptions take turns; each has its own limit of calls in flight, its own
//! queue and its own breaker, so one that hangs holds up nobody else.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use triggerfish_core::{
    Invocation, Phase, SubscriptionId, Timestamp,
    breaker::{Admission, BreakerPolicy},
};
use triggerfish_log::Partition;
use triggerfish_runtime::Views;
#[cfg(feature = "faults")]
use triggerfish_runtime::faults::{self, Fault};
use triggerfish_view::{Error, View};

use crate::{
    flood::Floods,
    lane::{CallId, Lane, Ticket},
};

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
    pub(crate) ticket: Ticket,
}

/// A call that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished {
    pub(crate) subscription: SubscriptionId,
    pub(crate) call: CallId,
    pub(crate) ticket: Ticket,
    pub(crate) health: Health,
}

/// What a call says about the subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It answered.
    Alive,
    /// It answered with more than is read.
    Flooding,
    /// It did not.
    Dead,
    /// Nothing was sent, or to somebody who has no breaker: there is nobody to protect.
    NotCalled,
    /// The call was given up half-way.
    Abandoned,
}

/// How long a lane rests whose calls could not be read.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Calls a lane may start before the next one has its turn.
const QUANTUM: usize = 32;

pub(crate) struct Scheduler {
    limits: Limits,
    lanes: HashMap<SubscriptionId, Lane>,
    ready: VecDeque<SubscriptionId>,
    is_ready: HashSet<SubscriptionId>,
    timers: BTreeSet<(Timestamp, SubscriptionId)>,
    in_flight: usize,
    last_ticket: Ticket,
    floods: Floods,
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
            last_ticket: 0,
            floods: Floods::default(),
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
        // Lanes that are empty now are forgotten at their next turn.
        let mut all: Vec<_> = self.lanes.keys().copied().collect();
        all.sort_unstable();
        for lane in all {
            self.make_ready(lane);
        }
    }

    /// A call is over. Returns since when all calls of the subscriber have failed.
    pub(crate) fn finished(&mut self, finished: Finished, now: Timestamp) -> Option<Timestamp> {
        let Finished {
            subscription,
            call,
            ticket,
            health,
        } = finished;
        self.in_flight = self.in_flight.saturating_sub(1);
        let lane = self.lane(subscription);
        lane.finished(call, ticket);
        let is_probe = lane.probe.take_if(|probe| *probe == ticket).is_some();
        match health {
            Health::Alive | Health::Flooding => {
                lane.breaker.on_success();
                lane.probe = None;
                lane.failing_since = None;
            }
            Health::Dead => {
                // While a probe is out, only that decides.
                if lane.probe.is_none() {
                    lane.breaker.on_failure(now);
                }
                lane.failing_since.get_or_insert(now);
            }
            Health::NotCalled if is_probe => lane.breaker.on_success(),
            Health::Abandoned if is_probe => lane.breaker.on_failure(now),
            Health::NotCalled | Health::Abandoned => {}
        }
        match health {
            Health::Flooding => lane.floods = true,
            Health::Alive | Health::NotCalled => lane.floods = false,
            Health::Dead | Health::Abandoned => {}
        }
        let (failing_since, floods) = (lane.failing_since, lane.floods);
        if !floods {
            self.floods.leave(subscription);
        }
        self.make_ready(subscription);
        failing_since
    }

    /// Failures until now no longer count towards disabling the subscription.
    pub(crate) fn forgive(&mut self, subscription: SubscriptionId) {
        if let Some(lane) = self.lanes.get_mut(&subscription) {
            lane.failing_since = None;
        }
    }

    /// Adds the calls to start now to `starts`. `limit_of` tells how many calls of a
    /// subscription may be in flight.
    ///
    /// # Errors
    /// When calls could not be read for some subscription: it is tried again later,
    /// and what was added for the others stands.
    pub(crate) fn next(
        &mut self,
        now: Timestamp,
        views: &mut Views<'_>,
        limit_of: impl Fn(SubscriptionId) -> usize,
        starts: &mut Vec<Start>,
    ) -> Result<(), Error> {
        while let Some((due, subscription)) = self.timers.first().copied() {
            if due > now {
                break;
            }
            self.timers.pop_first();
            self.make_ready(subscription);
        }
        self.floods.look_at(now);
        let mut result = Ok(());
        while self.in_flight < self.limits.in_flight
            && let Some(subscription) = self.next_lane()
        {
            let limit = limit_of(subscription);
            if let Err(error) = self.run_lane(subscription, now, views, limit, starts) {
                self.timers.insert((now.after(READ_AGAIN), subscription));
                result = Err(error);
            }
        }
        result
    }

    /// Those that flood come after all that are ready.
    fn next_lane(&mut self) -> Option<SubscriptionId> {
        if let Some(subscription) = self.ready.pop_front() {
            self.is_ready.remove(&subscription);
            return Some(subscription);
        }
        self.floods.next_in_line()
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
            lane.refill(now, views, self.limits.queued)?;
            #[cfg(feature = "faults")]
            let now = if faults::is_on(Fault::RetriesAtOnce) {
                lane.next_due().map_or(now, |due| due.max(now))
            } else {
                now
            };
            if lane.next_due().is_none_or(|due| due > now) {
                break;
            }
            if lane.floods && !self.floods.admit(subscription) {
                break;
            }
            let ticket = self.last_ticket + 1;
            match lane.breaker.admit(now) {
                Admission::Pass => {}
                Admission::Probe => lane.probe = Some(ticket),
                Admission::Wait(until) => {
                    self.timers.insert((until, subscription));
                    break;
                }
                Admission::WaitForProbe => break,
            }
            if let Some((partition, invocation)) = lane.take(ticket)
                && let Phase::Due { attempt, .. } = invocation.phase
            {
                self.last_ticket = ticket;
                self.in_flight += 1;
                if lane.floods {
                    self.floods.began(now);
                }
                starts.push(Start {
                    partition,
                    invocation,
                    attempt,
                    ticket,
                });
            }
        }
        self.see_to_next_turn(subscription, now, in_flight_max);
        Ok(())
    }

    /// A lane with more to start gets in line again, now or when it is due; one with
    /// nothing is forgotten.
    fn see_to_next_turn(
        &mut self,
        subscription: SubscriptionId,
        now: Timestamp,
        in_flight_max: usize,
    ) {
        let Some(lane) = self.lanes.get_mut(&subscription) else {
            return;
        };
        if lane.is_empty() && !lane.is_remembered() {
            self.lanes.remove(&subscription);
            return;
        }
        let next_work = lane.next_work();
        let has_work = next_work.is_some_and(|due| due <= now);
        let has_room = lane.in_flight < in_flight_max;
        // Without room, or with a probe out, the end of its own call wakes the lane; an open
        // breaker has set a timer; those that flood are called up.
        let is_held = lane.breaker.is_open() || self.floods.is_in_line(subscription);
        if has_work && has_room && !is_held {
            self.make_ready(subscription);
        } else if let Some(due) = next_work.filter(|due| *due > now) {
            self.timers.insert((due, subscription));
        }
    }

    /// When the next timer goes off.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        let timer = self.timers.first().map(|(due, _)| *due);
        timer.into_iter().chain(self.floods.next_turn()).min()
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
