//! Dead letters, one by one: for the API of a running service and for reading the
//! folder of one that is not running.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use triggerfish_api::ports::{DeadLetterView, HeaderView, Place};
use triggerfish_log::{Limit, LogError, NewRecord, Offset, Partition, Reader, Topic};
use triggerfish_runtime::{DeadLetter, Topics};

/// The letter at `place`, if it is kept and one of ours.
pub(crate) async fn find(
    reader: &mut impl Reader,
    topic: &Topic,
    place: Place,
) -> Result<Option<DeadLetter>, LogError> {
    let (partition, offset) = (Partition(place.partition), Offset(place.offset));
    let mut from = offset;
    loop {
        let page = match reader.read(topic, partition, from, Limit::records(1)).await {
            Ok(page) => page,
            Err(LogError::BeyondEnd { .. } | LogError::UnknownPartition { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(record) = page.records.first() {
            let is_it = record.offset == offset;
            return Ok(is_it.then(|| DeadLetter::read(record)).flatten());
        }
        if page.at_end {
            return Ok(None);
        }
        from = page.next;
    }
}

/// The letter as the API shows it.
pub(crate) fn view(letter: &DeadLetter) -> DeadLetterView {
    let place = Place {
        partition: letter.partition.0,
        offset: letter.offset.0,
    };
    let header = |(name, value): &(String, bytes::Bytes)| HeaderView {
        name: name.clone(),
        value_base64: STANDARD.encode(value),
    };
    DeadLetterView {
        place: place.to_string(),
        written: letter.written.to_string(),
        reason: letter.reason.clone(),
        topic: letter.from.topic.to_string(),
        partition: letter.from.partition.0,
        offset: letter.from.offset.0,
        timestamp: letter.timestamp.to_string(),
        cut_from: letter.cut_from,
        key_base64: letter.key.as_ref().map(|key| STANDARD.encode(key)),
        value_base64: letter.value.as_ref().map(|value| STANDARD.encode(value)),
        headers: letter.headers.iter().map(header).collect(),
    }
}

/// The record that puts a letter back, or why it can't be. `upstream` are the topics that
/// events are read from.
pub(crate) fn redriven(
    letter: Option<&DeadLetter>,
    topics: &Topics,
    upstream: &[Topic],
) -> Result<NewRecord, String> {
    let letter = letter.ok_or("there is no such dead letter; the log may have forgotten it")?;
    let from = &letter.from;
    if from.topic == topics.invocation_log {
        return Err(
            "it came from the invocation log, where nothing can be put back: upgrade this service if a newer one wrote it"
                .to_owned(),
        );
    }
    if !upstream.contains(&from.topic) {
        return Err(format!(
            "it came from {}, from where no events are read: name the topic in upstream.topics",
            from.topic
        ));
    }
    if let Some(bytes) = letter.cut_from {
        return Err(format!(
            "it was cut, its value had {bytes} bytes; the whole record is at {}/{}@{}: produce the event again",
            from.topic, from.partition, from.offset
        ));
    }
    Ok(letter.redriven())
}

#[cfg(test)]
mod tests {
    use triggerfish_core::Timestamp;
    use triggerfish_log::Position;

    use super::*;

    fn letter(topic: &str, cut_from: Option<u64>) -> DeadLetter {
        DeadLetter {
            partition: Partition(0),
            offset: Offset(12),
            written: Timestamp::EPOCH,
            reason: "why".to_owned(),
            from: Position {
                topic: topic.into(),
                partition: Partition(1),
                offset: Offset(7),
            },
            timestamp: Timestamp::EPOCH,
            cut_from,
            key: None,
            value: None,
            headers: Vec::new(),
        }
    }

    #[test]
    fn only_whole_events_can_be_put_back() {
        let topics = Topics::with_prefix("");
        let upstream = [topics.trigger_events.clone(), "orders".into()];
        let redriven = |letter: &DeadLetter| redriven(Some(letter), &topics, &upstream);
        for topic in ["trigger-events", "orders"] {
            let record = redriven(&letter(topic, None)).unwrap();
            assert_eq!((record.topic.as_str(), record.partition.0), (topic, 1));
        }
        for (letter, said) in [
            (letter("invocation-log", None), "from the invocation log"),
            (letter("bills", None), "name the topic in upstream.topics"),
            (
                letter("orders", Some(9)),
                "had 9 bytes; the whole record is at orders/1@7",
            ),
        ] {
            let refused = redriven(&letter).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
        let none = super::redriven(None, &topics, &upstream).unwrap_err();
        assert!(none.contains("no such dead letter"), "{none}");
    }
}
