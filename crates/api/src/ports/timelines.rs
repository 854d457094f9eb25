//! What the HTTP layer needs to tell the story of an invocation.

use futures::future::BoxFuture;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use triggerfish_core::{Invocation, Timestamp};
use utoipa::ToSchema;

use super::Unavailable;

/// Knows what was observed of invocations.
pub trait Timelines: Send + Sync + 'static {
    /// What the log has about an invocation, those that changed nothing included.
    fn of<'a>(&'a self, invocation: &'a Invocation)
    -> BoxFuture<'a, Result<Timeline, Unavailable>>;
}

/// What was observed of an invocation, in log order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// The observations.
    pub entries: Vec<TimelineEntry>,
    /// Whether the log was read to its end. If not, later ones may be missing: there was
    /// too much else to read.
    pub is_complete: bool,
}

/// One observation, and what it meant.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry {
    /// Its place in the partition.
    pub offset: u64,
    /// When it was appended; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-05-03T18:21:39.249635Z")]
    pub appended: Timestamp,
    /// The observation, as `GET /topics/invocation-log/records` shows it.
    #[schema(value_type = Object)]
    pub observation: Box<RawValue>,
    /// Why it changed nothing, if so.
    #[schema(example = "already_closed")]
    pub ignored: Option<&'static str>,
    /// The outcome that it decided, if it did.
    #[schema(value_type = Option<crate::model::names::Outcome>)]
    pub outcome: Option<&'static str>,
}

fn text<S: Serializer>(time: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
