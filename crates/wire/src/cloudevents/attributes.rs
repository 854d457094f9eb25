//! Context attributes, whatever mode they came in.

use bytes::Bytes;
use serde_json::{Map, Value};
use triggerfish_core::Timestamp;

use super::event::{CloudEvent, CloudEventError};

/// Attributes that are not metadata of the event but say how to carry it.
const CARRIERS: [&str; 5] = [
    "contentjson",
    "partitionkey",
    "traceparent",
    "tracestate",
    "triggerfishdepth",
];

/// Attributes by name, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Attributes(Map<String, Value>);

impl Attributes {
    /// Adds one. Only texts, whole numbers and booleans are attribute values.
    pub(super) fn insert(&mut self, name: &str, value: Value) -> Result<(), CloudEventError> {
        let error = |expected| {
            Err(CloudEventError::Attribute {
                name: name.chars().take(60).collect(),
                expected,
            })
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return error("named with letters and digits only");
        }
        match value {
            Value::Null => Ok(()),
            Value::String(_) | Value::Bool(_) => self.put(name, value),
            Value::Number(ref number) if number.is_i64() => self.put(name, value),
            Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                error("a string, a boolean or a whole number")
            }
        }
    }

    fn put(&mut self, name: &str, value: Value) -> Result<(), CloudEventError> {
        match self.0.insert(name.to_ascii_lowercase(), value) {
            None => Ok(()),
            Some(_) => Err(CloudEventError::Attribute {
                name: name.to_owned(),
                expected: "given once",
            }),
        }
    }

    /// The event with these attributes; `data` turns their content type into the
    /// event's data.
    pub(super) fn into_event(self, data: Bytes) -> Result<CloudEvent, CloudEventError> {
        if self.text("specversion")? != Some("1.0") {
            return Err(CloudEventError::Attribute {
                name: "specversion".into(),
                expected: "1.0",
            });
        }
        let content_type = self.text("datacontenttype")?;
        if !content_type.is_none_or(is_json) {
            return Err(CloudEventError::Attribute {
                name: "datacontenttype".into(),
                expected: "application/json or end in +json",
            });
        }
        if !is_object(&data) {
            return Err(CloudEventError::Data);
        }
        Ok(CloudEvent {
            id: self.required("id")?,
            source: self.required("source")?,
            event_type: self.required("type")?,
            time: self.time()?,
            ordering_key: self.text("partitionkey")?.map(str::to_owned),
            traceparent: self.text("traceparent")?.map(str::to_owned),
            depth: self.depth()?,
            content_json: self.content_json()?,
            attributes: self.metadata(),
            data,
        })
    }

    fn text(&self, name: &str) -> Result<Option<&str>, CloudEventError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(CloudEventError::Attribute {
                name: name.to_owned(),
                expected: "a string",
            }),
        }
    }

    fn required(&self, name: &'static str) -> Result<String, CloudEventError> {
        self.text(name)?
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .ok_or(CloudEventError::Missing(name))
    }

    fn time(&self) -> Result<Option<Timestamp>, CloudEventError> {
        let Some(text) = self.text("time")? else {
            return Ok(None);
        };
        let time = Timestamp::parse(text).ok_or_else(|| CloudEventError::Attribute {
            name: "time".into(),
            expected: "a date-time as in RFC 3339",
        })?;
        Ok(Some(time))
    }

    fn depth(&self) -> Result<Option<u32>, CloudEventError> {
        let depth = match self.0.get("triggerfishdepth") {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        depth.map(Some).ok_or_else(|| CloudEventError::Attribute {
            name: "triggerfishdepth".into(),
            expected: "a whole number, zero or more",
        })
    }

    fn content_json(&self) -> Result<Option<Bytes>, CloudEventError> {
        let Some(text) = self.text("contentjson")? else {
            return Ok(None);
        };
        match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(_) => Ok(Some(Bytes::copy_from_slice(text.trim().as_bytes()))),
            Err(_) => Err(CloudEventError::Attribute {
                name: "contentjson".into(),
                expected: "the text of a JSON object",
            }),
        }
    }

    /// What describes the event, as a JSON object.
    fn metadata(&self) -> Bytes {
        let metadata: Map<_, _> = self
            .0
            .iter()
            .filter(|(name, _)| !CARRIERS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Value::Object(metadata).to_string().into()
    }
}

/// A content type without its parameters, in lower case.
#[must_use]
pub fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Whether these bytes are the text of a JSON object. What is skipped by `IgnoredAny` need
/// not be UTF-8.
fn is_object(data: &[u8]) -> bool {
    let text = std::str::from_utf8(data).ok();
    text.is_some_and(|text| {
        let begins = text.trim_ascii_start().starts_with('{');
        begins && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    })
}

/// Whether data of this content type is JSON.
pub(super) fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence.ends_with("/json") || essence.ends_with("+json")
}
