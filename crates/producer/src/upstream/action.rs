//! Questions about actions, as records.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use triggerfish_api::ports::Ask;
use triggerfish_core::{Action, InvocationId, Origin, Timestamp, Timing};
use triggerfish_log::Record;
use triggerfish_wire::{
    cloudevents::{self, Binding, ContentMode},
    traceparent,
};

use super::{
    headers::Headers,
    read::{identity, record_key},
};

/// Characters of what a platform knows an action by.
const CORRELATION_CHARS_MAX: usize = 255;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectEvent<'a> {
    timing: Timing,
    object_type: String,
    action: Action,
    #[serde(borrow)]
    entity: &'a RawValue,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    object_id: Option<String>,
    #[serde(default)]
    budget_ms: Option<u32>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    depth: u32,
    #[serde(default)]
    action_id: Option<String>,
    #[serde(default)]
    test: bool,
}

/// What a record says beside the question, if it is a `CloudEvent`.
#[derive(Default)]
struct Around {
    id: Option<String>,
    source: String,
    time: Option<Timestamp>,
    depth: u32,
    traceparent: Option<String>,
}

/// The question in `record`, or why it is none.
pub(super) fn read(record: &Record) -> Result<Ask, String> {
    let headers = Headers::of(record);
    let (value, around) = unwrapped(record, headers)?;
    let said: ObjectEvent<'_> = serde_json::from_slice(&value).map_err(|error| {
        format!(
            "not an object event: {error}; expected a JSON object with timing, objectType, action and entity"
        )
    })?;
    let time = match said.time.as_deref() {
        Some(text) => Some(Timestamp::parse(text).ok_or("time is not an RFC 3339 date-time")?),
        None => around.time,
    };
    let time = match time {
        Some(time) => Some(time),
        None => headers.time()?,
    };
    // Nobody asks before the record is written, by whatever clock.
    let told = Timestamp::from_micros(record.timestamp_us);
    let decided_by = said.action_id.as_deref().map(str::parse::<InvocationId>);
    let id = said.id.or(around.id).filter(|id| !id.is_empty());
    let source = said.source.unwrap_or(around.source);
    let correlation = record_key(record).or_else(|| id.clone());
    if correlation
        .as_ref()
        .is_some_and(|key| key.chars().count() > CORRELATION_CHARS_MAX)
    {
        return Err(format!(
            "the key of the record is longer than {CORRELATION_CHARS_MAX} characters"
        ));
    }
    let traceparent = around
        .traceparent
        .filter(|text| traceparent::is_valid(text));
    Ok(Ask {
        timing: said.timing,
        object_type: said.object_type,
        action: said.action,
        entity: value.slice_ref(said.entity.get().as_bytes()),
        user: said.user,
        object_id: said.object_id,
        patience: said
            .budget_ms
            .filter(|_| said.timing == Timing::Before)
            .map(|millis| Duration::from_millis(u64::from(millis))),
        identity: identity(record, headers, &source, id.as_deref())?,
        correlation,
        decided_by: decided_by
            .transpose()
            .map_err(|_| "actionId is not the id of a decision")?,
        origin: if said.test {
            Origin::Test
        } else {
            Origin::RealTime
        },
        time: Some(time.map_or(told, |time| time.min(told))),
        depth: said.depth.max(around.depth).max(headers.depth()?),
        traceparent: traceparent.or_else(|| headers.traceparent().map(str::to_owned)),
    })
}

fn unwrapped(record: &Record, headers: Headers<'_>) -> Result<(Bytes, Around), String> {
    let value = record.value.as_ref().ok_or("the record has no value")?;
    let content_type = headers.content_type()?;
    let event = match ContentMode::of(Some(&content_type)) {
        Some(ContentMode::Structured) => cloudevents::structured(value),
        Some(ContentMode::Binary) if headers.has_attributes() => {
            cloudevents::binary(Binding::Kafka, headers.all(), value.clone())
        }
        Some(ContentMode::Binary) => return Ok((value.clone(), Around::default())),
        Some(ContentMode::Batched) | None => {
            return Err(format!(
                "object events of content type {content_type} are not taken: send application/json or application/cloudevents+json"
            ));
        }
    };
    let event = event.map_err(|error| format!("not a CloudEvent: {error}"))?;
    let around = Around {
        id: Some(event.id),
        source: event.source,
        time: event.time,
        depth: event.depth.unwrap_or(0),
        traceparent: event.traceparent,
    };
    Ok((event.data, around))
}

#[cfg(test)]
mod tests {
    use triggerfish_api::ports::StartIdentity;
    use triggerfish_log::{Offset, Partition};

    use super::*;

    fn record(value: &str) -> Record {
        Record {
            topic: "object-events".into(),
            partition: Partition(1),
            offset: Offset(7),
            timestamp_us: 1_700_000_000_000_000,
            key: None,
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
            headers: Vec::new(),
        }
    }

    const PLAIN: &str = r#"{"timing":"BEFORE","objectType":"app","action":"CREATED","entity":{"id" : 1.50},"budgetMs":700"#;

    #[test]
    fn a_question_without_an_id_is_known_by_its_place() {
        let ask = read(&record(&format!("{PLAIN}}}"))).unwrap();
        assert_eq!((ask.timing, ask.action), (Timing::Before, Action::Created));
        assert_eq!(ask.entity, r#"{"id" : 1.50}"#);
        assert_eq!(ask.patience, Some(Duration::from_millis(700)));
        assert_eq!(
            ask.time,
            Some(Timestamp::from_micros(1_700_000_000_000_000))
        );
        let (scope, key) = ("object-events/1".to_owned(), "7".to_owned());
        assert_eq!(ask.identity, StartIdentity::Key { scope, key });
        assert_eq!(ask.correlation, None);
    }

    #[test]
    fn the_key_of_the_record_correlates_and_the_id_identifies() {
        let mut named = record(&format!(
            r#"{PLAIN},"id":"a-1","source":"portal","depth":2}}"#
        ));
        assert_eq!(read(&named).unwrap().correlation.as_deref(), Some("a-1"));
        named.key = Some(Bytes::from_static(b"order-9"));
        let ask = read(&named).unwrap();
        assert_eq!(ask.correlation.as_deref(), Some("order-9"));
        let (scope, key) = ("portal".to_owned(), "a-1".to_owned());
        assert_eq!(ask.identity, StartIdentity::Key { scope, key });
        assert_eq!(ask.depth, 2);
    }

    #[test]
    fn cloud_events_are_unwrapped() {
        let event = format!(
            r#"{{"specversion":"1.0","type":"app.created","source":"/portal","id":"e-1","data":{PLAIN}}}}}"#
        );
        let mut record = record(&event);
        let content_type = Bytes::from_static(b"application/cloudevents+json");
        record
            .headers
            .push(("content-type".to_owned(), content_type));
        let ask = read(&record).unwrap();
        assert_eq!(ask.entity, r#"{"id" : 1.50}"#);
        assert_eq!(ask.correlation.as_deref(), Some("e-1"));
    }

    #[test]
    fn what_is_no_question_says_why() {
        let error = |value: &str| read(&record(value)).unwrap_err();
        assert!(error("{}").contains("missing field `timing`"));
        assert!(error("nonsense").contains("not an object event"));
        let moved = PLAIN.replace("CREATED", "MOVED") + "}";
        assert!(error(&moved).contains("MOVED"));
        let bad = format!(r#"{PLAIN},"actionId":"x"}}"#);
        assert!(error(&bad).contains("actionId"));
    }
}
