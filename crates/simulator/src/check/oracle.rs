//! What the log means, folded beside the system as the records come in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use triggerfish_core::{
    ActionState, Invocation, InvocationId, InvocationKey, Observation, Phase, Seen, SubscriptionId,
    action::expand, apply,
};
use triggerfish_log::{Offset, Partition, Record};
use triggerfish_wire::envelope;

use super::referee::Said;

/// The states of one thing, and the offset that led to each.
type States<T> = Vec<(Offset, T)>;
/// Where a thing is: the key says more only together with the partition.
type Place = (Partition, InvocationKey);

/// See the head of the file.
#[derive(Default)]
pub(crate) struct Oracle {
    invocations: BTreeMap<Place, States<Invocation>>,
    actions: BTreeMap<Place, States<ActionState>>,
    /// The invocations of each event, by what upstream calls it.
    events: BTreeMap<(Arc<str>, SubscriptionId), BTreeSet<InvocationId>>,
    /// The actions, by what the platform calls them.
    asked: BTreeMap<Arc<str>, BTreeSet<InvocationId>>,
    unreadable: BTreeMap<(Partition, Offset), Option<Bytes>>,
    said: BTreeMap<Place, Vec<Said>>,
}

impl Oracle {
    /// The invocations that are other ones after this record.
    pub(crate) fn fold(&mut self, record: &Record) -> Vec<Invocation> {
        let decoded = record.value.clone().map(envelope::decode);
        let decoded = decoded.and_then(Result::ok);
        let own = decoded.filter(|(id, ..)| u32::from(id.partition()) == record.partition.0);
        let Some((id, at, observation)) = own else {
            self.cannot_read(record);
            return Vec::new();
        };
        let offset = record.offset.0;
        let seen = Seen { id, offset, at };
        match observation {
            Observation::ActionAsked(request) => {
                let place = (record.partition, id.key());
                if self.actions.contains_key(&place) {
                    return Vec::new();
                }
                let expansion = expand(seen, request);
                let members = expansion.members.into_iter();
                let changed: Vec<_> = members.filter_map(|step| step.state).collect();
                for state in &changed {
                    self.keep(record, state.clone());
                }
                if let Some(name) = &expansion.action.request.correlation {
                    self.asked.entry(Arc::clone(name)).or_default().insert(id);
                }
                let states = vec![(record.offset, expansion.action)];
                self.actions.insert(place, states);
                changed
            }
            observation => {
                let said = self.said.entry((record.partition, id.key())).or_default();
                said.push((id, at, observation.clone()));
                let before = self.newest(id).cloned();
                let step = apply(before, seen, observation);
                let changed = step.state.filter(|_| step.ignored.is_none());
                if let Some(state) = &changed {
                    self.keep(record, state.clone());
                }
                changed.into_iter().collect()
            }
        }
    }

    fn cannot_read(&mut self, record: &Record) {
        let place = (record.partition, record.offset);
        self.unreadable.insert(place, record.value.clone());
    }

    fn keep(&mut self, record: &Record, state: Invocation) {
        let place = (record.partition, state.id.key());
        if let Some(event) = state
            .request
            .event_id
            .clone()
            .filter(|_| state.request.member.is_none())
        {
            let told = (event, state.request.subscription_id);
            self.events.entry(told).or_default().insert(state.id);
        }
        if let Some(member) = &state.request.member
            && let Some(states) = self
                .actions
                .get_mut(&(record.partition, member.action_id.key()))
            && let Some((_, newest)) = states.last()
        {
            let mut action = newest.clone();
            if action.told(&state, record.offset.0).changed {
                states.push((record.offset, action));
            }
        }
        let states = self.invocations.entry(place).or_default();
        states.push((record.offset, state));
    }

    /// The invocation as it is after everything that is in the log.
    pub(crate) fn newest(&self, id: InvocationId) -> Option<&Invocation> {
        let place = (Partition(u32::from(id.partition())), id.key());
        let states = self.invocations.get(&place)?;
        states.last().map(|(_, state)| state)
    }

    /// The invocation as it was after everything before `end`.
    pub(crate) fn before(&self, id: InvocationId, end: Offset) -> Option<&Invocation> {
        let place = (Partition(u32::from(id.partition())), id.key());
        let states = self.invocations.get(&place)?;
        let count = states.partition_point(|(offset, _)| *offset < end);
        states[..count].last().map(|(_, state)| state)
    }

    /// All that the log says of an invocation, in its order.
    pub(crate) fn said(&self, id: InvocationId) -> &[Said] {
        let place = (Partition(u32::from(id.partition())), id.key());
        self.said.get(&place).map_or(&[], Vec::as_slice)
    }

    /// An invocation of the same subscription and ordering key that came before `call` and
    /// owes a call.
    pub(crate) fn owed_before(&self, call: &Invocation) -> Option<&Invocation> {
        let partition = call.id.partition();
        self.invocations().find(|other| {
            other.id.partition() == partition
                && other.request.subscription_id == call.request.subscription_id
                && other.request.ordering_key == call.request.ordering_key
                && other.offset < call.offset
                && matches!(other.phase, Phase::Due { .. })
        })
    }

    /// Until which record this is what the log said of an invocation, if it ever did.
    pub(crate) fn knew(&self, told: &Invocation) -> Option<Offset> {
        let place = (Partition(u32::from(told.id.partition())), told.id.key());
        let states = self.invocations.get(&place)?;
        let known = states.iter().rposition(|(_, state)| state == told)?;
        let next = states.get(known + 1).map(|(offset, _)| *offset);
        Some(next.unwrap_or(Offset(u64::MAX)))
    }

    /// Every invocation, and the record that changed it last.
    pub(crate) fn changes(&self) -> BTreeMap<InvocationId, Offset> {
        let newest = self.invocations.values().filter_map(|states| states.last());
        newest.map(|(offset, state)| (state.id, *offset)).collect()
    }

    pub(crate) fn invocations(&self) -> impl Iterator<Item = &Invocation> {
        let newest = self.invocations.values().filter_map(|states| states.last());
        newest.map(|(_, state)| state)
    }

    /// The action as it is after everything that is in the log.
    pub(crate) fn action(&self, id: InvocationId) -> Option<&ActionState> {
        let place = (Partition(u32::from(id.partition())), id.key());
        let states = self.actions.get(&place)?;
        states.last().map(|(_, state)| state)
    }

    pub(crate) fn actions(&self) -> impl Iterator<Item = &ActionState> {
        let newest = self.actions.values().filter_map(|states| states.last());
        newest.map(|(_, state)| state)
    }

    pub(crate) fn of_event(&self, event: &str, told: SubscriptionId) -> usize {
        let found = self.events.get(&(event.into(), told));
        found.map_or(0, BTreeSet::len)
    }

    pub(crate) fn of_question(&self, name: &str) -> usize {
        self.asked.get(name).map_or(0, BTreeSet::len)
    }

    pub(crate) const fn unreadable(&self) -> &BTreeMap<(Partition, Offset), Option<Bytes>> {
        &self.unreadable
    }
}
