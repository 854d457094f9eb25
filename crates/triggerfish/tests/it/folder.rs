//! The log in the folder of a service that is not running.

use std::path::Path;

use bytes::Bytes;
use triggerfish_log::{
    Appender as _, EventLog as _, Limit, NewRecord, Offset, Partition, Reader as _, Record,
    TopicSpec,
};
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};

/// Does something with the log.
fn with<T>(data: &Path, work: impl AsyncFnOnce(&EmbeddedLog) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = EmbeddedOptions::new(data.join("log"));
        let log = EmbeddedLog::open(options).await.unwrap();
        let done = work(&log).await;
        log.close().await;
        done
    })
}

/// Makes a topic of others.
pub(crate) fn make_topic(data: &Path, name: &str) {
    let spec = TopicSpec {
        name: name.into(),
        partitions: 1,
        retention: None,
        compacted: false,
    };
    with(data, async |log| log.ensure_topics(&[spec]).await.unwrap());
}

/// A record for partition 0 of a topic.
pub(crate) fn record(topic: &str, value: &[u8], headers: &[(&str, &str)]) -> NewRecord {
    let header = |(name, value): &(&str, &str)| {
        let value = Bytes::copy_from_slice(value.as_bytes());
        ((*name).to_owned(), value)
    };
    NewRecord {
        topic: topic.into(),
        partition: Partition(0),
        key: None,
        value: Some(Bytes::copy_from_slice(value)),
        headers: headers.iter().map(header).collect(),
    }
}

/// Appends records as somebody else would.
pub(crate) fn append(data: &Path, records: Vec<NewRecord>) {
    with(data, async |log| {
        let appender = log.open_appender("test".into()).await.unwrap();
        appender.append(records).await.unwrap();
    });
}

/// Everything in partition 0 of a topic.
pub(crate) fn read(data: &Path, topic: &str) -> Vec<Record> {
    with(data, async |log| {
        let mut reader = log.open_reader().await.unwrap();
        let (mut records, mut from) = (Vec::new(), Offset::ZERO);
        loop {
            let page = reader
                .read(&topic.into(), Partition(0), from, Limit::default())
                .await
                .unwrap();
            records.extend(page.records);
            from = page.next;
            if page.at_end {
                return records;
            }
        }
    })
}
