//! A record as people and scripts can read it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::value::RawValue;
use triggerfish_api::ports::TopicRecord;
use triggerfish_core::{InvocationId, Timestamp};
use triggerfish_log::Record;

use super::observation;

/// The record, its value as JSON where that is possible. Values of the invocation log
/// are decoded.
pub(super) fn record(record: &Record, is_invocation_log: bool) -> TopicRecord {
    let value = record.value.as_ref().and_then(|value| {
        if is_invocation_log {
            observation::json(value.clone())
        } else {
            json(value)
        }
    });
    let hidden = if value.is_none() {
        record.value.as_ref()
    } else {
        None
    };
    let headers = record
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), lossy(value)));
    TopicRecord {
        topic: record.topic.to_string(),
        partition: record.partition.0,
        offset: record.offset.0,
        timestamp: Timestamp::from_micros(record.timestamp_us),
        key: record
            .key
            .as_ref()
            .map(|key| shown_key(key, is_invocation_log)),
        value_base64: hidden.map(|value| STANDARD.encode(value)),
        value,
        headers: headers.collect(),
    }
}

/// The value as it is, if it is JSON.
fn json(value: &Bytes) -> Option<Box<RawValue>> {
    serde_json::from_slice(value).ok()
}

fn shown_key(key: &Bytes, is_invocation_log: bool) -> String {
    let id = <[u8; 16]>::try_from(key.as_ref())
        .ok()
        .and_then(InvocationId::from_bytes);
    match (id, std::str::from_utf8(key)) {
        (Some(id), _) if is_invocation_log => id.to_string(),
        (_, Ok(text)) if !text.contains(char::is_control) => text.to_owned(),
        _ => STANDARD.encode(key),
    }
}

fn lossy(value: &Bytes) -> String {
    String::from_utf8_lossy(value).into_owned()
}

#[cfg(test)]
mod tests {
    use triggerfish_core::{InvocationKey, Observation};
    use triggerfish_log::{Offset, Partition};
    use triggerfish_wire::envelope;

    use super::*;

    fn of(key: &[u8], value: Option<&[u8]>) -> Record {
        Record {
            topic: "completions".into(),
            partition: Partition(3),
            offset: Offset(7),
            timestamp_us: 1_000_000,
            key: Some(Bytes::copy_from_slice(key)),
            value: value.map(Bytes::copy_from_slice),
            headers: vec![("ce_id".to_owned(), Bytes::from_static(b"x"))],
        }
    }

    fn shown(key: &[u8], value: Option<&[u8]>, is_invocation_log: bool) -> serde_json::Value {
        serde_json::to_value(record(&of(key, value), is_invocation_log)).unwrap()
    }

    #[test]
    fn json_is_shown_as_it_is_and_the_rest_as_base64() {
        let expected = serde_json::json!({
            "topic": "completions", "partition": 3, "offset": 7,
            "timestamp": "1970-01-01T00:00:01.000000Z", "key": "k",
            "value": {"a": [1]}, "headers": {"ce_id": "x"},
        });
        assert_eq!(shown(b"k", Some(b"{\"a\": [1]}"), false), expected);
        let raw = shown(b"\0\xff", Some(b"\xffno"), false);
        assert_eq!(
            (&raw["key"], &raw["value"]),
            (&"AP8=".into(), &serde_json::Value::Null)
        );
        assert_eq!(raw["valueBase64"], "/25v");
        let tombstone = shown(b"k", None, false);
        assert_eq!(tombstone["value"], serde_json::Value::Null);
        assert_eq!(tombstone.get("valueBase64"), None);
    }

    #[test]
    fn the_invocation_log_is_decoded() {
        let id = InvocationId::new(Timestamp::from_millis(5), 3, InvocationKey(9));
        let value = envelope::encode(id, Timestamp::from_millis(6), &Observation::DeadlinePassed);
        let seen = shown(id.as_bytes(), Some(&value), true);
        assert_eq!(seen["key"], id.to_string());
        assert_eq!(
            seen["value"],
            serde_json::json!({
                "invocationId": id.to_string(), "at": "1970-01-01T00:00:00.006000Z",
                "observation": "deadline_passed",
            })
        );
        let garbage = shown(b"k", Some(b"\xff\xff"), true);
        assert_eq!(garbage["valueBase64"], "//8=");
    }
}
