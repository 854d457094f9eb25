//! The `_metadata` object in what ASYNC and DYNAMIC subscribers get.
//!
//! The event's own bytes stay as they are: numbers, order, spaces and unknown
//! fields reach the subscriber as upstream wrote them.

use std::ops::Range;

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

const KEY: &str = "_metadata";

/// What a subscriber needs for calling back (reference 6.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata<'m> {
    #[serde(rename = "callbackURL")]
    pub(crate) callback_url: &'m str,
    pub(crate) secret: &'m str,
    /// `async` in DYNAMIC too (reference 10, number 4).
    pub(crate) response_mode: &'static str,
    pub(crate) trigger_id: &'m str,
    pub(crate) trigger_type: &'static str,
}

/// The event is not a JSON object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotAnObject;

/// `input` with `metadata` as its last field. A field of that name that it has
/// already gets our value where it stands, each of them when there are several, so
/// that no reader of the JSON can take another's for ours.
pub(crate) fn splice(input: &[u8], metadata: &Metadata<'_>) -> Result<Bytes, NotAnObject> {
    let shape = shape_of(input)?;
    let value = serde_json::to_vec(metadata).expect("strings always serialise");
    let room = (value.len() + KEY.len() + 4) * shape.present.len().max(1);
    let mut out = Vec::with_capacity(input.len() + room);
    let mut copied = 0;
    for range in &shape.present {
        out.extend_from_slice(&input[copied..range.start]);
        out.extend_from_slice(&value);
        copied = range.end;
    }
    if shape.present.is_empty() {
        copied = input.trim_ascii_end().len().saturating_sub(1);
        out.extend_from_slice(&input[..copied]);
        if !shape.is_empty {
            out.push(b',');
        }
        out.extend_from_slice(br#""_metadata":"#);
        out.extend_from_slice(&value);
    }
    out.extend_from_slice(&input[copied..]);
    Ok(out.into())
}

struct Shape {
    is_empty: bool,
    /// Where the values of `_metadata` stand.
    present: Vec<Range<usize>>,
}

fn shape_of(input: &[u8]) -> Result<Shape, NotAnObject> {
    let mut reader = serde_json::Deserializer::from_slice(input);
    let shape = reader
        .deserialize_map(ShapeVisitor { input })
        .and_then(|shape| reader.end().map(|()| shape));
    shape.map_err(|_| NotAnObject)
}

struct ShapeVisitor<'i> {
    input: &'i [u8],
}

impl<'de> Visitor<'de> for ShapeVisitor<'de> {
    type Value = Shape;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut shape = Shape {
            is_empty: true,
            present: Vec::new(),
        };
        while let Some(Key { is_metadata }) = map.next_key()? {
            shape.is_empty = false;
            if is_metadata {
                let text = map.next_value::<&'de RawValue>()?.get();
                let start = text.as_ptr().addr() - self.input.as_ptr().addr();
                shape.present.push(start..start + text.len());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(shape)
    }
}

/// A field name, of which only this matters.
struct Key {
    is_metadata: bool,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a field name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(Key {
                    is_metadata: name == KEY,
                })
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = r#"{"callbackURL":"https://t/x\"y","secret":"s","responseMode":"async","triggerId":"idn:a","triggerType":"requestResponse"}"#;

    fn spliced(input: &str) -> Result<String, NotAnObject> {
        let metadata = Metadata {
            callback_url: "https://t/x\"y",
            secret: "s",
            response_mode: "async",
            trigger_id: "idn:a",
            trigger_type: "requestResponse",
        };
        let body = splice(input.as_bytes(), &metadata)?;
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn every_other_byte_stays() {
        let cases = [
            ("{}", r#"{"_metadata":M}"#),
            (" { } \n", " { \"_metadata\":M} \n"),
            (
                r#"{"a":1.50, "b":{"_metadata":0}, "a":2 }"#,
                r#"{"a":1.50, "b":{"_metadata":0}, "a":2 ,"_metadata":M}"#,
            ),
            (
                r#"{"_metadata" : {"secret":"}"} , "z":"é\u00e9"}"#,
                r#"{"_metadata" : M , "z":"é\u00e9"}"#,
            ),
            (
                r#"{"\u005fmetadata":[1,2],"_metadata":null}"#,
                r#"{"\u005fmetadata":M,"_metadata":M}"#,
            ),
        ];
        for (input, expected) in cases {
            let expected = expected.replace('M', VALUE);
            assert_eq!(spliced(input).unwrap(), expected, "{input}");
            let parsed: serde_json::Value = serde_json::from_str(&expected).unwrap();
            assert_eq!(parsed["_metadata"]["secret"], "s");
        }
    }

    #[test]
    fn only_objects_can_hold_it() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(spliced(&deep).is_ok());
        for input in [
            "",
            "[]",
            "1",
            "null",
            "\"{}\"",
            "{",
            "{}x",
            "{\"a\":}",
            "{\"a\":1,}",
        ] {
            assert_eq!(spliced(input), Err(NotAnObject), "{input}");
        }
    }
}
