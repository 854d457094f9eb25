//! From a record to an event: which format it has, and what its headers, its key and
//! its topic add.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use triggerfish_api::ports::{Start, StartIdentity, StartInput};
use triggerfish_core::{Origin, Timestamp};
use triggerfish_log::Record;
use triggerfish_wire::{
    cloudevents::{self, Binding, CloudEvent, ContentMode},
    event, traceparent,
};

use super::{
    headers::Headers,
    json,
    said::{Named, Said, some},
};

/// Content types of a protobuf `TriggerEvent`.
const PROTOBUF: [&str; 3] = [
    "application/protobuf",
    "application/x-protobuf",
    "application/vnd.google.protobuf",
];

/// The event in `record`, or why it is none. `mapped` is the trigger that the topic
/// stands for; `is_trigger` knows the triggers there are.
pub(super) fn read(
    record: &Record,
    mapped: Option<&str>,
    is_trigger: impl Fn(&str) -> bool,
) -> Result<Start, String> {
    let headers = Headers::of(record);
    let named = headers.trigger()?;
    let said = said(record, headers, named.is_some() || mapped.is_some())?;
    let trigger_id = trigger_id(said.trigger, named, mapped, is_trigger)?;
    let from_header = || headers.content_json().map(Bytes::copy_from_slice);
    let content_json = said.content_json.or_else(from_header).or(said.metadata);
    let content_json = content_json.unwrap_or_else(|| Bytes::from_static(b"{}"));
    if serde_json::from_slice::<serde_json::Map<_, _>>(&content_json).is_err() {
        return Err("contentJson is not a JSON object".to_owned());
    }
    let time = match said.time {
        Some(time) => Some(time),
        None => headers.time()?,
    };
    // Nothing has happened after it was told: a time to come would be cut by another
    // count of partitions when the record is read again after a growth.
    let told = Timestamp::from_micros(record.timestamp_us);
    let time = time.map_or(told, |time| time.min(told));
    let traceparent = said.traceparent.filter(|text| traceparent::is_valid(text));
    Ok(Start {
        trigger_id,
        input: StartInput::Json(said.input),
        content_json,
        origin: Origin::RealTime,
        subscription_ids: None,
        identity: identity(record, headers, &said.source, said.id.as_deref())?,
        time: Some(time),
        ordering_key: said.ordering_key.or_else(|| record_key(record)),
        depth: said.depth.max(headers.depth()?),
        traceparent: traceparent.or_else(|| headers.traceparent().map(str::to_owned)),
        event_id: said.id,
    })
}

fn said(record: &Record, headers: Headers<'_>, named: bool) -> Result<Said, String> {
    let value = record.value.as_ref().ok_or("the record has no value")?;
    let content_type = headers.content_type()?;
    let event = match ContentMode::of(Some(&content_type)) {
        Some(ContentMode::Structured) => cloudevents::structured(value),
        Some(ContentMode::Binary) if headers.has_attributes() => {
            cloudevents::binary(Binding::Kafka, headers.all(), value.clone())
        }
        Some(ContentMode::Binary) if PROTOBUF.contains(&&*content_type) => {
            return protobuf(value.clone());
        }
        Some(ContentMode::Binary) => return json::read(value, headers.format()?, named),
        Some(ContentMode::Batched) => {
            return Err(
                "CloudEvents in batches are not taken from a topic: send one record for each event"
                    .to_owned(),
            );
        }
        None => {
            return Err(format!(
                "events of content type {content_type} are not taken: send application/cloudevents+json"
            ));
        }
    };
    event
        .map(cloud_event)
        .map_err(|error| format!("not a CloudEvent: {error}"))
}

fn cloud_event(event: CloudEvent) -> Said {
    Said {
        trigger: Some(Named::Type(event.event_type)),
        input: event.data,
        content_json: event.content_json,
        metadata: Some(event.attributes),
        id: Some(event.id),
        source: event.source,
        time: event.time,
        ordering_key: event.ordering_key.and_then(some),
        depth: event.depth.unwrap_or(0),
        traceparent: event.traceparent,
    }
}

fn protobuf(value: Bytes) -> Result<Said, String> {
    let event = event::decode(value).map_err(|error| error.to_string())?;
    Ok(Said {
        trigger: some(event.trigger_id).map(Named::Trigger),
        input: event.input,
        content_json: Some(event.content_json).filter(|json| !json.is_empty()),
        metadata: None,
        id: some(event.id),
        source: event.source,
        time: event.time,
        ordering_key: some(event.ordering_key),
        depth: event.depth,
        traceparent: some(event.traceparent),
    })
}

/// The message counts first, then the header, then the topic; those that come later
/// must not say otherwise. The type of a `CloudEvent` is a trigger's name if there is
/// such a trigger, or if nobody else names one.
fn trigger_id(
    said: Option<Named>,
    header: Option<&str>,
    mapped: Option<&str>,
    is_trigger: impl Fn(&str) -> bool,
) -> Result<String, String> {
    let is_named = header.is_some() || mapped.is_some();
    let said = said.and_then(|said| match said {
        Named::Trigger(id) => Some(id),
        Named::Type(name) => (!is_named || is_trigger(&name)).then_some(name),
    });
    let all = [
        ("the message", said.as_deref()),
        ("header triggerfish-trigger", header),
        ("upstream.topics", mapped),
    ];
    let mut names = all.into_iter().filter_map(|(by, id)| id.map(|id| (by, id)));
    let (by, id) = names.next().ok_or(
        "no trigger is named: neither the message nor header triggerfish-trigger nor upstream.topics says which one fires",
    )?;
    match names.find(|(_, other)| *other != id) {
        None => Ok(id.to_owned()),
        Some((also, other)) => Err(format!(
            "{by} names trigger {id:?}, but {also} names {other:?}"
        )),
    }
}

/// An event without an id is known by the place where it was first read.
pub(super) fn identity(
    record: &Record,
    headers: Headers<'_>,
    source: &str,
    id: Option<&str>,
) -> Result<StartIdentity, String> {
    let (scope, key) = match (id, headers.first_place()?) {
        (Some(id), _) => (source.to_owned(), id.to_owned()),
        (None, Some((partition, offset))) => (partition.to_owned(), offset.to_owned()),
        (None, None) => (
            format!("{}/{}", record.topic, record.partition),
            record.offset.to_string(),
        ),
    };
    Ok(StartIdentity::Key { scope, key })
}

/// The key as text; bytes that are no text keep their order just as well.
pub(super) fn record_key(record: &Record) -> Option<String> {
    let key = record.key.as_ref().filter(|key| !key.is_empty())?;
    let text = std::str::from_utf8(key).map(str::to_owned);
    Some(text.unwrap_or_else(|_| BASE64.encode(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigger(said: Option<Named>, header: Option<&str>, mapped: Option<&str>) -> String {
        let known = |id: &str| id.starts_with("known:");
        trigger_id(said, header, mapped, known).unwrap_or_else(|error| format!("! {error}"))
    }

    #[test]
    fn who_names_the_trigger() {
        let id = |id: &str| Some(Named::Trigger(id.to_owned()));
        let of_type = |id: &str| Some(Named::Type(id.to_owned()));
        assert_eq!(trigger(id("a"), None, None), "a");
        assert_eq!(trigger(None, Some("a"), None), "a");
        assert_eq!(trigger(None, None, Some("a")), "a");
        assert_eq!(trigger(id("a"), Some("a"), Some("a")), "a");
        assert_eq!(trigger(of_type("com.acme.x"), None, None), "com.acme.x");
        assert_eq!(trigger(of_type("com.acme.x"), None, Some("a")), "a");
        assert_eq!(trigger(of_type("com.acme.x"), Some("a"), None), "a");
        assert!(trigger(None, None, None).contains("no trigger is named"));
        for said in [
            trigger(id("a"), Some("b"), None),
            trigger(id("a"), None, Some("b")),
            trigger(None, Some("a"), Some("b")),
            trigger(id("a"), Some("a"), Some("b")),
            trigger(of_type("known:a"), Some("b"), None),
            trigger(of_type("known:a"), None, Some("b")),
        ] {
            assert!(said.starts_with("! ") && said.contains("but"), "{said}");
        }
    }
}
