//! What could not be read, with the reason and where it came from.

use bytes::Bytes;
use triggerfish_core::Timestamp;
use triggerfish_log::{NewRecord, Offset, Partition, Position, Record, Topic};

/// What the headers of ours begin with.
const PREFIX: &str = "triggerfish-";

const REASON: &str = "triggerfish-reason";
const TOPIC: &str = "triggerfish-topic";
const PARTITION: &str = "triggerfish-partition";
const OFFSET: &str = "triggerfish-offset";
const TIMESTAMP: &str = "triggerfish-timestamp";
const CUT_FROM: &str = "triggerfish-cut-from";
/// What a dead letter has beside the headers of its record.
const ADDED: [&str; 6] = [REASON, TOPIC, PARTITION, OFFSET, TIMESTAMP, CUT_FROM];

/// Header of a record that was put back: which dead letter it was.
const REDRIVEN_FROM: &str = "triggerfish-redriven-from";
/// Header of an event: where it was first read, as `topic/partition@offset`. That is its
/// identity if it has no id of its own.
pub const IDENTITY: &str = "triggerfish-identity";
/// Header of an event: when it happened, if its message does not say.
pub const EVENT_TIME: &str = "triggerfish-event-time";

fn header(name: &str, value: String) -> (String, Bytes) {
    (name.to_owned(), Bytes::from(value))
}

/// The dead letter for `record`: its bytes, key and headers as they were, and
/// `triggerfish-reason`, `-topic`, `-partition`, `-offset` and `-timestamp` as headers.
#[must_use]
pub fn dead_letter(topic: &Topic, record: &Record, reason: &str) -> NewRecord {
    let mut headers = record.headers.clone();
    let timestamp = Timestamp::from_micros(record.timestamp_us);
    headers.extend([
        header(REASON, reason.to_owned()),
        header(TOPIC, record.topic.to_string()),
        header(PARTITION, record.partition.to_string()),
        header(OFFSET, record.offset.to_string()),
        header(TIMESTAMP, timestamp.to_string()),
    ]);
    NewRecord {
        topic: topic.clone(),
        partition: Partition(0),
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}

/// A dead letter as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its own place.
    pub partition: Partition,
    /// Its own place.
    pub offset: Offset,
    /// When it was written.
    pub written: Timestamp,
    /// Why it is one.
    pub reason: String,
    /// Where its record came from.
    pub from: Position,
    /// When its record had been appended there.
    pub timestamp: Timestamp,
    /// How many bytes the value had before it was cut, if it was.
    pub cut_from: Option<u64>,
    /// The key of the record.
    pub key: Option<Bytes>,
    /// Its value, or the beginning of it.
    pub value: Option<Bytes>,
    /// Its headers, none if it was cut much.
    pub headers: Vec<(String, Bytes)>,
}

impl DeadLetter {
    /// Reads a record of the topic. `None` if it is no letter of ours.
    #[must_use]
    pub fn read(record: &Record) -> Option<Self> {
        let written = Timestamp::from_micros(record.timestamp_us);
        // A record may have been a dead letter before; what was added last counts.
        let last = |name: &str| record.headers.iter().rposition(|(found, _)| found == name);
        let text = |name: &str| {
            let (_, value) = &record.headers[last(name)?];
            std::str::from_utf8(value).ok()
        };
        let added: Vec<usize> = ADDED.iter().filter_map(|name| last(name)).collect();
        let own = record.headers.iter().enumerate();
        let own = own.filter(|(place, _)| !added.contains(place));
        Some(Self {
            partition: record.partition,
            offset: record.offset,
            written,
            reason: text(REASON)?.to_owned(),
            from: Position {
                topic: text(TOPIC)?.into(),
                partition: Partition(text(PARTITION)?.parse().ok()?),
                offset: Offset(text(OFFSET)?.parse().ok()?),
            },
            timestamp: text(TIMESTAMP)
                .and_then(Timestamp::parse)
                .unwrap_or(written),
            cut_from: text(CUT_FROM).and_then(|bytes| bytes.parse().ok()),
            key: record.key.clone(),
            value: record.value.clone(),
            headers: own.map(|(_, header)| header.clone()).collect(),
        })
    }

    /// The record that puts it back where it came from. An event without an id of its own
    /// stays the one that was read there first, so putting it back twice is harmless.
    #[must_use]
    pub fn redriven(&self) -> NewRecord {
        let mut headers = self.headers.clone();
        headers.retain(|(name, _)| name != REDRIVEN_FROM);
        let from = format!("{}@{}", self.partition, self.offset);
        headers.push(header(REDRIVEN_FROM, from));
        let has = |name: &str| headers.iter().any(|(found, _)| found == name);
        let (has_identity, has_time) = (has(IDENTITY), has(EVENT_TIME));
        if !has_identity {
            let Position {
                topic,
                partition,
                offset,
            } = &self.from;
            let first = format!("{topic}/{partition}@{offset}");
            headers.push(header(IDENTITY, first));
        }
        if !has_time {
            headers.push(header(EVENT_TIME, self.timestamp.to_string()));
        }
        NewRecord {
            topic: self.from.topic.clone(),
            partition: self.from.partition,
            key: self.key.clone(),
            value: self.value.clone(),
            headers,
        }
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
        .push(header(CUT_FROM, value.len().to_string()));
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
    use super::*;

    fn record(value: usize, header: usize) -> Record {
        Record {
            topic: "events".into(),
            partition: Partition(3),
            offset: Offset(7),
            timestamp_us: 0,
            key: Some(Bytes::from_static(b"key")),
            value: Some(vec![b'v'; value].into()),
            headers: vec![("theirs".to_owned(), vec![b'h'; header].into())],
        }
    }

    fn letter(value: usize, header: usize) -> NewRecord {
        dead_letter(&"dead-letters".into(), &record(value, header), "why")
    }

    /// What was appended, read at this offset.
    fn read_at(offset: u64, new: NewRecord) -> Record {
        Record {
            topic: new.topic,
            partition: new.partition,
            offset: Offset(offset),
            timestamp_us: 9_000_000,
            key: new.key,
            value: new.value,
            headers: new.headers,
        }
    }

    #[test]
    fn a_letter_goes_back_as_it_came_and_keeps_its_identity() {
        let original = record(10, 5);
        let letter = DeadLetter::read(&read_at(3, letter(10, 5))).unwrap();
        assert_eq!((&*letter.reason, letter.cut_from), ("why", None));
        assert_eq!(letter.timestamp, Timestamp::EPOCH);
        assert_eq!(letter.headers, original.headers);
        let back = letter.redriven();
        assert_eq!(
            (&back.topic, back.partition),
            (&original.topic, original.partition)
        );
        assert_eq!((&back.key, &back.value), (&original.key, &original.value));
        let texts = |new: &NewRecord| -> Vec<(String, String)> {
            let ours = new.headers.iter().filter(|(name, _)| name != "theirs");
            let text = |value: &Bytes| String::from_utf8(value.to_vec()).unwrap();
            ours.map(|(name, value)| (name.clone(), text(value)))
                .collect()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (identity, time) = (
            pair(IDENTITY, "events/3@7"),
            pair(EVENT_TIME, "1970-01-01T00:00:00.000000Z"),
        );
        let from = |place| pair("triggerfish-redriven-from", place);
        assert_eq!(texts(&back), [from("0@3"), identity.clone(), time.clone()]);
        // It is refused once more.
        let again = dead_letter(&"dead-letters".into(), &read_at(8, back), "still");
        let again = DeadLetter::read(&read_at(4, again)).unwrap();
        assert_eq!((&*again.reason, again.from.offset), ("still", Offset(8)));
        assert_eq!(texts(&again.redriven()), [identity, time, from("0@4")]);
        assert_eq!(DeadLetter::read(&original), None);
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
            let letter = DeadLetter::read(&read_at(0, large)).unwrap();
            assert_eq!(letter.cut_from, Some(value as u64));
        }
    }
}
