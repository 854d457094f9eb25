//! Groups: who is in them, who owns which partition, and what was committed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use triggerfish_log::{Committed, Offset, Partition, SessionSpec};

use super::{SESSION, store::State, writer_of};

/// What a session has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Assigned(Vec<Partition>),
    Revoke(Vec<Partition>, Instant),
    Lost(Vec<Partition>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Nobody,
    Owner(u64),
    Leaving { from: u64, deadline: Instant },
}

struct Slot {
    holder: Holder,
    committed: Option<Committed>,
}

struct Member {
    heard: Instant,
    /// Not heard of for too long, it has no part in the group until it is heard again.
    is_silent: bool,
    /// Why it is over.
    fenced: Option<String>,
    events: VecDeque<Event>,
}

#[derive(Default)]
pub(super) struct Group {
    members: BTreeMap<u64, Member>,
    slots: Vec<Slot>,
}

impl State {
    /// Another session is in the group; one that had its writer's name is fenced.
    pub(super) fn join(&mut self, spec: &SessionSpec, hand_over: Duration) -> u64 {
        let now = Instant::now();
        self.members_ever += 1;
        let id = self.members_ever;
        if let Some(writer) = writer_of(&spec.outputs) {
            let holder = (spec.group.clone(), spec.topic.clone(), id);
            let earlier = self.writers.insert(writer.clone(), holder);
            if let Some((group, topic, earlier)) = earlier
                && let Some(group) = self.groups.get_mut(&(group, topic))
            {
                group.fence(earlier, &format!("writer {writer} was opened again"));
                group.settle(now, hand_over);
            }
        }
        let partitions = self.ends(&spec.topic).len();
        let key = (spec.group.clone(), spec.topic.clone());
        let group = self.groups.entry(key).or_default();
        group.grow(partitions);
        group.members.insert(
            id,
            Member {
                heard: now,
                is_silent: false,
                fenced: None,
                events: VecDeque::new(),
            },
        );
        group.settle(now, hand_over);
        // A new member for which there was nothing hears that it is one.
        if let Some(member) = group.members.get_mut(&id)
            && member.events.is_empty()
        {
            member.events.push_back(Event::Assigned(Vec::new()));
        }
        id
    }
}

impl Group {
    pub(super) fn grow(&mut self, partitions: usize) {
        let more = partitions.max(self.slots.len());
        self.slots.resize_with(more, || Slot {
            holder: Holder::Nobody,
            committed: None,
        });
    }

    pub(super) fn leave(&mut self, member: u64, hand_over: Duration) {
        self.members.remove(&member);
        self.vacate(member);
        self.settle(Instant::now(), hand_over);
    }

    /// The session is over, and stays in the group no longer.
    pub(super) fn fence(&mut self, member: u64, reason: &str) {
        if let Some(member) = self.members.get_mut(&member) {
            member.fenced.get_or_insert_with(|| reason.to_owned());
            member.events.clear();
        }
        self.vacate(member);
    }

    fn vacate(&mut self, member: u64) -> Vec<Partition> {
        let mut gone = Vec::new();
        for (partition, slot) in (0..).map(Partition).zip(&mut self.slots) {
            let held_by = match slot.holder {
                Holder::Nobody => continue,
                Holder::Owner(owner) => owner,
                Holder::Leaving { from, .. } => from,
            };
            if held_by == member {
                slot.holder = Holder::Nobody;
                gone.push(partition);
            }
        }
        gone
    }

    /// A member is heard; what it is told next.
    pub(super) fn next_event(
        &mut self,
        member: u64,
        hand_over: Duration,
    ) -> Result<Option<Event>, String> {
        let now = Instant::now();
        let Some(own) = self.members.get_mut(&member) else {
            return Err("it has left the group".to_owned());
        };
        if let Some(reason) = &own.fenced {
            return Err(reason.clone());
        }
        own.heard = now;
        own.is_silent = false;
        self.settle(now, hand_over);
        let own = self.members.get_mut(&member);
        Ok(own.and_then(|own| own.events.pop_front()))
    }

    /// The partitions that the member owns and has to leave to nobody.
    pub(super) fn owned(&self, member: u64) -> Vec<Partition> {
        let slots = (0..).map(Partition).zip(&self.slots);
        let owned = slots.filter(|(_, slot)| slot.holder == Holder::Owner(member));
        owned.map(|(partition, _)| partition).collect()
    }

    /// Whether a member has a partition, and knows of all that became of it.
    pub(super) fn holds(&self, member: u64, partition: Partition) -> bool {
        let slot = self.slots.get(partition.0 as usize);
        let is_held = slot.is_some_and(|slot| match slot.holder {
            Holder::Nobody => false,
            Holder::Owner(owner) => owner == member,
            Holder::Leaving { from, deadline } => from == member && Instant::now() < deadline,
        });
        let events = self.members.get(&member).map(|member| &member.events);
        let mut untold = events.into_iter().flatten();
        let is_behind = untold.any(|event| match event {
            Event::Assigned(of) | Event::Lost(of) => of.contains(&partition),
            Event::Revoke(..) => false,
        });
        is_held && !is_behind
    }

    pub(super) fn fenced(&self, member: u64) -> Option<String> {
        match self.members.get(&member) {
            Some(member) => member.fenced.clone(),
            None => Some("it has left the group".to_owned()),
        }
    }

    pub(super) fn committed(&self, partition: Partition) -> Option<Committed> {
        let slot = self.slots.get(partition.0 as usize);
        slot.and_then(|slot| slot.committed.clone())
    }

    pub(super) fn commit(&mut self, partition: Partition, committed: Committed) {
        if let Some(slot) = self.slots.get_mut(partition.0 as usize) {
            slot.committed = Some(committed);
        }
    }

    pub(super) fn positions(&self) -> Vec<Option<Offset>> {
        let committed = self.slots.iter().map(|slot| slot.committed.as_ref());
        committed.map(|committed| Some(committed?.offset)).collect()
    }

    pub(super) fn forget_positions(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.committed = None);
    }

    /// A guard was dropped.
    pub(super) fn release(&mut self, member: u64, partitions: &[Partition], hand_over: Duration) {
        for partition in partitions {
            if let Some(slot) = self.slots.get_mut(partition.0 as usize)
                && matches!(slot.holder, Holder::Leaving { from, .. } if from == member)
            {
                slot.holder = Holder::Nobody;
            }
        }
        self.settle(Instant::now(), hand_over);
    }

    /// Takes from those who are not heard of or take too long, and shares out evenly.
    pub(super) fn settle(&mut self, now: Instant, hand_over: Duration) {
        let silent = self
            .members
            .iter_mut()
            .filter(|(_, member)| !member.is_silent && now.duration_since(member.heard) >= SESSION);
        let silent: Vec<u64> = silent
            .map(|(id, member)| {
                member.is_silent = true;
                *id
            })
            .collect();
        for member in silent {
            let gone = self.vacate(member);
            self.tell(member, Event::Lost(gone));
        }
        let mut overdue: BTreeMap<u64, Vec<Partition>> = BTreeMap::new();
        for (partition, slot) in (0..).map(Partition).zip(&mut self.slots) {
            if let Holder::Leaving { from, deadline } = slot.holder
                && now >= deadline
            {
                slot.holder = Holder::Nobody;
                overdue.entry(from).or_default().push(partition);
            }
        }
        for (member, lost) in overdue {
            self.tell(member, Event::Lost(lost));
        }
        self.share_out(now, hand_over);
    }

    fn tell(&mut self, member: u64, event: Event) {
        let is_empty = match &event {
            Event::Assigned(partitions)
            | Event::Revoke(partitions, _)
            | Event::Lost(partitions) => partitions.is_empty(),
        };
        if let Some(member) = self.members.get_mut(&member).filter(|_| !is_empty) {
            member.events.push_back(event);
        }
    }

    fn share_out(&mut self, now: Instant, hand_over: Duration) {
        let takes_part = |member: &Member| !member.is_silent && member.fenced.is_none();
        let members = self.members.iter().filter(|(_, member)| takes_part(member));
        let mut shares: Vec<(u64, Vec<Partition>)> =
            members.map(|(id, _)| (*id, self.owned(*id))).collect();
        if shares.is_empty() {
            return;
        }
        // Those with most keep what can't be shared out evenly.
        shares.sort_by_key(|(id, owned)| (std::cmp::Reverse(owned.len()), *id));
        let (least, over) = (
            self.slots.len() / shares.len(),
            self.slots.len() % shares.len(),
        );
        let mut free = (0..).map(Partition).zip(&self.slots);
        let mut free: VecDeque<Partition> = free
            .by_ref()
            .filter(|(_, slot)| slot.holder == Holder::Nobody)
            .map(|(partition, _)| partition)
            .collect();
        for (index, (id, owned)) in shares.into_iter().enumerate() {
            let share = least + usize::from(index < over);
            let gained = share.saturating_sub(owned.len()).min(free.len());
            let gained: Vec<Partition> = free.drain(..gained).collect();
            for partition in &gained {
                self.slots[partition.0 as usize].holder = Holder::Owner(id);
            }
            self.tell(id, Event::Assigned(gained));
            let leaving = owned.get(share..).unwrap_or_default().to_vec();
            let deadline = now + hand_over;
            for partition in &leaving {
                let holder = Holder::Leaving { from: id, deadline };
                self.slots[partition.0 as usize].holder = holder;
            }
            self.tell(id, Event::Revoke(leaving, deadline));
        }
    }
}
