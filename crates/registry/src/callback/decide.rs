//! What changes of callbacks and object types make of the registry; pure, like all
//! decisions.

use std::time::Duration;

use triggerfish_core::{Callback, ObjectType, SubscriptionId, Timestamp, subscription::Signing};

use super::{
    CallbackReplacement, CompiledCallback, NewCallback,
    check::{self, Fixed},
};
use crate::{
    credentials,
    decide::Rules,
    error::ChangeError,
    object_type,
    record::{Entry, Key, Write},
    snapshot::Snapshot,
};

/// A callback is made.
pub(crate) fn create(
    snapshot: &Snapshot,
    rules: Rules<'_>,
    id: SubscriptionId,
    now: Timestamp,
    new: &NewCallback,
) -> Result<Write, ChangeError> {
    if snapshot.object_type(&new.object_type).is_none() {
        return Err(ChangeError::UnknownObjectType(new.object_type.clone()));
    }
    let fixed = Fixed {
        id,
        timing: new.timing,
        object_type: new.object_type.clone(),
        signing: Signing::default(),
        created: now,
        modified: now,
    };
    let candidate = check::callback(fixed, new.settings.clone(), None, rules.limits)?;
    let limit = rules.limits.callbacks_max;
    let of_type = snapshot.callbacks_of(&new.object_type).iter();
    let alike = of_type.filter(|other| other.callback.timing == new.timing);
    if alike.count() >= limit {
        return Err(ChangeError::TooManyCallbacks {
            object_type: new.object_type.clone(),
            timing: new.timing.as_str(),
            limit,
        });
    }
    Ok(sealed(rules, candidate, None))
}

/// A callback is written anew. `change` sees it without its credentials.
pub(crate) fn update(
    snapshot: &Snapshot,
    rules: Rules<'_>,
    id: SubscriptionId,
    now: Timestamp,
    change: &dyn Fn(Callback) -> Result<CallbackReplacement, ChangeError>,
) -> Result<Write, ChangeError> {
    let present = present(snapshot, id)?;
    let replacement = change(present.public())?;
    let stored = &present.stored;
    if replacement
        .timing
        .is_some_and(|timing| timing != stored.timing)
    {
        return Err(ChangeError::Immutable { field: "timing" });
    }
    if replacement
        .object_type
        .is_some_and(|object_type| object_type != stored.object_type)
    {
        return Err(ChangeError::Immutable {
            field: "objectType",
        });
    }
    let fixed = Fixed {
        id,
        timing: stored.timing,
        object_type: stored.object_type.clone(),
        signing: stored.signing,
        created: stored.created,
        modified: now,
    };
    let kept = Some(&stored.http_config);
    let candidate = check::callback(fixed, replacement.settings, kept, rules.limits)?;
    Ok(sealed(rules, candidate, Some(stored)))
}

/// A callback is taken away.
pub(crate) fn delete(snapshot: &Snapshot, id: SubscriptionId) -> Result<Write, ChangeError> {
    present(snapshot, id)?;
    Ok(Write {
        key: Key::Callback(id),
        entry: None,
    })
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
    Ok(write(stored))
}

/// An object type of one's own is made or written anew. That it compiles has been
/// found out before.
pub(crate) fn put_object_type(object_type: &ObjectType) -> Result<Write, ChangeError> {
    not_built_in(&object_type.id)?;
    Ok(Write {
        key: Key::ObjectType(object_type.id.clone()),
        entry: Some(Entry::ObjectType(object_type.clone())),
    })
}

/// An object type of one's own is taken away.
pub(crate) fn delete_object_type(snapshot: &Snapshot, id: &str) -> Result<Write, ChangeError> {
    not_built_in(id)?;
    if snapshot.object_type(id).is_none() {
        return Err(ChangeError::UnknownObjectType(id.to_owned()));
    }
    match snapshot.callbacks_of(id).len() {
        0 => Ok(Write {
            key: Key::ObjectType(id.to_owned()),
            entry: None,
        }),
        callbacks => Err(ChangeError::ObjectTypeInUse {
            object_type: id.to_owned(),
            callbacks,
        }),
    }
}

fn not_built_in(id: &str) -> Result<(), ChangeError> {
    if object_type::is_built_in(id) {
        return Err(ChangeError::BuiltIn(id.to_owned()));
    }
    Ok(())
}

fn present(snapshot: &Snapshot, id: SubscriptionId) -> Result<&CompiledCallback, ChangeError> {
    match snapshot.callback(id) {
        Some(present) => Ok(present),
        None => Err(ChangeError::UnknownCallback(id)),
    }
}

fn sealed(rules: Rules<'_>, mut candidate: Callback, stored: Option<&Callback>) -> Write {
    let http = &mut candidate.http_config;
    let kept = credentials::same_kind(http, stored.map(|stored| &stored.http_config));
    rules.sealer.seal_all(http, candidate.id, kept, rules.salt);
    write(candidate)
}

pub(crate) fn write(stored: Callback) -> Write {
    Write {
        key: Key::Callback(stored.id),
        entry: Some(Entry::Callback(Box::new(stored))),
    }
}
