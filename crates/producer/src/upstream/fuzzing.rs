//! Records of upstream topics, read.

use triggerfish_api::ports::Start;
use triggerfish_log::Record;

use super::{action, read};

/// The event in a record of a topic that stands for a trigger or for none.
///
/// # Errors
/// Why it is none.
pub fn event(record: &Record, mapped: Option<&str>) -> Result<Start, String> {
    read::read(record, mapped, |id| id.starts_with("test:"))
}

/// Whether a record asks before an action or tells after one.
///
/// # Errors
/// Why it does not.
pub fn action(record: &Record) -> Result<(), String> {
    action::read(record).map(drop)
}
