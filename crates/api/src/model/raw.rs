//! JSON that is carried and not understood.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The text of one JSON value, byte for byte.
#[derive(Clone)]
pub(crate) struct RawJson(Box<RawValue>);

/// The text of a JSON object, byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct RawObject(RawJson);

impl RawJson {
    /// The text.
    pub(crate) fn get(&self) -> &str {
        self.0.get()
    }

    /// The text as bytes.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from(Box::<str>::from(self.0).into_string())
    }

    /// Whether it is `null`.
    pub(crate) fn is_null(&self) -> bool {
        self.get() == "null"
    }

    /// Whether it is an object.
    pub(crate) fn is_object(&self) -> bool {
        self.get().starts_with('{')
    }

    /// The value of `text`; `null` if it is no JSON, which can't be shown.
    pub(crate) fn from_stored(text: &[u8]) -> Self {
        let raw = serde_json::from_slice(text);
        Self(raw.unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }
}

impl RawObject {
    /// The text as bytes.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }

    /// The text.
    pub(crate) fn get(&self) -> &str {
        self.0.get()
    }
}

/// Shows nothing: it may hold what is nobody else's business.
impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({} bytes)", self.get().len())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawJson::deserialize(deserializer)?;
        if raw.is_object() {
            Ok(Self(raw))
        } else {
            Err(serde::de::Error::custom("expected a JSON object"))
        }
    }
}

/// For a field whose absence and whose `null` mean different things: `Some` when
/// the field is there, whatever it holds.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
