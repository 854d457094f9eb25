//! What a process says about itself on the topic `workers`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use triggerfish_core::Timestamp;

/// How often a process says that it is still there.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(3);
/// A process that has not been heard for so long is asked nothing.
pub(crate) const SILENT: Duration = Duration::from_secs(15);
/// A process that has not been heard for so long is taken off the topic.
pub(crate) const GONE: Duration = Duration::from_hours(1);

/// The role whose partitions answer questions about invocations.
pub const OWNER: &str = "completion-consumer";

/// The value of a record on `workers`; its key is the name of the process. JSON, so that
/// people can read the topic. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The name of the process.
    pub instance: String,
    /// Its roles, as the commands that start them are called.
    pub roles: Vec<String>,
    /// Where other processes reach it.
    pub url: String,
    /// When it was started.
    #[serde(with = "text")]
    pub started: Timestamp,
    /// The version of the program.
    pub version: String,
    /// The partitions that run in it.
    #[serde(default)]
    pub partitions: Vec<Claim>,
}

/// A partition that runs in the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Which one.
    pub partition: u32,
    /// Since when, by the clock of the process; for people.
    #[serde(with = "text")]
    pub since: Timestamp,
    /// Where on `workers` the process said so first; of two processes that claim a
    /// partition the later one has it. The first announcement can't know its own place
    /// and says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<u64>,
    /// How the partition is doing, if that was to be had.
    #[serde(flatten)]
    pub figures: Option<Figures>,
}

/// How a partition is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// The next record to fold.
    pub position: u64,
    /// Records that are not folded yet, about.
    pub lag: u64,
    /// Invocations without an outcome.
    pub open: u64,
    /// Those of them that owe a call, now or later.
    pub queued: u64,
    /// Invocations that were requested since the partition runs there.
    #[serde(default)]
    pub requested: u64,
    /// Those that were completed since then.
    #[serde(default)]
    pub completed: u64,
    /// Those that failed or expired since then.
    #[serde(default)]
    pub failed: u64,
}

impl Announcement {
    /// Whether its partitions answer questions about invocations.
    pub(crate) fn is_owner(&self) -> bool {
        self.roles.iter().any(|role| role == OWNER)
    }
}

/// Times as RFC 3339.
mod text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use triggerfish_core::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        Timestamp::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 time"))
    }
}
