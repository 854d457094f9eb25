//! Groups: who is in them, who owns which partition, and what was committed.
//!
//! Everything happens under one lock that is never held across a wait. A partition changes
//! hands only when its old owner has let it go (or its time is up) *and* no commit for it is on
//! its way to the disk; so a new owner always sees the last position its predecessor committed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use triggerfish_log::{
    Assigned, Committed, GroupName, InstanceName, LogError, Outputs, Partition, SessionSpec, Topic,
    WriterName,
};

use crate::balance::{self, Share};

type GroupKey = (GroupName, Topic);

/// One session's place in its group. Fenced once, it stays fenced.
pub(crate) struct Membership {
    id: u64,
    key: GroupKey,
    instance: InstanceName,
    writer: Option<WriterName>,
    /// Notified of events of the group, and of records by the topic.
    pub(crate) wake: Arc<Notify>,
    fenced: OnceLock<String>,
}

impl Membership {
    pub(crate) fn group(&self) -> &GroupName {
        &self.key.0
    }

    pub(crate) fn check(&self) -> Result<(), LogError> {
        match self.fenced.get() {
            Some(reason) => Err(LogError::Fenced {
                reason: reason.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// What a session has to be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Assigned(Vec<Assigned>),
    Revoke {
        partitions: Vec<Partition>,
        deadline: Instant,
    },
    Lost(Vec<Partition>),
}

/// The same before it is told, when what was committed may still change.
enum Pending {
    Assigned(Vec<u32>),
    Revoke(Vec<u32>, Instant),
    Lost(Vec<u32>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Nobody,
    Owner(u64),
    Leaving { from: u64, deadline: Instant },
}

struct Slot {
    holder: Holder,
    /// Commits on their way to the disk.
    committing: u32,
    committed: Option<Committed>,
}

impl Slot {
    fn new() -> Self {
        Self {
            holder: Holder::Nobody,
            committing: 0,
            committed: None,
        }
    }

    fn is_held_by(&self, member: u64, now: Instant) -> bool {
        match self.holder {
            Holder::Owner(owner) => owner == member,
            Holder::Leaving { from, deadline } => from == member && now < deadline,
            Holder::Nobody => false,
        }
    }
}

struct Member {
    membership: Arc<Membership>,
    events: VecDeque<Pending>,
}

impl Member {
    /// Whether it has yet to hear that a partition has gone or come: what it does for it until
    /// then is from before, and another member may have gone on from there.
    fn is_behind(&self, partition: u32) -> bool {
        let mut events = self.events.iter();
        events.any(|event| match event {
            Pending::Assigned(of) | Pending::Lost(of) => of.contains(&partition),
            Pending::Revoke(..) => false,
        })
    }
}

#[derive(Default)]
struct Group {
    members: BTreeMap<u64, Member>,
    slots: Vec<Slot>,
}

#[derive(Default)]
struct State {
    groups: HashMap<GroupKey, Group>,
    writers: HashMap<WriterName, Arc<Membership>>,
    members_ever: u64,
}

/// All groups of the log.
pub(crate) struct Groups {
    state: Mutex<State>,
    hand_over: Duration,
}

impl Groups {
    pub(crate) fn new(hand_over: Duration) -> Self {
        Self {
            state: Mutex::default(),
            hand_over,
        }
    }

    /// Puts a committed position back that was read from the store.
    pub(crate) fn restore(
        &self,
        group: GroupName,
        topic: Topic,
        partition: u32,
        committed: Committed,
    ) {
        let mut state = self.state.lock();
        let group = state.groups.entry((group, topic)).or_default();
        group.grow(partition + 1);
        group.slots[partition as usize].committed = Some(committed);
    }

    pub(crate) fn join(&self, spec: SessionSpec, partitions: u32) -> Arc<Membership> {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.members_ever += 1;
        let writer = match spec.outputs {
            Outputs::Atomic(writer) => Some(writer),
            Outputs::PositionsOnly => None,
        };
        let membership = Arc::new(Membership {
            id: state.members_ever,
            key: (spec.group, spec.topic),
            instance: spec.instance,
            writer: writer.clone(),
            wake: Arc::new(Notify::new()),
            fenced: OnceLock::new(),
        });
        if let Some(writer) = writer
            && let Some(earlier) = state.writers.insert(writer.clone(), membership.clone())
        {
            let reason = format!(
                "writer {writer} was opened again by instance {} while {} had it",
                membership.instance, earlier.instance
            );
            state.fence(&earlier, reason, now, self.hand_over);
        }
        let group = state.groups.entry(membership.key.clone()).or_default();
        group.grow(partitions);
        let member = Member {
            membership: membership.clone(),
            events: VecDeque::new(),
        };
        group.members.insert(membership.id, member);
        group.settle(now, self.hand_over);
        group.tell_nothing_is_free(membership.id);
        membership
    }

    pub(crate) fn leave(&self, membership: &Membership) {
        let mut state = self.state.lock();
        if let Some(writer) = &membership.writer
            && state
                .writers
                .get(writer)
                .is_some_and(|holder| holder.id == membership.id)
        {
            state.writers.remove(writer);
        }
        if let Some(group) = state.groups.get_mut(&membership.key) {
            group.remove(membership.id);
            group.settle(Instant::now(), self.hand_over);
        }
    }

    /// The topic has more partitions than before.
    pub(crate) fn grow(&self, topic: &Topic, partitions: u32) {
        let mut state = self.state.lock();
        for (key, group) in &mut state.groups {
            if key.1 == *topic {
                group.grow(partitions);
                group.settle(Instant::now(), self.hand_over);
            }
        }
    }

    /// A hand-over guard was dropped.
    pub(crate) fn release(&self, membership: &Membership, partitions: &[Partition]) {
        let mut state = self.state.lock();
        let Some(group) = state.groups.get_mut(&membership.key) else {
            return;
        };
        for partition in partitions {
            if let Some(slot) = group.slots.get_mut(partition.0 as usize)
                && matches!(slot.holder, Holder::Leaving { from, .. } if from == membership.id)
            {
                slot.holder = Holder::Nobody;
            }
        }
        group.settle(Instant::now(), self.hand_over);
    }

    /// The next thing to tell the session, and when to ask again if nothing else happens.
    pub(crate) fn next_event(
        &self,
        membership: &Membership,
    ) -> Result<(Option<Event>, Option<Instant>), LogError> {
        membership.check()?;
        let now = Instant::now();
        let mut state = self.state.lock();
        let Some(group) = state.groups.get_mut(&membership.key) else {
            return Ok((None, None));
        };
        if group
            .next_deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            group.settle(now, self.hand_over);
        }
        let pending = group
            .members
            .get_mut(&membership.id)
            .and_then(|m| m.events.pop_front());
        let event = pending.map(|pending| match pending {
            Pending::Assigned(partitions) => Event::Assigned(group.assigned(&partitions)),
            Pending::Revoke(partitions, deadline) => Event::Revoke {
                partitions: named(&partitions),
                deadline,
            },
            Pending::Lost(partitions) => Event::Lost(named(&partitions)),
        });
        Ok((event, group.next_deadline()))
    }

    /// Lets a commit for these partitions begin, or fences the session and says why.
    pub(crate) fn begin_commit(
        &self,
        membership: &Membership,
        consumed: &[(u32, Committed)],
    ) -> Result<(), String> {
        if let Some(reason) = membership.fenced.get() {
            return Err(reason.clone());
        }
        let now = Instant::now();
        let mut state = self.state.lock();
        let held = |group: &Group, n: u32| {
            let slot = group.slots.get(n as usize);
            let member = group.members.get(&membership.id);
            slot.is_some_and(|slot| slot.is_held_by(membership.id, now))
                && member.is_some_and(|member| !member.is_behind(n))
        };
        let group = state.groups.get_mut(&membership.key);
        let lost = consumed
            .iter()
            .find(|(n, _)| group.as_ref().is_none_or(|g| !held(g, *n)));
        if let Some((partition, _)) = lost {
            let reason = format!(
                "partition {partition} of {} was no longer held by instance {}",
                membership.key.1, membership.instance
            );
            state.fence(membership, reason.clone(), now, self.hand_over);
            return Err(reason);
        }
        if let Some(group) = group {
            for (partition, _) in consumed {
                group.slots[*partition as usize].committing += 1;
            }
        }
        Ok(())
    }

    /// Ends what [`Groups::begin_commit`] began. `written` is false if it is not on disk.
    pub(crate) fn finish_commit(
        &self,
        membership: &Membership,
        consumed: Vec<(u32, Committed)>,
        written: bool,
    ) {
        let mut state = self.state.lock();
        let Some(group) = state.groups.get_mut(&membership.key) else {
            return;
        };
        for (partition, committed) in consumed {
            let slot = &mut group.slots[partition as usize];
            slot.committing -= 1;
            if written {
                slot.committed = Some(committed);
            }
        }
        let waited = group.slots.iter().any(|s| s.holder == Holder::Nobody);
        if waited {
            group.settle(Instant::now(), self.hand_over);
        }
    }

    /// Wakes every session, to find the log closed.
    pub(crate) fn wake_all(&self) {
        let state = self.state.lock();
        for member in state
            .groups
            .values()
            .flat_map(|group| group.members.values())
        {
            member.membership.wake.notify_one();
        }
    }
}

impl State {
    fn fence(
        &mut self,
        membership: &Membership,
        reason: String,
        now: Instant,
        hand_over: Duration,
    ) {
        tracing::warn!(group = %membership.key.0, instance = %membership.instance, reason, "fenced");
        let _ = membership.fenced.set(reason);
        membership.wake.notify_one();
        if let Some(group) = self.groups.get_mut(&membership.key) {
            group.remove(membership.id);
            group.settle(now, hand_over);
        }
    }
}

fn named(partitions: &[u32]) -> Vec<Partition> {
    partitions.iter().copied().map(Partition).collect()
}

impl Group {
    fn grow(&mut self, partitions: u32) {
        let partitions = (partitions as usize).max(self.slots.len());
        self.slots.resize_with(partitions, Slot::new);
    }

    fn assigned(&self, partitions: &[u32]) -> Vec<Assigned> {
        let assigned = |&n: &u32| Assigned {
            partition: Partition(n),
            committed: self.slots[n as usize].committed.clone(),
        };
        partitions.iter().map(assigned).collect()
    }

    fn remove(&mut self, member: u64) {
        self.members.remove(&member);
        for slot in &mut self.slots {
            let held = match slot.holder {
                Holder::Owner(by) | Holder::Leaving { from: by, .. } => by == member,
                Holder::Nobody => false,
            };
            if held {
                slot.holder = Holder::Nobody;
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let deadlines = self.slots.iter().filter_map(|slot| match slot.holder {
            Holder::Leaving { deadline, .. } => Some(deadline),
            _ => None,
        });
        deadlines.min()
    }

    fn shares(&self) -> Vec<Share> {
        let share = |&member: &u64| {
            let held = self.slots.iter().enumerate();
            let held = held.filter(|(_, slot)| slot.holder == Holder::Owner(member));
            Share {
                member,
                held: held.map(|(n, _)| number(n)).collect(),
            }
        };
        self.members.keys().map(share).collect()
    }

    /// Takes back what is overdue, takes away what is too much, and gives out what is free.
    fn settle(&mut self, now: Instant, hand_over: Duration) {
        self.expire(now);
        for (member, partitions) in balance::excess(&self.shares(), self.slots.len()) {
            self.take_away(member, partitions, now + hand_over);
        }
        let free = |(n, slot): (usize, &Slot)| {
            (slot.holder == Holder::Nobody && slot.committing == 0).then_some(number(n))
        };
        let free: Vec<u32> = self.slots.iter().enumerate().filter_map(free).collect();
        for (member, partitions) in balance::assign(&self.shares(), self.slots.len(), &free) {
            for &n in &partitions {
                self.slots[n as usize].holder = Holder::Owner(member);
            }
            self.tell(member, Pending::Assigned(partitions));
        }
        for member in self.members.values() {
            member.membership.wake.notify_one();
        }
    }

    fn expire(&mut self, now: Instant) {
        let mut lost: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (n, slot) in self.slots.iter_mut().enumerate() {
            if let Holder::Leaving { from, deadline } = slot.holder
                && deadline <= now
            {
                slot.holder = Holder::Nobody;
                lost.entry(from).or_default().push(number(n));
            }
        }
        for (member, partitions) in lost {
            self.tell(member, Pending::Lost(partitions));
        }
    }

    /// Asks a member to give partitions up. Those it was not yet told of it never had.
    fn take_away(&mut self, member: u64, partitions: Vec<u32>, deadline: Instant) {
        let Some(events) = self.members.get_mut(&member).map(|m| &mut m.events) else {
            return;
        };
        let mut told = Vec::new();
        for n in partitions {
            let mut untold = false;
            for event in events.iter_mut() {
                if let Pending::Assigned(assigned) = event {
                    let before = assigned.len();
                    assigned.retain(|a| *a != n);
                    untold |= assigned.len() < before;
                }
            }
            let slot = &mut self.slots[n as usize];
            if untold {
                slot.holder = Holder::Nobody;
            } else {
                slot.holder = Holder::Leaving {
                    from: member,
                    deadline,
                };
                told.push(n);
            }
        }
        if !told.is_empty() {
            self.tell(member, Pending::Revoke(told, deadline));
        }
    }

    /// A new member for which there was nothing hears that it is one.
    fn tell_nothing_is_free(&mut self, member: u64) {
        if let Some(member) = self.members.get_mut(&member)
            && member.events.is_empty()
        {
            member.events.push_back(Pending::Assigned(Vec::new()));
        }
    }

    fn tell(&mut self, member: u64, event: Pending) {
        if let Some(member) = self.members.get_mut(&member) {
            member.events.push_back(event);
        }
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("counts of partitions are u32")
}
