//! A decoded event.

use bytes::Bytes;
use triggerfish_core::Timestamp;

/// One event, with what Triggerfish makes of its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent {
    /// `id`.
    pub id: String,
    /// `source`; unique together with `id`.
    pub source: String,
    /// `type`; the id of the trigger.
    pub event_type: String,
    /// `time`.
    pub time: Option<Timestamp>,
    /// The extension `partitionkey`: what the event's order is kept by.
    pub ordering_key: Option<String>,
    /// The extension `traceparent`.
    pub traceparent: Option<String>,
    /// The extension `triggerfishdepth`: how many triggers are behind the event.
    pub depth: Option<u32>,
    /// `data`, as the text of a JSON object, byte for byte.
    pub data: Bytes,
    /// The extension `contentjson`: the text of a JSON object.
    pub content_json: Option<Bytes>,
    /// The context attributes that describe the event, as the text of a JSON object.
    pub attributes: Bytes,
}

/// Why a message is not an event that can be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudEventError {
    /// Not JSON, or not the expected kind of JSON value.
    #[error("the event must be {0}")]
    Body(&'static str),
    /// A required attribute is not there.
    #[error("attribute {0:?} is missing or empty")]
    Missing(&'static str),
    /// An attribute has a value it can't have.
    #[error("attribute {name:?} must be {expected}")]
    Attribute {
        /// The attribute.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The data is not a JSON object.
    #[error("data must be a JSON object")]
    Data,
}
