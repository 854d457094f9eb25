//! What could not be read, with the reason and where it came from.

use bytes::Bytes;
use triggerfish_log::{NewRecord, Partition, Record, Topic};

/// The dead letter for `record`: its bytes, key and headers as they were, and
/// `triggerfish-reason`, `-topic`, `-partition` and `-offset` as headers.
#[must_use]
pub fn dead_letter(topic: &Topic, record: &Record, reason: &str) -> NewRecord {
    let header = |name: &str, value: String| (format!("triggerfish-{name}"), Bytes::from(value));
    let mut headers = record.headers.clone();
    headers.extend([
        header("reason", reason.to_owned()),
        header("topic", record.topic.to_string()),
        header("partition", record.partition.to_string()),
        header("offset", record.offset.to_string()),
    ]);
    NewRecord {
        topic: topic.clone(),
        partition: Partition(0),
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}
