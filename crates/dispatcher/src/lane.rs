//! The calls of one subscription: what is queued in memory, what is in flight, and
//! what waits in the views.
//!
//! Memory holds the calls that are due first, a bounded number of them. What is beyond
//! that stays in the view of its partition, which is remembered as *spilled*; the lane
//! reads on from there when it has room, or when what it holds is not due yet.
//!
//! An ordering key has one turn: the oldest invocation that owes a call. The others
//! stay in the view until its turn ends.

use std::collections::{BTreeMap, HashMap, VecDeque};

use triggerfish_core::{
    Invocation, InvocationKey, Phase, SubscriptionId, Timestamp,
    breaker::{Breaker, BreakerPolicy},
};
use triggerfish_log::Partition;
use triggerfish_runtime::Views;
#[cfg(feature = "faults")]
use triggerfish_runtime::faults::{self, Fault};
use triggerfish_view::{Error, KeyHash, View};

use crate::spilled::Spilled;

/// One invocation, anywhere in this process.
pub(crate) type CallId = (Partition, InvocationKey);

/// Which of all calls made by this process; tells a call from a later one for the
/// same invocation.
pub(crate) type Ticket = u64;

/// Where a call stands in the queue: by the time it is due, then by log order.
type Place = (Timestamp, Partition, u64);

/// An ordering key of one partition.
type Order = (Partition, KeyHash);

/// An ordering key whose turn has ended, and the place before which it owes no call.
type Turned = (Order, u64);

/// Where a known call is. Calls that are not known here wait in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whereabouts {
    Queued(Place),
    /// Being made.
    Out(Ticket),
    /// Made; what came of it is not folded yet.
    Returned,
    /// Being made, though nothing is owed any more: its key waits until it is over.
    Outlived(Ticket, Turned),
}

/// Who may be called for an ordering key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Held(InvocationKey),
    /// Nobody yet; the next in line is in the view.
    Vacant,
}

pub(crate) struct Lane {
    subscription: SubscriptionId,
    queue: BTreeMap<Place, Invocation>,
    known: HashMap<CallId, Whereabouts>,
    turns: HashMap<Order, Turn>,
    /// The keys whose turn is vacant.
    vacant: Vec<Turned>,
    spilled: VecDeque<Spilled>,
    pub(crate) in_flight: usize,
    pub(crate) breaker: Breaker,
    /// The call by which the breaker finds out whether the subscriber is alive.
    pub(crate) probe: Option<Ticket>,
    /// Since when every call has failed.
    pub(crate) failing_since: Option<Timestamp>,
    /// Its last answer was more than is read.
    pub(crate) floods: bool,
}

impl Lane {
    pub(crate) fn new(subscription: SubscriptionId, breaker: BreakerPolicy) -> Self {
        Self {
            subscription,
            queue: BTreeMap::new(),
            known: HashMap::new(),
            turns: HashMap::new(),
            vacant: Vec::new(),
            spilled: VecDeque::new(),
            in_flight: 0,
            breaker: Breaker::new(breaker),
            probe: None,
            failing_since: None,
            floods: false,
        }
    }

    /// A call is owed. `capacity` bounds the queue in memory.
    pub(crate) fn owe(&mut self, partition: Partition, invocation: &Invocation, capacity: usize) {
        let Phase::Due { due, .. } = invocation.phase else {
            return;
        };
        let id = (partition, invocation.id.key());
        if !self.known.contains_key(&id) && self.waits_in_view(partition, invocation, due) {
            return;
        }
        self.enqueue(partition, invocation.clone());
        self.evict(capacity);
    }

    /// Whether a call that is not known here has to wait in its view. If not, it has
    /// the turn of its ordering key.
    fn waits_in_view(&mut self, partition: Partition, call: &Invocation, due: Timestamp) -> bool {
        let mut spilled = self.spilled.iter_mut();
        let spilled = spilled.find(|spilled| spilled.partition == partition);
        let Some(order) = order(partition, call) else {
            let behind = spilled.filter(|spilled| {
                let first = spilled.calls.map(|unread| unread.first_due);
                first.is_some_and(|first| first <= due)
            });
            return behind
                .map(|spilled| spilled.leave_call((due, call.offset)))
                .is_some();
        };
        if let Some(turn) = self.turns.get(&order) {
            return *turn != Turn::Held(call.id.key());
        }
        // An older call of the key may be unread.
        if let Some(spilled) = spilled.filter(|spilled| spilled.keys.is_some()) {
            spilled.leave_key(due);
            return true;
        }
        self.turns.insert(order, Turn::Held(call.id.key()));
        false
    }

    fn enqueue(&mut self, partition: Partition, invocation: Invocation) {
        let Phase::Due { due, .. } = invocation.phase else {
            return;
        };
        let id = (partition, invocation.id.key());
        self.forget_place(id);
        let place = (due, partition, invocation.offset);
        self.known.insert(id, Whereabouts::Queued(place));
        self.queue.insert(place, invocation);
    }

    /// Leaves in the views what is due last, as far as it is too much.
    fn evict(&mut self, capacity: usize) {
        while self.queue.len() > capacity.max(1) {
            let Some(((due, partition, offset), invocation)) = self.queue.pop_last() else {
                return;
            };
            self.known.remove(&(partition, invocation.id.key()));
            let order = order(partition, &invocation);
            if let Some(order) = order {
                self.turns.remove(&order);
            }
            let spilled = self.spilled_of(partition);
            match order {
                Some(_) => spilled.leave_key(due),
                None => spilled.leave_call((due, offset)),
            }
        }
    }

    fn spilled_of(&mut self, partition: Partition) -> &mut Spilled {
        let place = self
            .spilled
            .iter()
            .position(|spilled| spilled.partition == partition);
        // At the front, so that the one being read stays at the back.
        let place = place.unwrap_or_else(|| {
            self.spilled.push_front(Spilled::nothing(partition));
            0
        });
        &mut self.spilled[place]
    }

    fn forget_place(&mut self, id: CallId) {
        if let Some(Whereabouts::Queued(place)) = self.known.get(&id) {
            self.queue.remove(place);
        }
    }

    /// No call is owed for this invocation: it is closed, or waits for its callback.
    pub(crate) fn settle(&mut self, partition: Partition, invocation: &Invocation) {
        let id = (partition, invocation.id.key());
        let order = order(partition, invocation);
        let has_turn = order.filter(|order| self.turns.get(order) == Some(&Turn::Held(id.1)));
        // Of its key only the oldest has the turn, so none before it is owed.
        let turned = has_turn.map(|order| (order, invocation.place() + 1));
        match (self.known.get(&id), turned) {
            (Some(Whereabouts::Out(ticket)), Some(turned)) => {
                let outlived = Whereabouts::Outlived(*ticket, turned);
                self.known.insert(id, outlived);
            }
            (Some(Whereabouts::Outlived(..)), _) => {}
            (_, Some(turned)) => {
                self.forget(id);
                self.vacate(turned);
            }
            (_, None) => {
                self.forget(id);
                if let Some(order) = order {
                    self.look_for_next(order);
                }
            }
        }
    }

    fn forget(&mut self, id: CallId) {
        self.forget_place(id);
        self.known.remove(&id);
    }

    /// The oldest call of a key may have been settled in the view: the next one of the
    /// key, if there is one, need not wait until that would have been due.
    fn look_for_next(&mut self, order: Order) {
        let mut spilled = self.spilled.iter_mut();
        let spilled = spilled.find(|spilled| spilled.partition == order.0);
        if let Some(spilled) = spilled.filter(|spilled| spilled.keys.is_some())
            && !self.turns.contains_key(&order)
        {
            spilled.leave_key(Timestamp::EPOCH);
        }
    }

    fn vacate(&mut self, turned: Turned) {
        self.turns.insert(turned.0, Turn::Vacant);
        self.vacant.push(turned);
    }

    /// A call is over.
    pub(crate) fn finished(&mut self, id: CallId, ticket: Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match self.known.get(&id) {
            Some(Whereabouts::Out(of)) if *of == ticket => {
                self.known.insert(id, Whereabouts::Returned);
            }
            Some(&Whereabouts::Outlived(of, turned)) if of == ticket => {
                self.known.remove(&id);
                self.vacate(turned);
            }
            _ => {}
        }
    }

    /// Everything about `partition` is gone, except that its calls are still in flight.
    pub(crate) fn release(&mut self, partition: Partition) {
        self.queue.retain(|(_, of, _), _| *of != partition);
        self.known.retain(|(of, _), _| *of != partition);
        self.turns.retain(|(of, _), _| *of != partition);
        self.vacant.retain(|((of, _), _)| *of != partition);
        self.spilled
            .retain(|spilled| spilled.partition != partition);
    }

    /// The view of `partition` may hold calls that are not known here.
    pub(crate) fn look_into(&mut self, partition: Partition) {
        self.spilled_of(partition).look_again();
    }

    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether it can be forgotten. A call that is over but whose report is not folded
    /// yet is still known here, and so is the turn that its end will pass on.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
            && self.queue.is_empty()
            && self.spilled.is_empty()
            && self.vacant.is_empty()
            && self.in_flight == 0
    }

    /// Whether something is known about its subscriber that counts for the next call.
    pub(crate) fn is_remembered(&self) -> bool {
        self.breaker.is_open() || self.failing_since.is_some() || self.floods
    }

    /// When the first queued call is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.queue.first_key_value().map(|((due, ..), _)| *due)
    }

    /// When there is something to do at the earliest: a queued call, or one unread.
    pub(crate) fn next_work(&self) -> Option<Timestamp> {
        let unread = self.spilled.iter().filter_map(Spilled::first_due);
        let vacant = (!self.vacant.is_empty()).then_some(Timestamp::EPOCH);
        unread.chain(vacant).chain(self.next_due()).min()
    }

    /// Takes the first call out of the queue.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<(Partition, Invocation)> {
        let ((_, partition, _), invocation) = self.queue.pop_first()?;
        let id = (partition, invocation.id.key());
        self.known.insert(id, Whereabouts::Out(ticket));
        self.in_flight += 1;
        Some((partition, invocation))
    }

    /// Reads on in the views of spilled partitions as far as is wanted.
    pub(crate) fn refill(
        &mut self,
        now: Timestamp,
        views: &mut Views<'_>,
        capacity: usize,
    ) -> Result<(), Error> {
        while let Some((order, from)) = self.vacant.last().copied() {
            let (partition, hash) = order;
            let head = match views.get(partition) {
                Some(view) => view.head_of_key(self.subscription, hash, from)?,
                None => None,
            };
            self.vacant.pop();
            self.turns.remove(&order);
            self.admit_head(order, head);
        }
        self.evict(capacity);
        // Each partition once; a new one comes to the front.
        for _ in 0..self.spilled.len() {
            self.spilled.rotate_left(1);
            let Some(partition) = self.spilled.back().map(|spilled| spilled.partition) else {
                break;
            };
            let Some(view) = views.get(partition) else {
                self.spilled.pop_back();
                continue;
            };
            while self.wants_more(now, capacity) {
                self.read_page(view, capacity)?;
                self.evict(capacity);
            }
            self.spilled
                .pop_back_if(|spilled| spilled.first_due().is_none());
        }
        Ok(())
    }

    /// Whether to read on in the partition at the back of the line.
    fn wants_more(&self, now: Timestamp, capacity: usize) -> bool {
        let unread = self.spilled.back().and_then(Spilled::first_due);
        let has_none_due = self.next_due().is_none_or(|due| due > now);
        unread
            .is_some_and(|first| self.queue.len() <= capacity / 2 || (first <= now && has_none_due))
    }

    /// Queues a page of calls and one of keys from the partition at the back of the line.
    fn read_page(&mut self, view: &View, capacity: usize) -> Result<(), Error> {
        let room = capacity.saturating_sub(self.queue.len());
        let page = room.max(capacity / 2).max(1);
        let Some(&Spilled {
            partition,
            calls,
            keys,
        }) = self.spilled.back()
        else {
            return Ok(());
        };
        if let Some(unread) = calls {
            let calls = view.due_calls(self.subscription, unread.read_to, page)?;
            let last = calls.last().filter(|_| calls.len() >= page);
            let last = last.and_then(|call| match call.phase {
                Phase::Due { due, .. } => Some((due, call.offset)),
                Phase::Waiting | Phase::Closed(_) => None,
            });
            for call in calls {
                if !self.known.contains_key(&(partition, call.id.key())) {
                    self.enqueue(partition, call);
                }
            }
            self.back(|spilled| spilled.calls_read(last));
        }
        if let Some(unread) = keys {
            let keys = view.ordering_keys(self.subscription, unread.read_to, page)?;
            for hash in &keys {
                let order = (partition, *hash);
                if !self.turns.contains_key(&order) {
                    let head = view.head_of_key(self.subscription, *hash, 0)?;
                    self.admit_head(order, head);
                }
            }
            let last = keys.last().copied().filter(|_| keys.len() >= page);
            self.back(|spilled| spilled.keys_read(last));
        }
        Ok(())
    }

    fn back(&mut self, change: impl FnOnce(&mut Spilled)) {
        if let Some(spilled) = self.spilled.back_mut() {
            change(spilled);
        }
    }

    /// The next in line of an ordering key has its turn.
    fn admit_head(&mut self, order: Order, head: Option<Invocation>) {
        let Some(head) = head else { return };
        let (partition, key) = (order.0, head.id.key());
        if !self.known.contains_key(&(partition, key)) {
            self.turns.insert(order, Turn::Held(key));
            self.enqueue(partition, head);
        }
    }
}

fn order(partition: Partition, invocation: &Invocation) -> Option<Order> {
    #[cfg(feature = "faults")]
    if faults::is_on(Fault::KeysOverlap) {
        return None;
    }
    let key = invocation.request.ordering_key.as_ref()?;
    Some((partition, KeyHash::of(key)))
}
