//! Records between the log's words and librdkafka's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use rdkafka::util::IntoOpaque;
use triggerfish_log::{NewRecord, Offset, Partition, Record, Topic};

/// What a header is called whose name is not UTF-8. Kafka says that names are text, but a broker
/// does not check it.
const UNREADABLE_NAME: &str = "unreadable-header-name";

/// What a record takes beside its payload, at most: lengths, attributes, timestamps.
pub(crate) const OVERHEAD_BYTES: usize = 128;

pub(crate) fn read(topic: &Topic, message: &BorrowedMessage<'_>) -> Record {
    Record {
        topic: topic.clone(),
        partition: Partition(u32::try_from(message.partition()).unwrap_or_default()),
        offset: Offset(u64::try_from(message.offset()).unwrap_or_default()),
        timestamp_us: message.timestamp().to_millis().unwrap_or_default() * 1000,
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
        headers: headers(message),
    }
}

fn headers(message: &BorrowedMessage<'_>) -> Vec<(String, Bytes)> {
    let Some(headers) = message.headers() else {
        return Vec::new();
    };
    let owned = |header: Header<'_, &[u8]>| {
        let value = header.value.map(Bytes::copy_from_slice);
        (header.key.to_owned(), value.unwrap_or_default())
    };
    // rdkafka panics on a name that is not UTF-8; one such record must not end the process.
    let one = |index| catch_unwind(AssertUnwindSafe(|| owned(headers.get(index))));
    (0..headers.count())
        .map(|index| one(index).unwrap_or_else(|_| (UNREADABLE_NAME.to_owned(), Bytes::new())))
        .collect()
}

/// `record` as it is sent; librdkafka copies it.
pub(crate) fn write<D: IntoOpaque>(record: &NewRecord, opaque: D) -> BaseRecord<'_, [u8], [u8], D> {
    let mut out = BaseRecord::with_opaque_to(record.topic.as_str(), opaque)
        .partition(i32::try_from(record.partition.0).unwrap_or(i32::MAX));
    out.key = record.key.as_deref();
    out.payload = record.value.as_deref();
    if !record.headers.is_empty() {
        let empty = OwnedHeaders::new_with_capacity(record.headers.len());
        let all = record.headers.iter().fold(empty, |all, (name, value)| {
            all.insert(Header {
                key: name,
                value: Some(value.as_ref()),
            })
        });
        out = out.headers(all);
    }
    out
}
