//! Structured and batched mode: the JSON event format.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use serde_json::{Value, value::RawValue};

use super::{
    attributes::Attributes,
    event::{CloudEvent, CloudEventError},
};

/// The members of an event, with `data` left as written.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

pub(super) fn decode(body: &[u8]) -> Result<CloudEvent, CloudEventError> {
    serde_json::from_slice::<Members>(body)
        .map_err(|_| CloudEventError::Body("a JSON object"))?
        .into_event()
}

pub(super) fn decode_batch(
    body: &[u8],
) -> Result<Vec<Result<CloudEvent, CloudEventError>>, CloudEventError> {
    let events = serde_json::from_slice::<Vec<&RawValue>>(body)
        .map_err(|_| CloudEventError::Body("a JSON array of events"))?;
    Ok(events
        .into_iter()
        .map(|event| decode(event.get().as_bytes()))
        .collect())
}

impl Members {
    fn into_event(self) -> Result<CloudEvent, CloudEventError> {
        let mut attributes = Attributes::default();
        let mut data = None;
        for (name, raw) in self.0 {
            let given = match name.as_str() {
                "data" => Bytes::from(Box::<str>::from(raw).into_string()),
                "data_base64" => decode_base64(raw.get())?,
                _ => {
                    let value: Value = serde_json::from_str(raw.get())
                        .map_err(|_| CloudEventError::Body("a JSON object"))?;
                    attributes.insert(&name, value)?;
                    continue;
                }
            };
            if data.replace(given).is_some() {
                return Err(CloudEventError::Attribute {
                    name,
                    expected: "given once, as data or as data_base64",
                });
            }
        }
        attributes.into_event(data.ok_or(CloudEventError::Missing("data"))?)
    }
}

fn decode_base64(json: &str) -> Result<Bytes, CloudEventError> {
    let not_base64 = || CloudEventError::Attribute {
        name: "data_base64".into(),
        expected: "a string in base64",
    };
    let text: String = serde_json::from_str(json).map_err(|_| not_base64())?;
    let bytes = BASE64.decode(text).map_err(|_| not_base64())?;
    Ok(bytes.into())
}
