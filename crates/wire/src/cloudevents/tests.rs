use proptest::prelude::*;
use triggerfish_core::Timestamp;

use super::*;

const MINIMAL: &str = r#"{"specversion":"1.0","id":"e1","source":"/hr","type":"idn:x","data":{}}"#;

fn event(json: &str) -> CloudEvent {
    structured(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn refused(json: &str) -> String {
    structured(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn structured_keeps_the_data_byte_for_byte() {
    let event = event(
        r#"{"specversion":"1.0","id":"e1","source":"/hr","type":"idn:x","time":"2026-05-01T12:00:00+02:00",
            "partitionkey":"k","traceparent":"tp","triggerfishdepth":3,"subject":"s","myext":true,
            "datacontenttype":"application/json; charset=utf-8","data": { "b" : 1.0,"a":"\u0041" } }"#,
    );
    assert_eq!(event.data, r#"{ "b" : 1.0,"a":"\u0041" }"#);
    assert_eq!(event.time, Timestamp::parse("2026-05-01T10:00:00Z"));
    assert_eq!(event.ordering_key.as_deref(), Some("k"));
    assert_eq!(event.traceparent.as_deref(), Some("tp"));
    assert_eq!(event.depth, Some(3));
    assert_eq!(event.content_json, None);
    assert_eq!(
        event.attributes,
        r#"{"specversion":"1.0","id":"e1","source":"/hr","type":"idn:x","time":"2026-05-01T12:00:00+02:00","subject":"s","myext":true,"datacontenttype":"application/json; charset=utf-8"}"#
    );
}

#[test]
fn content_json_can_be_given() {
    let json = MINIMAL.replace("\"data\"", r#""contentjson":" {\"ticket\": 7} ","data""#);
    assert_eq!(event(&json).content_json.unwrap(), r#"{"ticket": 7}"#);
    let bad = MINIMAL.replace("\"data\"", r#""contentjson":"[]","data""#);
    assert_eq!(
        refused(&bad),
        r#"attribute "contentjson" must be the text of a JSON object"#
    );
}

#[test]
fn data_may_be_base64() {
    let json = MINIMAL.replace(r#""data":{}"#, r#""data_base64":"eyJhIjoxfQ==""#);
    assert_eq!(event(&json).data, r#"{"a":1}"#);
    for (bad, text) in [
        (r#""data_base64":"***""#, "base64"),
        (r#""data_base64":1"#, "base64"),
        (r#""data":[]"#, "data must be a JSON object"),
        (
            r#""data_base64":"bm90IGpzb24=""#,
            "data must be a JSON object",
        ),
        (
            r#""data_base64":"eyL/IjoxfQ==""#,
            "data must be a JSON object",
        ),
        (r#""data":{},"data_base64":"e30=""#, "given once"),
        (r#""data":{},"data":{}"#, "given once"),
    ] {
        let error = refused(&MINIMAL.replace(r#""data":{}"#, bad));
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn refusals_name_the_attribute() {
    for (from, to, text) in [
        (r#""id":"e1","#, "", r#"attribute "id" is missing"#),
        (
            r#""id":"e1","#,
            r#""id":"","#,
            r#"attribute "id" is missing"#,
        ),
        (
            r#""id":"e1","#,
            r#""id":7,"#,
            r#"attribute "id" must be a string"#,
        ),
        (r#""type":"idn:x","#, "", r#"attribute "type" is missing"#),
        (r#""source":"/hr","#, "", r#"attribute "source" is missing"#),
        (
            r#""1.0""#,
            r#""0.3""#,
            r#"attribute "specversion" must be 1.0"#,
        ),
        (r#","data":{}"#, "", r#"attribute "data" is missing"#),
        (
            r#""data""#,
            r#""time":"noon","data""#,
            r#"attribute "time""#,
        ),
        (
            r#""data""#,
            r#""my-ext":"x","data""#,
            r#"attribute "my-ext""#,
        ),
        (r#""data""#, r#""ext":{},"data""#, r#"attribute "ext""#),
        (
            r#""data""#,
            r#""id":"e2","data""#,
            r#"attribute "id" must be given once"#,
        ),
        (
            r#""data""#,
            r#""triggerfishdepth":-1,"data""#,
            r#"attribute "triggerfishdepth""#,
        ),
        (
            r#""data""#,
            r#""datacontenttype":"text/xml","data""#,
            r#"attribute "datacontenttype""#,
        ),
    ] {
        let error = refused(&MINIMAL.replace(from, to));
        assert!(error.starts_with(text), "{error}");
    }
    assert_eq!(refused("[]"), "the event must be a JSON object");
    assert_eq!(refused("{"), "the event must be a JSON object");
}

#[test]
fn batch_keeps_the_place_of_what_is_wrong() {
    let body = format!("[{MINIMAL},{{}},{MINIMAL}]");
    let events = batched(body.as_bytes()).unwrap();
    let good: Vec<bool> = events.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, true]);
    assert!(batched(MINIMAL.as_bytes()).is_err());
    assert!(batched(b"[]").unwrap().is_empty());
}

#[test]
fn binary_takes_attributes_from_headers() {
    let headers: [(&str, &[u8]); 8] = [
        ("CE-SpecVersion", b"1.0"),
        ("ce-id", b"caf%C3%A9%"),
        ("ce-source", b"/hr"),
        ("ce-type", b"idn:x"),
        ("ce-triggerfishdepth", b"2"),
        ("content-type", b"application/json"),
        ("authorization", b"Bearer hidden"),
        ("traceparent", b"not an attribute"),
    ];
    let event = binary(Binding::Http, headers, Bytes::from_static(b" {\"a\":1}")).unwrap();
    assert_eq!(event.id, "caf\u{e9}%");
    assert_eq!(event.depth, Some(2));
    assert_eq!(event.traceparent, None);
    assert_eq!(event.data, " {\"a\":1}");
    assert_eq!(event.content_json, None);
    assert_eq!(
        event.attributes,
        r#"{"specversion":"1.0","id":"café%","source":"/hr","type":"idn:x","datacontenttype":"application/json"}"#
    );
    assert_eq!(
        binary(Binding::Http, headers, Bytes::new()),
        Err(CloudEventError::Missing("data"))
    );
    assert_eq!(
        binary(Binding::Http, headers, Bytes::from_static(b"<a/>")),
        Err(CloudEventError::Data)
    );
}

#[test]
fn kafka_has_its_own_names_and_no_escapes() {
    let headers: [(&str, &[u8]); 7] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"caf\xc3\xa9%C3"),
        ("ce_source", b"/hr"),
        ("ce_type", b"idn:x"),
        ("ce_partitionkey", b"k"),
        ("ce-subject", b"not an attribute here"),
        ("content-type", b"application/json"),
    ];
    let event = binary(Binding::Kafka, headers, Bytes::from_static(b"{}")).unwrap();
    assert_eq!(event.id, "caf\u{e9}%C3");
    assert_eq!(event.ordering_key.as_deref(), Some("k"));
    assert!(!event.attributes.windows(7).any(|text| text == b"subject"));
    let bad = [("ce_id", &b"\xff"[..])];
    let error = binary(Binding::Kafka, bad, Bytes::from_static(b"{}")).unwrap_err();
    assert_eq!(error.to_string(), r#"attribute "id" must be UTF-8"#);
    assert!(is_attribute(Binding::Kafka, "CE_id") && !is_attribute(Binding::Kafka, "ce-id"));
}

#[test]
fn modes_by_content_type() {
    for (content_type, mode) in [
        (
            Some("application/cloudevents+json; charset=utf-8"),
            Some(ContentMode::Structured),
        ),
        (
            Some("Application/CloudEvents-Batch+JSON"),
            Some(ContentMode::Batched),
        ),
        (Some("application/json"), Some(ContentMode::Binary)),
        (None, Some(ContentMode::Binary)),
        (Some("application/cloudevents+avro"), None),
    ] {
        assert_eq!(ContentMode::of(content_type), mode, "{content_type:?}");
    }
}

proptest! {
    #[test]
    fn never_panics(body: Vec<u8>, name in ".{0,10}", value: Vec<u8>) {
        let _ = structured(&body);
        let _ = batched(&body);
        let _ = binary(Binding::Http, [(name.as_str(), value.as_slice()), ("ce-id", value.as_slice())], body.clone().into());
        let _ = binary(Binding::Kafka, [(name.as_str(), value.as_slice()), ("ce_id", value.as_slice())], body.into());
    }
}
