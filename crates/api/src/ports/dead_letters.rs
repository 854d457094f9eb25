//! What the HTTP layer needs to show dead letters and to put them back.

use std::str::FromStr;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::Unavailable;

/// Knows the dead letters.
pub trait DeadLetters: Send + Sync + 'static {
    /// The letter at a place, if it is kept and one of ours.
    fn get(&self, place: Place) -> BoxFuture<'_, Result<Option<DeadLetterView>, Unavailable>>;

    /// Puts letters back on the topics they came from; one answer for each place, in
    /// order. A letter may be put back more than once without harm.
    fn redrive(&self, redrive: Redrive) -> BoxFuture<'_, Result<Vec<RedriveResult>, Unavailable>>;
}

/// Where a letter is in the topic: `partition@offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The partition.
    pub partition: u32,
    /// Its place in the partition.
    pub offset: u64,
}

/// The text is not a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the place of a dead letter: expected partition@offset, such as 0@12")]
pub struct NotAPlace;

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let (partition, offset) = text.split_once('@').ok_or(NotAPlace)?;
        Ok(Self {
            partition: partition.parse().map_err(|_| NotAPlace)?,
            offset: offset.parse().map_err(|_| NotAPlace)?,
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.partition, self.offset)
    }
}

/// A dead letter, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub struct DeadLetterView {
    /// Where it is: `partition@offset`.
    #[schema(example = "0@12")]
    pub place: String,
    /// When it was written; UTC.
    #[schema(format = DateTime)]
    pub written: String,
    /// Why it is one.
    pub reason: String,
    /// The topic that its record came from.
    #[schema(example = "trigger-events")]
    pub topic: String,
    /// The partition there.
    pub partition: u32,
    /// The place in that partition.
    pub offset: u64,
    /// When its record had been appended there; UTC.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// How many bytes the value had before it was cut, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_from: Option<u64>,
    /// The key as base64.
    pub key_base64: Option<String>,
    /// The value as base64.
    pub value_base64: Option<String>,
    /// The headers of the record, in their order.
    pub headers: Vec<HeaderView>,
}

/// A header, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RecordHeader)]
pub struct HeaderView {
    /// Its name.
    pub name: String,
    /// Its value as base64.
    pub value_base64: String,
}

/// Which letters to put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// Their places.
    pub places: Vec<Place>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What became of a letter that was to be put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedriveResult {
    /// Its place.
    #[serde(serialize_with = "text", deserialize_with = "place")]
    #[schema(value_type = String, example = "0@12")]
    pub place: Place,
    /// Where it was put, or would be.
    #[schema(example = "trigger-events")]
    pub topic: Option<String>,
    /// Why it was not put back.
    pub refused: Option<String>,
}

fn text<S: Serializer>(place: &Place, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(place)
}

fn place<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}
