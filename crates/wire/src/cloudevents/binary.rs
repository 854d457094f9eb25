//! Binary mode: attributes in headers, data in the body.

use bytes::Bytes;
use serde_json::Value;

use super::{
    Binding,
    attributes::Attributes,
    event::{CloudEvent, CloudEventError},
};

impl Binding {
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Http => "ce-",
            Self::Kafka => "ce_",
        }
    }

    fn value(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Http => percent_decoded(bytes),
            Self::Kafka => std::str::from_utf8(bytes).ok().map(str::to_owned),
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Http => "UTF-8, percent-encoded where it is not ASCII",
            Self::Kafka => "UTF-8",
        }
    }
}

pub(super) fn decode<'a>(
    binding: Binding,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    body: Bytes,
) -> Result<CloudEvent, CloudEventError> {
    let mut attributes = Attributes::default();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let attribute = match name.strip_prefix(binding.prefix()) {
            Some("datacontenttype") => continue,
            Some(attribute) => attribute,
            None if name == "content-type" => "datacontenttype",
            None => continue,
        };
        let value = binding
            .value(value)
            .ok_or_else(|| CloudEventError::Attribute {
                name: attribute.to_owned(),
                expected: binding.expected(),
            })?;
        attributes.insert(attribute, Value::String(value))?;
    }
    if body.is_empty() {
        return Err(CloudEventError::Missing("data"));
    }
    attributes.into_event(body)
}

/// The HTTP binding percent-encodes what is not printable ASCII; a `%` that begins
/// no escape stands for itself.
fn percent_decoded(value: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            bytes.push(high << 4 | low);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
