//! The protobuf form of an upstream event, `TriggerEvent` of `event.proto`.

use bytes::Bytes;
use prost::Message;
use triggerfish_core::Timestamp;

use crate::{Error, v1};

/// An upstream event as its producer wrote it; nothing in it is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TriggerEvent {
    /// The trigger that fires.
    pub trigger_id: String,
    /// The event, supposed to be JSON text.
    pub input: Bytes,
    /// Supposed to be a JSON object; empty means `{}`.
    pub content_json: Bytes,
    /// The event's own id; empty if it has none.
    pub id: String,
    /// Who says so.
    pub source: String,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// What its order is kept by; empty if nothing.
    pub ordering_key: String,
    /// Triggers behind it in its chain of causes.
    pub depth: u32,
    /// W3C trace context; empty if there is none.
    pub traceparent: String,
}

/// The protobuf bytes of `event`.
#[must_use]
pub fn encode(event: &TriggerEvent) -> Bytes {
    let wire = v1::TriggerEvent {
        trigger_id: event.trigger_id.clone(),
        input: event.input.clone(),
        content_json: event.content_json.clone(),
        id: event.id.clone(),
        source: event.source.clone(),
        time_us: event.time.map_or(0, Timestamp::as_micros),
        ordering_key: event.ordering_key.clone(),
        depth: event.depth,
        traceparent: event.traceparent.clone(),
    };
    wire.encode_to_vec().into()
}

/// Reads protobuf bytes.
///
/// # Errors
/// When they are not a `TriggerEvent`.
pub fn decode(value: Bytes) -> Result<TriggerEvent, Error> {
    let wire = v1::TriggerEvent::decode(value)?;
    Ok(TriggerEvent {
        trigger_id: wire.trigger_id,
        input: wire.input,
        content_json: wire.content_json,
        id: wire.id,
        source: wire.source,
        time: (wire.time_us > 0).then(|| Timestamp::from_micros(wire.time_us)),
        ordering_key: wire.ordering_key,
        depth: wire.depth,
        traceparent: wire.traceparent,
    })
}
