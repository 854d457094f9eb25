//! Events of others: `CloudEvents`, and records of any format on topics.

use bytes::Bytes;
use serde::de::IgnoredAny;
use triggerfish_api::ports::StartInput;
use triggerfish_log::{Offset, Partition, Record, Topic};
use triggerfish_producer::fuzzing;
use triggerfish_wire::cloudevents::{self, Binding, CloudEvent};

use crate::parts;

pub(super) const WORDS: &[&str] = &[
    "specversion",
    "type",
    "source",
    "id",
    "time",
    "data",
    "data_base64",
    "datacontenttype",
    "partitionkey",
    "traceparent",
    "triggerfishdepth",
    "contentjson",
    "ce_",
    "ce-",
    "content-type",
    "application/cloudevents+json",
    "application/protobuf",
    "triggerfish-trigger",
    "%",
    "%ff",
    "null",
    "\\u0000",
    "\\ud800",
    "1e400",
    "\"",
    "{}",
    "[]",
    "\n",
];

/// An event in structured mode; in a batch it is the same.
pub(super) fn structured(input: &[u8]) -> bool {
    let alone = cloudevents::structured(input);
    if let Ok(event) = &alone {
        check(event);
    }
    let batch = cloudevents::batched(&[b"[", input, b"]"].concat());
    match (&alone, &batch) {
        // `1,2` is two events in a batch and none alone.
        (Ok(_), Ok(batch)) => assert_eq!(batch[..], *std::slice::from_ref(&alone)),
        (Ok(_), Err(error)) => panic!("alone it is taken, in a batch not: {error}"),
        (Err(_), _) => {}
    }
    for event in cloudevents::batched(input).into_iter().flatten().flatten() {
        check(&event);
    }
    alone.is_ok()
}

/// An event in binary mode: the case of the names is nothing, nor is a header of others.
pub(super) fn binary(input: &[u8]) -> bool {
    let (headers, body) = parts::message(input);
    let body = Bytes::copy_from_slice(body);
    let mut taken = false;
    for binding in [Binding::Http, Binding::Kafka] {
        let read = cloudevents::binary(binding, headers.iter().copied(), body.clone());
        if let Ok(event) = &read {
            check(event);
            taken = true;
        }
        let louder: Vec<(String, &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.to_ascii_uppercase(), *value))
            .collect();
        let louder = louder.iter().map(|(name, value)| (&**name, *value));
        let with_other = louder.chain([("x-other", &b"\xff"[..])]);
        let again = cloudevents::binary(binding, with_other, body.clone());
        assert_eq!(read.is_ok(), again.is_ok(), "{read:?} {again:?}");
        if read.is_ok() {
            assert_eq!(read, again);
        }
    }
    taken
}

fn check(event: &CloudEvent) {
    assert!(!event.id.is_empty() && !event.source.is_empty() && !event.event_type.is_empty());
    is_object(&event.data);
    is_object(&event.attributes);
    if let Some(content_json) = &event.content_json {
        is_object(content_json);
    }
}

/// The text of a JSON object. That each number in it and each escape means something is seen
/// to where it is compared with a schema.
fn is_object(json: &[u8]) {
    let text = std::str::from_utf8(json).expect("UTF-8");
    assert!(text.trim_ascii_start().starts_with('{'), "{text}");
    serde_json::from_str::<IgnoredAny>(text).expect("JSON");
}

/// A record of an upstream topic, in any format.
pub(super) fn upstream(input: &[u8]) -> bool {
    let (headers, body) = parts::message(input);
    let headers = headers.into_iter();
    let headers = headers.map(|(name, value)| (name.to_owned(), Bytes::copy_from_slice(value)));
    let record = Record {
        topic: Topic::new("trigger-events"),
        partition: Partition(0),
        offset: Offset(7),
        timestamp_us: 1_700_000_000_000_000,
        key: Some(Bytes::from_static(b"key")),
        value: Some(Bytes::copy_from_slice(body)),
        headers: headers.collect(),
    };
    let asked = fuzzing::action(&record);
    let mut taken = asked.is_ok();
    for mapped in [None, Some("test:mapped")] {
        match fuzzing::event(&record, mapped) {
            Ok(start) => {
                taken = true;
                is_object(&start.content_json);
                assert!(matches!(start.input, StartInput::Json(_)));
                let told = start.time.expect("the record has a time");
                assert!(told.as_micros() <= record.timestamp_us, "a time to come");
            }
            Err(reason) => assert!(!reason.is_empty()),
        }
    }
    taken
}
