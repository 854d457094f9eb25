//! What the HTTP layer needs to show records of topics.

use std::{collections::BTreeMap, time::Duration};

use futures::future::BoxFuture;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use triggerfish_core::Timestamp;
use utoipa::ToSchema;

use super::Unavailable;

/// Reads topics that people may see.
pub trait Records: Send + Sync + 'static {
    /// Records of a topic from a place on. Waits for the first one up to
    /// `query.wait`, less when the service ends; none after the wait.
    fn read(&self, query: RecordsQuery) -> BoxFuture<'_, Result<RecordsPage, RecordsError>>;
}

/// Which records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsQuery {
    /// The topic, by its plain or prefixed name.
    pub topic: String,
    /// From where.
    pub from: RecordsFrom,
    /// Records at most.
    pub limit: usize,
    /// How long to wait for the first.
    pub wait: Duration,
}

/// Where to begin to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordsFrom {
    /// With the oldest record that is kept.
    Beginning,
    /// With the next record that is appended.
    End,
    /// Where a page before ended: its [`RecordsPage::cursor`].
    Cursor(String),
}

/// Some records of a topic.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordsPage {
    /// In offset order within each partition.
    pub records: Vec<TopicRecord>,
    /// Where to read on, for `from`.
    #[schema(example = "12.0.7.3")]
    pub cursor: String,
}

/// One record of a topic, readable.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicRecord {
    /// The topic.
    #[schema(example = "completions")]
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// Its place in the partition.
    pub offset: u64,
    /// When it was appended; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-05-03T18:21:39.249635Z")]
    pub timestamp: Timestamp,
    /// The key as text; bytes that are no text as base64.
    pub key: Option<String>,
    /// The value, if it is JSON or can be shown as JSON.
    #[schema(value_type = Option<Object>)]
    pub value: Option<Box<RawValue>>,
    /// The value as base64, if it can't be shown as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_base64: Option<String>,
    /// Header values by name; of several with one name the last.
    pub headers: BTreeMap<String, String>,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// There is no such topic, or it is not shown.
    #[error("topic {0:?} can't be read; choose from {1}")]
    UnknownTopic(String, String),
    /// The cursor is not one of this topic.
    #[error("the cursor is not one of this topic; begin again with from=beginning or from=end")]
    Cursor,
    /// The log can't be read now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

fn text<S: Serializer>(time: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
