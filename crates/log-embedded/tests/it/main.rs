//! Tests of the embedded log: the conformance suite, and what only this engine promises.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod conformance;
mod crash;
mod engine;
mod folder;
mod full_disk;
mod power_loss;

use bytes::Bytes;
use triggerfish_log::{
    EventLog, Limit, NewRecord, Offset, Partition, Reader, Record, Topic, TopicSpec,
};
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};

/// xorshift: what is random in a test has to be repeatable.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

async fn open(folder: &std::path::Path) -> EmbeddedLog {
    EmbeddedLog::open(EmbeddedOptions::new(folder))
        .await
        .unwrap()
}

async fn ensure(log: &EmbeddedLog, topics: &[(&str, u32)]) {
    let spec = |(name, partitions): &(&str, u32)| TopicSpec {
        name: Topic::from(*name),
        partitions: *partitions,
        retention: None,
        compacted: false,
    };
    log.ensure_topics(&topics.iter().map(spec).collect::<Vec<_>>())
        .await
        .unwrap();
}

fn record(topic: &str, partition: u32, value: impl Into<Bytes>) -> NewRecord {
    NewRecord {
        topic: Topic::from(topic),
        partition: Partition(partition),
        key: None,
        value: Some(value.into()),
        headers: Vec::new(),
    }
}

/// Everything in a partition; checks that offsets grow.
async fn read_all(log: &EmbeddedLog, topic: &str, partition: u32) -> Vec<Record> {
    let mut reader = log.open_reader().await.unwrap();
    let (topic, mut from, mut all) = (Topic::from(topic), Offset::ZERO, Vec::new());
    loop {
        let page = reader
            .read(&topic, Partition(partition), from, Limit::default())
            .await
            .unwrap();
        all.extend(page.records);
        from = page.next;
        if page.at_end {
            assert!(
                all.windows(2)
                    .all(|pair: &[Record]| pair[0].offset < pair[1].offset)
            );
            return all;
        }
    }
}

fn text(record: &Record) -> &str {
    std::str::from_utf8(record.value.as_deref().unwrap()).unwrap()
}
