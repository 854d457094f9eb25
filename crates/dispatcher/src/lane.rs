//! The calls of one subscription: what is queued in memory, what is in flight, and
//! what waits in the views.
//!
//! Memory holds a bounded number of queued calls. What is beyond that stays in the
//! view of its partition, which is remembered as *spilled*; the lane reads on from
//! there when it has room.

use std::collections::{BTreeMap, HashMap, VecDeque};

use triggerfish_core::{
    Invocation, InvocationKey, Phase, SubscriptionId, Timestamp,
    breaker::{Breaker, BreakerPolicy},
};
use triggerfish_log::Partition;
use triggerfish_runtime::Views;
use triggerfish_view::{CallCursor, Error, KeyHash, View};

/// One invocation, anywhere in this process.
pub(crate) type CallId = (Partition, InvocationKey);

/// Where a call stands in the queue: by the time it is due, then by log order.
type Place = (Timestamp, Partition, u64);

/// Where a known call is. Calls that are not known here wait in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whereabouts {
    Queued(Place),
    /// Being made, or made and not yet folded.
    Out,
}

/// A partition whose view may hold calls that are not known here.
struct Spilled {
    partition: Partition,
    /// How far the view has been read: no call at or before this place was left behind.
    read_to: Option<CallCursor>,
}

pub(crate) struct Lane {
    subscription: SubscriptionId,
    queue: BTreeMap<Place, Invocation>,
    known: HashMap<CallId, Whereabouts>,
    /// The invocation that has the turn for each ordering key.
    turns: HashMap<(Partition, KeyHash), InvocationKey>,
    /// Ordering keys whose turn has just ended; the next in line is in the view.
    vacant: Vec<(Partition, KeyHash)>,
    spilled: VecDeque<Spilled>,
    pub(crate) in_flight: usize,
    pub(crate) breaker: Breaker,
    /// Since when every call has failed.
    pub(crate) failing_since: Option<Timestamp>,
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
            failing_since: None,
        }
    }

    /// A call is owed. `capacity` bounds the queue in memory.
    pub(crate) fn owe(&mut self, partition: Partition, invocation: &Invocation, capacity: usize) {
        let Phase::Due { due, .. } = invocation.phase else {
            return;
        };
        if let Some(key) = &invocation.request.ordering_key {
            let turn = self.turns.entry((partition, KeyHash::of(key)));
            if *turn.or_insert(invocation.id.key()) != invocation.id.key() {
                return;
            }
        }
        let id = (partition, invocation.id.key());
        self.forget_place(id);
        let spills = self.queue.len() >= capacity || self.has_spilled(partition);
        if spills && !self.known.contains_key(&id) {
            self.spill(partition, (due, invocation.offset));
            self.release_turn(partition, invocation);
            return;
        }
        let place = (due, partition, invocation.offset);
        self.known.insert(id, Whereabouts::Queued(place));
        self.queue.insert(place, invocation.clone());
    }

    fn has_spilled(&self, partition: Partition) -> bool {
        self.spilled
            .iter()
            .any(|spilled| spilled.partition == partition)
    }

    /// A call at `place` is left in the view of `partition`.
    fn spill(&mut self, partition: Partition, place: CallCursor) {
        match self
            .spilled
            .iter_mut()
            .find(|spilled| spilled.partition == partition)
        {
            Some(spilled) => spilled.read_to = spilled.read_to.filter(|read_to| *read_to < place),
            None => self.spilled.push_back(Spilled {
                partition,
                read_to: None,
            }),
        }
    }

    fn forget_place(&mut self, id: CallId) {
        if let Some(Whereabouts::Queued(place)) = self.known.get(&id) {
            self.queue.remove(place);
        }
    }

    /// No call is owed for this invocation: it is closed, or waits for its callback.
    pub(crate) fn settle(&mut self, partition: Partition, invocation: &Invocation) {
        let id = (partition, invocation.id.key());
        self.forget_place(id);
        self.known.remove(&id);
        if let Some(turn) = self.release_turn(partition, invocation) {
            self.vacant.push(turn);
        }
    }

    /// Gives up the turn of an ordering key, if it had one.
    fn release_turn(
        &mut self,
        partition: Partition,
        invocation: &Invocation,
    ) -> Option<(Partition, KeyHash)> {
        let turn = (
            partition,
            KeyHash::of(invocation.request.ordering_key.as_ref()?),
        );
        let has_it = self.turns.get(&turn) == Some(&invocation.id.key());
        has_it.then(|| self.turns.remove(&turn)).map(|_| turn)
    }

    /// Everything about `partition` is gone, except what is still out.
    pub(crate) fn release(&mut self, partition: Partition) {
        self.queue.retain(|(_, of, _), _| *of != partition);
        self.known.retain(|(of, _), _| *of != partition);
        self.turns.retain(|(of, _), _| *of != partition);
        self.vacant.retain(|(of, _)| *of != partition);
        self.spilled
            .retain(|spilled| spilled.partition != partition);
    }

    /// The view of `partition` may hold calls that are not known here.
    pub(crate) fn look_into(&mut self, partition: Partition) {
        if !self.has_spilled(partition) {
            self.spilled.push_back(Spilled {
                partition,
                read_to: None,
            });
        }
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

    /// When the first queued call is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.queue.first_key_value().map(|((due, ..), _)| *due)
    }

    /// Takes the first call out of the queue.
    pub(crate) fn take(&mut self) -> Option<(Partition, Invocation)> {
        let ((_, partition, _), invocation) = self.queue.pop_first()?;
        self.known
            .insert((partition, invocation.id.key()), Whereabouts::Out);
        self.in_flight += 1;
        Some((partition, invocation))
    }

    /// Reads on from the views of spilled partitions when there is room.
    pub(crate) fn refill(&mut self, views: &mut Views<'_>, capacity: usize) -> Result<(), Error> {
        for (partition, key) in std::mem::take(&mut self.vacant) {
            let Some(view) = views.get(partition) else {
                continue;
            };
            if let Some(head) = view.head_of_key(self.subscription, key)? {
                self.owe(partition, &head, capacity);
            }
        }
        if self.queue.len() > capacity / 2 {
            return Ok(());
        }
        // Each partition once, those that still have more at the end of the line.
        for _ in 0..self.spilled.len() {
            let room = capacity.saturating_sub(self.queue.len());
            if room == 0 {
                break;
            }
            let Some(spilled) = self.spilled.pop_front() else {
                break;
            };
            let Some(view) = views.get(spilled.partition) else {
                continue;
            };
            if let Some(more) = self.read_on(view, &spilled, room)? {
                self.spilled.push_back(more);
            }
        }
        Ok(())
    }

    /// Queues up to `room` calls from a view; returns where to read on, if there is more.
    fn read_on(
        &mut self,
        view: &View,
        spilled: &Spilled,
        room: usize,
    ) -> Result<Option<Spilled>, Error> {
        let Spilled { partition, read_to } = *spilled;
        let calls = view.due_calls(self.subscription, read_to, room)?;
        let mut more = calls.len() >= room;
        let mut place = read_to;
        for invocation in calls {
            if let Phase::Due { due, .. } = invocation.phase {
                place = Some((due, invocation.offset));
            }
            self.admit(partition, &invocation);
        }
        let keys = view.ordering_keys(self.subscription, None, room + self.turns.len())?;
        more |= keys.len() >= room + self.turns.len();
        for key in keys {
            if !self.turns.contains_key(&(partition, key))
                && let Some(head) = view.head_of_key(self.subscription, key)?
            {
                self.admit(partition, &head);
            }
        }
        Ok(more.then_some(Spilled {
            partition,
            read_to: place,
        }))
    }

    /// Queues a call unless it is known already.
    fn admit(&mut self, partition: Partition, invocation: &Invocation) {
        if !self.known.contains_key(&(partition, invocation.id.key())) {
            self.owe(partition, invocation, usize::MAX);
        }
    }
}
