//! What a message says about its event, whatever format it came in.

use bytes::Bytes;
use triggerfish_core::Timestamp;

/// What a message says; what is `None` it leaves to the record's headers and key.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The trigger that fires.
    pub(super) trigger: Option<Named>,
    /// The event, supposed to be JSON text.
    pub(super) input: Bytes,
    /// Metadata for the completion, supposed to be a JSON object.
    pub(super) content_json: Option<Bytes>,
    /// What stands for it where nobody gives any.
    pub(super) metadata: Option<Bytes>,
    /// The event's own id.
    pub(super) id: Option<String>,
    /// Who says so.
    pub(super) source: String,
    /// When it happened.
    pub(super) time: Option<Timestamp>,
    /// What its order is kept by.
    pub(super) ordering_key: Option<String>,
    /// Triggers behind it in its chain of causes.
    pub(super) depth: u32,
    /// W3C trace context of the cause.
    pub(super) traceparent: Option<String>,
}

/// How a message names the trigger.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// As the trigger.
    Trigger(String),
    /// As the type of a `CloudEvent`, which may be somebody else's name for it.
    Type(String),
}

/// Text that is there.
pub(super) fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
