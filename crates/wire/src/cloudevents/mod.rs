//! `CloudEvents` 1.0 over HTTP and Kafka, decoded: structured, batched and binary
//! mode.
//!
//! Headers and body in, a plain [`CloudEvent`] out; nothing here knows a protocol's
//! library, triggers or subscriptions.

mod attributes;
mod binary;
mod event;
mod structured;

#[cfg(test)]
mod tests;

pub use attributes::essence;
use bytes::Bytes;
pub use event::{CloudEvent, CloudEventError};

/// The content mode of a message, by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentMode {
    /// `application/cloudevents+json`: attributes and data in one JSON object.
    Structured,
    /// `application/cloudevents-batch+json`: a JSON array of such objects.
    Batched,
    /// Anything else: attributes in headers, data in the body.
    Binary,
}

impl ContentMode {
    /// The mode of a message with this content type. `None` for an event format
    /// other than JSON.
    #[must_use]
    pub fn of(content_type: Option<&str>) -> Option<Self> {
        let essence = attributes::essence(content_type.unwrap_or_default());
        match essence.as_str() {
            "application/cloudevents+json" | "application/cloudevents" => Some(Self::Structured),
            "application/cloudevents-batch+json" | "application/cloudevents-batch" => {
                Some(Self::Batched)
            }
            other if other.starts_with("application/cloudevents") => None,
            _ => Some(Self::Binary),
        }
    }
}

/// Decodes the event of a structured-mode message.
pub fn structured(body: &[u8]) -> Result<CloudEvent, CloudEventError> {
    structured::decode(body)
}

/// Decodes all events of a batched-mode message; an error comes with the index of
/// its event.
pub fn batched(body: &[u8]) -> Result<Vec<Result<CloudEvent, CloudEventError>>, CloudEventError> {
    structured::decode_batch(body)
}

/// How attributes are written as headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `ce-` in front, values percent-encoded.
    Http,
    /// `ce_` in front, values as they are.
    Kafka,
}

/// Decodes the event of a binary-mode message. Header names are compared without
/// case; those that are no attributes are ignored, save `content-type`.
pub fn binary<'a>(
    binding: Binding,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    body: Bytes,
) -> Result<CloudEvent, CloudEventError> {
    binary::decode(binding, headers, body)
}

/// Whether a header is an attribute of a binary-mode event.
#[must_use]
pub fn is_attribute(binding: Binding, header: &str) -> bool {
    let prefix = binding.prefix();
    header
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
