//! What a change makes of the registry, or why it is refused.
//!
//! Pure: the same snapshot and the same change always give the same answer, which
//! is what lets the registry decide once more when others wrote in between.

use std::time::Duration;

use triggerfish_core::{
    Subscription, SubscriptionId, Timestamp, Trigger, TriggerType, id::PARTITIONS_MAX,
};

use crate::{
    catalogue, credentials,
    error::ChangeError,
    limits::Limits,
    model::{Client, Growth, NewSubscription, Replacement},
    record::{Entry, Key, Write},
    seal::{Salt, Sealer},
    settings,
    snapshot::Snapshot,
    subscription::CompiledSubscription,
};

/// What every decision about subscriptions and callbacks needs beside the snapshot.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) sealer: &'a Sealer,
    /// Drawn once for the change.
    pub(crate) salt: &'a Salt,
}

/// A subscription is made.
pub(crate) fn create(
    snapshot: &Snapshot,
    rules: Rules<'_>,
    id: SubscriptionId,
    new: &NewSubscription,
) -> Result<Write, ChangeError> {
    let Some(trigger) = snapshot.trigger(&new.trigger_id) else {
        return Err(ChangeError::UnknownTrigger(new.trigger_id.clone()));
    };
    let limit = match trigger.trigger.trigger_type {
        TriggerType::FireAndForget => rules.limits.fire_and_forget_subscriptions_max,
        TriggerType::RequestResponse => rules.limits.request_response_subscriptions_max,
    };
    let candidate = settings::subscription(id, new.trigger_id.clone(), &new.settings);
    let write = checked(snapshot, rules, candidate, None)?;
    if snapshot.subscriptions_of(&new.trigger_id).len() >= limit {
        return Err(ChangeError::TooManySubscriptions {
            trigger_id: new.trigger_id.clone(),
            limit,
        });
    }
    Ok(write)
}

/// A subscription is written anew.
pub(crate) fn replace(
    snapshot: &Snapshot,
    rules: Rules<'_>,
    id: SubscriptionId,
    replacement: &Replacement,
) -> Result<Write, ChangeError> {
    let present = present(snapshot, id)?;
    let trigger_id = &present.subscription.trigger_id;
    if replacement
        .trigger_id
        .as_ref()
        .is_some_and(|named| named != trigger_id)
    {
        return Err(ChangeError::Immutable { field: "triggerId" });
    }
    let mut candidate = settings::subscription(id, trigger_id.clone(), &replacement.settings);
    candidate.signing = present.subscription.signing;
    candidate
        .disabled_reason
        .clone_from(&present.subscription.disabled_reason);
    if replacement.settings.delivery.is_none() {
        candidate.delivery = present.subscription.delivery.clone();
    }
    checked(snapshot, rules, candidate, Some(present))
}

/// A subscription is changed in part. `change` sees it without its credentials.
pub(crate) fn update(
    snapshot: &Snapshot,
    rules: Rules<'_>,
    id: SubscriptionId,
    change: &dyn Fn(Subscription) -> Result<Subscription, ChangeError>,
) -> Result<Write, ChangeError> {
    let present = present(snapshot, id)?;
    let candidate = change(present.public())?;
    if candidate.id != id {
        return Err(ChangeError::Immutable { field: "id" });
    }
    if candidate.trigger_id != present.subscription.trigger_id {
        return Err(ChangeError::Immutable { field: "triggerId" });
    }
    checked(snapshot, rules, candidate, Some(present))
}

/// A subscription is taken away.
pub(crate) fn delete(snapshot: &Snapshot, id: SubscriptionId) -> Result<Write, ChangeError> {
    present(snapshot, id)?;
    Ok(Write {
        key: Key::Subscription(id),
        entry: None,
    })
}

/// Real events are let through or held back. A reason tells people why the
/// service itself switched it off. What is stored is not judged again, so that
/// this works whatever has become of the rules since.
pub(crate) fn set_enabled(
    snapshot: &Snapshot,
    id: SubscriptionId,
    enabled: bool,
    reason: Option<&str>,
) -> Result<Write, ChangeError> {
    let mut stored = present(snapshot, id)?.stored.clone();
    stored.enabled = enabled;
    stored.disabled_reason = reason
        .filter(|_| !enabled)
        .map(|reason| crate::schema::cut(reason, 500));
    Ok(subscription_write(stored))
}

/// Calls are signed with a new secret; for `overlap` from `now` also with the old.
pub(crate) fn rotate_signing(
    snapshot: &Snapshot,
    id: SubscriptionId,
    now: Timestamp,
    overlap: Duration,
) -> Result<Write, ChangeError> {
    let mut stored = present(snapshot, id)?.stored.clone();
    stored.signing = stored.signing.rotated(now, overlap);
    Ok(subscription_write(stored))
}

/// A trigger of one's own is made or written anew. That it compiles has been
/// found out before.
pub(crate) fn put_trigger(snapshot: &Snapshot, trigger: &Trigger) -> Result<Write, ChangeError> {
    if catalogue::contains(&trigger.id) {
        return Err(ChangeError::Catalogue(trigger.id.clone()));
    }
    let changes_type = snapshot
        .trigger(&trigger.id)
        .is_some_and(|present| present.trigger.trigger_type != trigger.trigger_type);
    if changes_type {
        not_in_use(snapshot, &trigger.id)?;
    }
    Ok(Write {
        key: Key::Trigger(trigger.id.clone()),
        entry: Some(Entry::Trigger(trigger.clone())),
    })
}

/// A trigger of one's own is taken away.
pub(crate) fn delete_trigger(snapshot: &Snapshot, id: &str) -> Result<Write, ChangeError> {
    if catalogue::contains(id) {
        return Err(ChangeError::Catalogue(id.to_owned()));
    }
    if snapshot.trigger(id).is_none() {
        return Err(ChangeError::UnknownTrigger(id.to_owned()));
    }
    not_in_use(snapshot, id)?;
    Ok(Write {
        key: Key::Trigger(id.to_owned()),
        entry: None,
    })
}

/// An API client is made or written anew.
pub(crate) fn put_client(client: &Client) -> Result<Write, ChangeError> {
    crate::client::check(client)?;
    Ok(Write {
        key: Key::Client(client.id.clone()),
        entry: Some(Entry::Client(client.clone())),
    })
}

/// An API client is taken away.
pub(crate) fn delete_client(snapshot: &Snapshot, id: &str) -> Result<Write, ChangeError> {
    if snapshot.client(id).is_none() {
        return Err(ChangeError::UnknownClient(id.to_owned()));
    }
    Ok(Write {
        key: Key::Client(id.to_owned()),
        entry: None,
    })
}

/// The invocation log is cut into more partitions from a later time on. The very
/// first entry counts for all times before it too.
pub(crate) fn grow(
    snapshot: &Snapshot,
    now: Timestamp,
    growth: Growth,
) -> Result<Write, ChangeError> {
    let partitions = growth.partitions;
    if !(1..=PARTITIONS_MAX).contains(&partitions) {
        return Err(ChangeError::invalid(
            "partitions",
            format!("{partitions} is out of range"),
            format!("choose 1 to {PARTITIONS_MAX}"),
        ));
    }
    let mut growths = snapshot.growths().to_vec();
    if let Some(last) = growths.last() {
        if partitions <= last.partitions {
            return Err(ChangeError::invalid(
                "partitions",
                format!("the log has {} already", last.partitions),
                "choose a larger number; a log never shrinks",
            ));
        }
        if growth.since <= now || growth.since <= last.since {
            return Err(ChangeError::invalid(
                "since",
                "is not after the present and after the growth before",
                "choose a time that lets every process learn of it first",
            ));
        }
    }
    growths.push(growth);
    Ok(Write {
        key: Key::Growths,
        entry: Some(Entry::Growths(growths)),
    })
}

fn present(snapshot: &Snapshot, id: SubscriptionId) -> Result<&CompiledSubscription, ChangeError> {
    match snapshot.subscription(id) {
        Some(present) => Ok(present),
        None => Err(ChangeError::UnknownSubscription(id)),
    }
}

fn not_in_use(snapshot: &Snapshot, trigger_id: &str) -> Result<(), ChangeError> {
    match snapshot.subscriptions_of(trigger_id).len() {
        0 => Ok(()),
        subscriptions => Err(ChangeError::TriggerInUse {
            trigger_id: trigger_id.to_owned(),
            subscriptions,
        }),
    }
}

fn checked(
    snapshot: &Snapshot,
    rules: Rules<'_>,
    mut candidate: Subscription,
    present: Option<&CompiledSubscription>,
) -> Result<Write, ChangeError> {
    // A trigger that others have deleted leaves its subscriptions behind; their
    // settings are then judged like those of the trigger type that asks for less.
    let trigger_type = snapshot
        .trigger(&candidate.trigger_id)
        .map_or(TriggerType::FireAndForget, |trigger| {
            trigger.trigger.trigger_type
        });
    let stored = present.map(|present| &present.stored);
    settings::check(&mut candidate, trigger_type, rules.limits, stored)?;
    if candidate.enabled {
        candidate.disabled_reason = None;
    }
    let stored = stored.and_then(|stored| stored.http_config.as_ref());
    if let Some(http) = &mut candidate.http_config {
        let kept = credentials::same_kind(http, stored);
        rules.sealer.seal_all(http, candidate.id, kept, rules.salt);
    }
    Ok(subscription_write(candidate))
}

fn subscription_write(stored: Subscription) -> Write {
    Write {
        key: Key::Subscription(stored.id),
        entry: Some(Entry::Subscription(Box::new(stored))),
    }
}
