//! What the HTTP layer needs to show the processes of the installation.

use serde::{Serialize, Serializer};
use triggerfish_core::Timestamp;
use utoipa::ToSchema;

/// Knows the processes of the installation.
pub trait Workers: Send + Sync + 'static {
    /// Those that were heard of lately, by name.
    fn living(&self) -> Vec<Worker>;

    /// How much there was to do lately, the oldest first; as far back as is known.
    fn load(&self) -> Vec<Load>;
}

/// How much there was to do at a moment, in all partitions together.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// When; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-05-03T18:21:39.249635Z")]
    pub at: Timestamp,
    /// Invocations that were started, per second.
    #[schema(example = 12.5)]
    pub started_per_second: f64,
    /// Invocations that were completed, per second.
    #[schema(example = 12.0)]
    pub completed_per_second: f64,
    /// Invocations that failed or expired, per second.
    #[schema(example = 0.5)]
    pub failed_per_second: f64,
    /// Invocations without an outcome.
    #[schema(example = 40)]
    pub open: u64,
    /// Those of them that owe a call, now or later.
    #[schema(example = 3)]
    pub queued: u64,
    /// Records that are not folded yet, about.
    #[schema(example = 0)]
    pub lag: u64,
}

/// One process of the installation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Worker {
    /// Its name.
    #[schema(example = "consumer-1")]
    pub instance: String,
    /// What it does.
    #[schema(example = json!(["completion-consumer"]))]
    pub roles: Vec<String>,
    /// The version of the program.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// When it was started; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-05-03T18:21:39.249635Z")]
    pub started: Timestamp,
    /// How long ago it was heard last.
    #[schema(example = 2)]
    pub seconds_since_heard: u64,
    /// The partitions of the invocation log that run in it.
    pub partitions: Vec<WorkerPartition>,
}

/// A partition that runs in a process.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerPartition {
    /// Which one.
    #[schema(example = 0)]
    pub partition: u32,
    /// Since when it runs there; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-05-03T18:21:39.249635Z")]
    pub since: Timestamp,
    /// The next record to fold.
    pub position: Option<u64>,
    /// Records that are not folded yet, about.
    pub lag: Option<u64>,
    /// Invocations without an outcome.
    pub open: Option<u64>,
    /// Those of them that owe a call, now or later.
    pub queued: Option<u64>,
}

fn text<S: Serializer>(time: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
