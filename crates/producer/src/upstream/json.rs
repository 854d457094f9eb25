//! Plain JSON: an event with its input in it, or the input alone.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use triggerfish_core::Timestamp;

use super::{
    headers::Format,
    said::{Named, Said, some},
};

/// The members of an event.
const MEMBERS: [&str; 8] = [
    "triggerId",
    "input",
    "contentJson",
    "id",
    "source",
    "time",
    "orderingKey",
    "depth",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(default)]
    trigger_id: Option<String>,
    #[serde(borrow)]
    input: &'a RawValue,
    #[serde(borrow, default)]
    content_json: Option<&'a RawValue>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    ordering_key: Option<String>,
    #[serde(default)]
    depth: u32,
}

/// Reads `value`. Without a `format` it is an event, unless `named`, the trigger being
/// named elsewhere, lets it be either: see [`is_event`].
pub(super) fn read(value: &Bytes, format: Option<Format>, named: bool) -> Result<Said, String> {
    let format = format.unwrap_or_else(|| {
        if named && !is_event(value) {
            Format::Input
        } else {
            Format::Event
        }
    });
    match format {
        Format::Event => event(value),
        Format::Input if value.trim_ascii_start().starts_with(b"{") => Ok(Said {
            input: value.clone(),
            ..Said::default()
        }),
        Format::Input => Err("the value is not a JSON object".to_owned()),
    }
}

/// Whether an object is an event and not an input: it has `input`, and `triggerId` or
/// no member but an event's.
fn is_event(value: &[u8]) -> bool {
    let Ok(members) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(value) else {
        return false;
    };
    members.contains_key("input")
        && (members.contains_key("triggerId")
            || members.keys().all(|name| MEMBERS.contains(&&**name)))
}

fn event(value: &Bytes) -> Result<Said, String> {
    let event: Event<'_> = serde_json::from_slice(value).map_err(|error| {
        format!("not an event: {error}; expected a JSON object with triggerId and input")
    })?;
    let time = match event.time.as_deref() {
        Some(text) => Some(Timestamp::parse(text).ok_or("time is not an RFC 3339 date-time")?),
        None => None,
    };
    let bytes = |raw: &RawValue| value.slice_ref(raw.get().as_bytes());
    Ok(Said {
        trigger: event.trigger_id.and_then(some).map(Named::Trigger),
        input: bytes(event.input),
        content_json: event.content_json.map(bytes),
        metadata: None,
        id: event.id.and_then(some),
        source: event.source.unwrap_or_default(),
        time,
        ordering_key: event.ordering_key.and_then(some),
        depth: event.depth,
        traceparent: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(value: &str, format: Option<Format>, named: bool) -> Result<String, String> {
        let said = read(&Bytes::copy_from_slice(value.as_bytes()), format, named)?;
        Ok(String::from_utf8(said.input.to_vec()).unwrap())
    }

    #[test]
    fn where_the_trigger_is_named_elsewhere_an_object_may_be_the_input() {
        let event = r#"{"input":{"a":1}}"#;
        let more = r#"{"triggerId":"t","input":{"a":1},"more":1}"#;
        let other = r#"{"input":{"a":1},"more":1}"#;
        for (value, named, expected) in [
            (event, true, r#"{"a":1}"#),
            (event, false, r#"{"a":1}"#),
            (more, true, r#"{"a":1}"#),
            (other, true, other),
            (other, false, r#"{"a":1}"#),
            (r#" {"a":1}"#, true, r#" {"a":1}"#),
        ] {
            assert_eq!(input(value, None, named).unwrap(), expected, "{value}");
        }
        assert_eq!(input(event, Some(Format::Input), true).unwrap(), event);
        assert_eq!(
            input(other, Some(Format::Event), true).unwrap(),
            r#"{"a":1}"#
        );
        for (value, format, named) in [
            (r#"{"a":1}"#, None, false),
            (r#"{"a":1}"#, Some(Format::Event), true),
            ("[]", None, true),
            ("", None, true),
            ("nonsense", Some(Format::Input), false),
        ] {
            assert!(input(value, format, named).is_err(), "{value}");
        }
    }
}
