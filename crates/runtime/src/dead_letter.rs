//! What could not be read, with the reason and where it came from.

use bytes::Bytes;
use triggerfish_log::{NewRecord, Partition, Record, Topic};

/// What the headers of ours begin with.
const PREFIX: &str = "triggerfish-";

fn header(name: &str, value: String) -> (String, Bytes) {
    (format!("{PREFIX}{name}"), Bytes::from(value))
}

/// The dead letter for `record`: its bytes, key and headers as they were, and
/// `triggerfish-reason`, `-topic`, `-partition` and `-offset` as headers.
#[must_use]
pub fn dead_letter(topic: &Topic, record: &Record, reason: &str) -> NewRecord {
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

/// Cuts a dead letter that is larger than the log takes: the place it came from still
/// tells where the whole record is, and `triggerfish-cut-from` how many bytes its value
/// had. `false` if it fits as it is.
#[must_use]
pub fn cut_dead_letter(letter: &mut NewRecord, limit_bytes: usize) -> bool {
    if letter.payload_bytes() <= limit_bytes {
        return false;
    }
    let value = letter.value.take().unwrap_or_default();
    letter
        .headers
        .push(header("cut-from", value.len().to_string()));
    if letter.payload_bytes() > limit_bytes {
        letter.key = None;
        letter.headers.retain(|(name, _)| name.starts_with(PREFIX));
    }
    let room = limit_bytes.saturating_sub(letter.payload_bytes());
    letter.value = Some(value.slice(..value.len().min(room)));
    true
}

#[cfg(test)]
mod tests {
    use triggerfish_log::Offset;

    use super::*;

    fn letter(value: usize, header: usize) -> NewRecord {
        let record = Record {
            topic: "events".into(),
            partition: Partition(3),
            offset: Offset(7),
            timestamp_us: 0,
            key: Some(Bytes::from_static(b"key")),
            value: Some(vec![b'v'; value].into()),
            headers: vec![("theirs".to_owned(), vec![b'h'; header].into())],
        };
        dead_letter(&"dead-letters".into(), &record, "why")
    }

    #[test]
    fn a_letter_that_fits_is_not_touched() {
        let mut small = letter(100, 10);
        let whole = small.clone();
        assert!(!cut_dead_letter(&mut small, whole.payload_bytes()));
        assert_eq!(small, whole);
    }

    #[test]
    fn a_letter_that_does_not_fit_is_cut_and_says_so() {
        for (value, header) in [(1000, 10), (1000, 900), (10, 2000)] {
            let mut large = letter(value, header);
            assert!(cut_dead_letter(&mut large, 500));
            assert!(large.payload_bytes() <= 500);
            let has = |name: &str, is: &str| {
                let is = Bytes::copy_from_slice(is.as_bytes());
                large.headers.contains(&(name.to_owned(), is))
            };
            assert!(has("triggerfish-offset", "7") && has("triggerfish-reason", "why"));
            assert!(has("triggerfish-cut-from", &value.to_string()));
            assert!(!cut_dead_letter(&mut large, 500), "cutting ends");
        }
    }
}
