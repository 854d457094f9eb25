//! What the records of the registry topic mean: the newest of each key counts.
//!
//! Pure and total. A record that cannot be read counts as a deletion and is
//! reported; counting it as absent instead would make a process that saw the
//! record before it differ from one that starts after compaction.

use std::sync::Arc;

use triggerfish_core::{Callback, ObjectType, Subscription, SubscriptionId};

use crate::{
    callback::CompiledCallback,
    catalogue,
    model::Growth,
    object_type::{self, CompiledObjectType},
    record::{Entry, Key},
    schema::cut,
    seal::Sealer,
    snapshot::Snapshot,
    subscription::CompiledSubscription,
    trigger::{CompiledTrigger, TriggerSource},
};

const REASON_CHARS_MAX: usize = 300;
const KEY_CHARS_MAX: usize = 300;

/// A record as the fold sees it; no value is a deletion.
pub(crate) struct RawRecord<'a> {
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

/// Applies one record. Why it could not be read, if so, is remembered under
/// [`Snapshot::unreadable`].
pub(crate) fn apply(snapshot: &mut Snapshot, record: &RawRecord<'_>, sealer: &Sealer) {
    let Some(raw_key) = record.key else {
        return report(snapshot, "", "the record has no key");
    };
    let name = cut(&String::from_utf8_lossy(raw_key), KEY_CHARS_MAX);
    let key = match Key::parse(raw_key) {
        Ok(key) => key,
        Err(_) if record.value.is_none() => return forget(snapshot, &name),
        Err(reason) => return report(snapshot, &name, reason),
    };
    let entry = match record.value {
        None => Ok(None),
        Some(value) => Entry::parse(&key, value).map(Some),
    };
    let applied = entry.and_then(|entry| match entry {
        None => {
            remove(snapshot, &key);
            Ok(())
        }
        Some(entry) => put(snapshot, entry, sealer),
    });
    match applied {
        Ok(()) => forget(snapshot, &name),
        Err(reason) => {
            remove(snapshot, &key);
            report(snapshot, &name, &reason);
        }
    }
}

fn report(snapshot: &mut Snapshot, key: &str, reason: &str) {
    Arc::make_mut(&mut snapshot.unreadable).insert(key.to_owned(), cut(reason, REASON_CHARS_MAX));
}

fn forget(snapshot: &mut Snapshot, key: &str) {
    if snapshot.unreadable.contains_key(key) {
        Arc::make_mut(&mut snapshot.unreadable).remove(key);
    }
}

fn put(snapshot: &mut Snapshot, entry: Entry, sealer: &Sealer) -> Result<(), String> {
    match entry {
        Entry::Trigger(trigger) => {
            if catalogue::contains(&trigger.id) {
                return Err("a trigger of the catalogue has this id, and it counts".to_owned());
            }
            let unchanged = |present: &Arc<CompiledTrigger>| present.trigger == trigger;
            if !snapshot
                .triggers
                .get(trigger.id.as_str())
                .is_some_and(unchanged)
            {
                let compiled = CompiledTrigger::compile(trigger, TriggerSource::Own)
                    .map_err(|error| error.to_string())?;
                Arc::make_mut(&mut snapshot.triggers)
                    .insert(Arc::clone(&compiled.id), Arc::new(compiled));
            }
        }
        Entry::Subscription(stored) => put_subscription(snapshot, *stored, sealer),
        Entry::ObjectType(object_type) => put_object_type(snapshot, object_type)?,
        Entry::Callback(stored) => put_callback(snapshot, *stored, sealer),
        Entry::Client(client) => {
            crate::client::check(&client).map_err(|error| error.to_string())?;
            Arc::make_mut(&mut snapshot.clients).insert(client.id.as_str().into(), client.into());
        }
        Entry::Growths(growths) => {
            if !grows(&growths) {
                return Err("the partition counts or their times do not grow".to_owned());
            }
            snapshot.growths = growths.into();
        }
    }
    Ok(())
}

fn grows(growths: &[Growth]) -> bool {
    let sound =
        |growth: &Growth| (1..=triggerfish_core::id::PARTITIONS_MAX).contains(&growth.partitions);
    growths.iter().all(sound)
        && growths
            .windows(2)
            .all(|pair| pair[0].since < pair[1].since && pair[0].partitions < pair[1].partitions)
}

fn put_subscription(snapshot: &mut Snapshot, stored: Subscription, sealer: &Sealer) {
    let id = stored.id;
    if let Some(present) = snapshot.subscriptions.get(&id) {
        if present.stored == stored {
            return;
        }
        if present.stored.trigger_id != stored.trigger_id {
            remove_subscription(snapshot, id);
        }
    }
    let trigger_id: Arc<str> = match snapshot.triggers.get_key_value(stored.trigger_id.as_str()) {
        Some((id, _)) => Arc::clone(id),
        None => stored.trigger_id.as_str().into(),
    };
    let compiled = Arc::new(CompiledSubscription::compile(stored, sealer));
    Arc::make_mut(&mut snapshot.subscriptions).insert(id, Arc::clone(&compiled));
    let by_trigger = Arc::make_mut(&mut snapshot.by_trigger);
    let list = Arc::make_mut(by_trigger.entry(trigger_id).or_default());
    match list.binary_search_by_key(&id, |other| other.subscription.id) {
        Ok(place) => list[place] = compiled,
        Err(place) => list.insert(place, compiled),
    }
}

fn put_object_type(snapshot: &mut Snapshot, object_type: ObjectType) -> Result<(), String> {
    if object_type::is_built_in(&object_type.id) {
        return Err("a built-in object type has this id, and it counts".to_owned());
    }
    let present = snapshot.object_types.get(object_type.id.as_str());
    if present.is_some_and(|present| present.object_type == object_type) {
        return Ok(());
    }
    let compiled =
        CompiledObjectType::compile(object_type, false).map_err(|error| error.to_string())?;
    Arc::make_mut(&mut snapshot.object_types).insert(Arc::clone(&compiled.id), Arc::new(compiled));
    Ok(())
}

fn put_callback(snapshot: &mut Snapshot, stored: Callback, sealer: &Sealer) {
    let id = stored.id;
    if let Some(present) = snapshot.callbacks.get(&id) {
        if present.stored == stored {
            return;
        }
        if present.stored.object_type != stored.object_type {
            remove_callback(snapshot, id);
        }
    }
    let object_type = snapshot.object_types.get(stored.object_type.as_str());
    let object_type: Arc<str> = match object_type {
        Some(known) => Arc::clone(&known.id),
        None => stored.object_type.as_str().into(),
    };
    let compiled = Arc::new(CompiledCallback::compile(stored, sealer));
    Arc::make_mut(&mut snapshot.callbacks).insert(id, Arc::clone(&compiled));
    let by_object_type = Arc::make_mut(&mut snapshot.by_object_type);
    let list = Arc::make_mut(by_object_type.entry(object_type).or_default());
    match list.binary_search_by_key(&id, |other| other.callback.id) {
        Ok(place) => list[place] = compiled,
        Err(place) => list.insert(place, compiled),
    }
}

fn remove(snapshot: &mut Snapshot, key: &Key) {
    match key {
        Key::Trigger(id) => {
            if !catalogue::contains(id) && snapshot.triggers.contains_key(id.as_str()) {
                Arc::make_mut(&mut snapshot.triggers).remove(id.as_str());
            }
        }
        Key::Subscription(id) => remove_subscription(snapshot, *id),
        Key::ObjectType(id) => {
            if !object_type::is_built_in(id) && snapshot.object_types.contains_key(id.as_str()) {
                Arc::make_mut(&mut snapshot.object_types).remove(id.as_str());
            }
        }
        Key::Callback(id) => remove_callback(snapshot, *id),
        Key::Client(id) => {
            if snapshot.clients.contains_key(id.as_str()) {
                Arc::make_mut(&mut snapshot.clients).remove(id.as_str());
            }
        }
        Key::Growths => snapshot.growths = Arc::default(),
    }
}

fn remove_subscription(snapshot: &mut Snapshot, id: SubscriptionId) {
    if !snapshot.subscriptions.contains_key(&id) {
        return;
    }
    let Some(removed) = Arc::make_mut(&mut snapshot.subscriptions).remove(&id) else {
        return;
    };
    let trigger_id = removed.subscription.trigger_id.as_str();
    let by_trigger = Arc::make_mut(&mut snapshot.by_trigger);
    if let Some(list) = by_trigger.get_mut(trigger_id) {
        Arc::make_mut(list).retain(|other| other.subscription.id != id);
        if list.is_empty() {
            by_trigger.remove(trigger_id);
        }
    }
}

fn remove_callback(snapshot: &mut Snapshot, id: SubscriptionId) {
    if !snapshot.callbacks.contains_key(&id) {
        return;
    }
    let Some(removed) = Arc::make_mut(&mut snapshot.callbacks).remove(&id) else {
        return;
    };
    let object_type = removed.callback.object_type.as_str();
    let by_object_type = Arc::make_mut(&mut snapshot.by_object_type);
    if let Some(list) = by_object_type.get_mut(object_type) {
        Arc::make_mut(list).retain(|other| other.callback.id != id);
        if list.is_empty() {
            by_object_type.remove(object_type);
        }
    }
}
