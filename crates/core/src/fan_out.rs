//! The decision at the edge: what one event means for one subscription.
//!
//! Whether the event fits the trigger's schema and the subscription's filter has
//! been found out before; here follow the id and what is pinned in the request.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{
    deadline::{self, DurationError},
    id::{EventIdentity, InvocationId, partition_of_key},
    observation::Request,
    retry::RetryPolicy,
    subscription::{Ordering, Subscription},
    time::Timestamp,
    trigger::{Origin, Trigger, TriggerType},
};

/// Something that happened, ready to be matched with subscriptions.
#[derive(Clone, Debug)]
pub struct Event {
    /// Who it is; the same identity makes the same invocations.
    pub identity: EventIdentity,
    /// When it happened, by its own account, else when it was first seen.
    pub time: Timestamp,
    /// Its payload, as JSON text.
    pub input: Bytes,
    /// Metadata for the completion, as JSON text.
    pub content_json: Bytes,
    /// What its order is kept by.
    pub ordering_key: Option<Arc<str>>,
    /// Triggers behind it in its chain of causes.
    pub depth: u32,
    /// W3C trace context of the cause.
    pub traceparent: Option<Arc<str>>,
    /// What upstream calls it.
    pub event_id: Option<Arc<str>>,
    /// Test or real.
    pub origin: Origin,
}

/// Settings of the service that are pinned into requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Retries for fire and forget.
    pub fire_and_forget_retry: RetryPolicy,
    /// Retries for request-response.
    pub request_response_retry: RetryPolicy,
    /// How long fire and forget is tried at most.
    pub fire_and_forget_deadline: Duration,
}

/// The partition that holds all invocations of `event`.
#[must_use]
pub fn partition_of(event: &Event, partitions: u16) -> u16 {
    match &event.ordering_key {
        Some(key) => partition_of_key(key, partitions),
        None => event.identity.partition(partitions),
    }
}

/// The partitions that `event` has under any of these partition counts.
#[must_use]
pub fn partitions_of(event: &Event, counts: impl IntoIterator<Item = u16>) -> BTreeSet<u16> {
    let partition = |count| partition_of(event, count);
    counts.into_iter().map(partition).collect()
}

/// The invocation that `event` starts for `subscription`.
///
/// `now` becomes `created`; the deadline counts from it.
pub fn request(
    now: Timestamp,
    event: &Event,
    trigger: &Trigger,
    subscription: &Subscription,
    partitions: u16,
    defaults: &Defaults,
) -> Result<(InvocationId, Request), DurationError> {
    let fire_and_forget = trigger.trigger_type == TriggerType::FireAndForget;
    let lifetime = if fire_and_forget {
        defaults.fire_and_forget_deadline
    } else {
        deadline::parse(&subscription.response_deadline)?
    };
    let default_retry = if fire_and_forget {
        defaults.fire_and_forget_retry
    } else {
        defaults.request_response_retry
    };
    let key = event.identity.key_for(subscription.id);
    let id = InvocationId::new(event.time, partition_of(event, partitions), key);
    let keeps_order = subscription.delivery.ordering == Ordering::Key;
    let request = Request {
        trigger_id: trigger.id.as_str().into(),
        trigger_type: trigger.trigger_type,
        subscription_id: subscription.id,
        subscription_name: subscription.name.as_str().into(),
        origin: event.origin,
        mode: subscription.mode(trigger.trigger_type),
        created: now,
        deadline: now.after(lifetime),
        retry: subscription.delivery.retry.unwrap_or(default_retry),
        ordering_key: event.ordering_key.clone().filter(|_| keeps_order),
        input: event.input.clone(),
        content_json: event.content_json.clone(),
        depth: event.depth,
        traceparent: event.traceparent.clone(),
        event_id: event.event_id.clone(),
        member: None,
    };
    Ok((id, request))
}
