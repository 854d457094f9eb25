//! The registry at one moment: immutable, shared, and mostly the same memory as
//! the snapshot before it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use triggerfish_core::{Action, SubscriptionId, Timestamp, Timing};

use crate::{
    callback::CompiledCallback,
    catalogue::{self, Triggers},
    model::{Client, Growth},
    object_type::{self, CompiledObjectType, ObjectTypes},
    subscription::CompiledSubscription,
    trigger::CompiledTrigger,
};

/// How far clocks of two processes may be apart while a growth of the invocation log begins to
/// count: with more, an event that comes twice within that time, once to each of them, may be
/// taken for two.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(2);

pub(crate) type Subscriptions = BTreeMap<SubscriptionId, Arc<CompiledSubscription>>;

/// Subscriptions of each trigger.
pub(crate) type ByTrigger = HashMap<Arc<str>, Arc<Vec<Arc<CompiledSubscription>>>>;

pub(crate) type Callbacks = BTreeMap<SubscriptionId, Arc<CompiledCallback>>;

/// Callbacks of each object type.
pub(crate) type ByObjectType = HashMap<Arc<str>, Arc<Vec<Arc<CompiledCallback>>>>;

/// The registry at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) version: u64,
    pub(crate) triggers: Arc<Triggers>,
    pub(crate) subscriptions: Arc<Subscriptions>,
    /// In the order of ids; holds no empty lists.
    pub(crate) by_trigger: Arc<ByTrigger>,
    pub(crate) object_types: Arc<ObjectTypes>,
    pub(crate) callbacks: Arc<Callbacks>,
    /// In the order of ids; holds no empty lists.
    pub(crate) by_object_type: Arc<ByObjectType>,
    pub(crate) clients: Arc<BTreeMap<Arc<str>, Arc<Client>>>,
    pub(crate) growths: Arc<Vec<Growth>>,
    pub(crate) unreadable: Arc<BTreeMap<String, String>>,
}

impl Snapshot {
    /// The registry before anything was written: what ships with the service.
    pub(crate) fn empty() -> Self {
        Self {
            version: 0,
            triggers: catalogue::triggers(),
            subscriptions: Arc::default(),
            by_trigger: Arc::default(),
            object_types: object_type::built_in(),
            callbacks: Arc::default(),
            by_object_type: Arc::default(),
            clients: Arc::default(),
            growths: Arc::default(),
            unreadable: Arc::default(),
        }
    }

    /// The position in the topic after the newest record that it holds. Grows
    /// with every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The trigger with this id.
    pub fn trigger(&self, id: &str) -> Option<&Arc<CompiledTrigger>> {
        self.triggers.get(id)
    }

    /// All triggers in the order of their ids, the catalogue's and one's own.
    pub fn triggers(&self) -> impl ExactSizeIterator<Item = &Arc<CompiledTrigger>> {
        self.triggers.values()
    }

    /// The subscription with this id.
    pub fn subscription(&self, id: SubscriptionId) -> Option<&Arc<CompiledSubscription>> {
        self.subscriptions.get(&id)
    }

    /// All subscriptions, enabled or not, oldest first.
    pub fn subscriptions(&self) -> impl ExactSizeIterator<Item = &Arc<CompiledSubscription>> {
        self.subscriptions.values()
    }

    /// The subscriptions of a trigger, enabled or not, oldest first.
    pub fn subscriptions_of(&self, trigger_id: &str) -> &[Arc<CompiledSubscription>] {
        self.by_trigger
            .get(trigger_id)
            .map_or(&[], |list| list.as_slice())
    }

    /// The object type with this id.
    pub fn object_type(&self, id: &str) -> Option<&Arc<CompiledObjectType>> {
        self.object_types.get(id)
    }

    /// All object types in the order of their ids, built in and one's own.
    pub fn object_types(&self) -> impl ExactSizeIterator<Item = &Arc<CompiledObjectType>> {
        self.object_types.values()
    }

    /// The callback with this id.
    pub fn callback(&self, id: SubscriptionId) -> Option<&Arc<CompiledCallback>> {
        self.callbacks.get(&id)
    }

    /// All callbacks, enabled or not, oldest first.
    pub fn callbacks(&self) -> impl ExactSizeIterator<Item = &Arc<CompiledCallback>> {
        self.callbacks.values()
    }

    /// The callbacks of an object type, enabled or not, oldest first.
    pub fn callbacks_of(&self, object_type: &str) -> &[Arc<CompiledCallback>] {
        self.by_object_type
            .get(object_type)
            .map_or(&[], |list| list.as_slice())
    }

    /// Whom to call when this happens to an object of this type: enabled callbacks,
    /// oldest first.
    pub fn callbacks_for(
        &self,
        object_type: &str,
        timing: Timing,
        action: Action,
    ) -> impl Iterator<Item = &Arc<CompiledCallback>> {
        let of_type = self.callbacks_of(object_type).iter();
        of_type.filter(move |callback| callback.is_for(timing, action))
    }

    /// The API client with this id.
    pub fn client(&self, id: &str) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }

    /// All API clients, in the order of their ids.
    pub fn clients(&self) -> impl ExactSizeIterator<Item = &Arc<Client>> {
        self.clients.values()
    }

    /// How many partitions the invocation log had at `time`; before the first
    /// entry, what that entry says. `None` until there is one.
    pub fn partitions_at(&self, time: Timestamp) -> Option<u16> {
        let in_force = self
            .growths
            .iter()
            .rev()
            .find(|growth| growth.since <= time);
        in_force
            .or(self.growths.first())
            .map(|growth| growth.partitions)
    }

    /// How many partitions the invocation log may have had for a process when it was `time`
    /// here, oldest first: a clock that is ahead, by two seconds at most, makes a growth count
    /// before its time. A growth that counts later is left out, since the group may not
    /// have given its partitions to anybody yet.
    pub fn partitions_until(&self, time: Timestamp) -> impl Iterator<Item = u16> {
        let until = time.after(CLOCKS_APART_MAX);
        let past = self.growths.iter().take_while(move |g| g.since <= until);
        past.map(|growth| growth.partitions)
    }

    /// Since when the invocation log has how many partitions, oldest first.
    pub fn growths(&self) -> &[Growth] {
        &self.growths
    }

    /// Records that could not be read, as key and reason. They count as deleted,
    /// so that every process and every restart sees the same registry.
    pub fn unreadable(&self) -> &BTreeMap<String, String> {
        &self.unreadable
    }
}
