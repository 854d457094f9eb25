//! Completions, read around the service: from the log in its folder.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use triggerfish_log::{EventLog as _, Limit, Offset, Partition, Reader as _, Record, Topic};
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};

/// A record of the topic `completions`.
#[derive(Clone, Debug)]
pub struct Completion {
    /// Its key: the id of the invocation.
    pub id: String,
    /// Its value.
    pub json: Value,
    /// `contentJson`, byte for byte.
    pub content_json: String,
    /// `output`, byte for byte.
    pub output: String,
    /// Headers.
    pub headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<'a> {
    #[serde(borrow)]
    content_json: &'a RawValue,
    #[serde(borrow)]
    output: &'a RawValue,
}

impl Completion {
    /// `COMPLETED`, `FAILED` or `EXPIRED`.
    #[must_use]
    pub fn outcome(&self) -> &str {
        self.json["outcome"].as_str().unwrap_or_default()
    }

    /// The error; empty if there is none.
    #[must_use]
    pub fn error(&self) -> &str {
        self.json["error"].as_str().unwrap_or_default()
    }

    fn of(record: &Record) -> Self {
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).expect("text");
        let value = text(record.value.as_ref().expect("a completion has a value"));
        let raw: Raw<'_> = serde_json::from_str(&value).expect("a completion is JSON");
        Self {
            id: text(record.key.as_ref().expect("a completion has a key")),
            json: serde_json::from_str(&value).expect("a completion is JSON"),
            content_json: raw.content_json.get().to_owned(),
            output: raw.output.get().to_owned(),
            headers: record
                .headers
                .iter()
                .map(|(n, v)| (n.clone(), text(v)))
                .collect(),
        }
    }
}

/// All completions in the data folder of a service that is not running, by partition
/// and in their order.
///
/// # Panics
/// If the log can't be read.
pub async fn read(data: &Path) -> Vec<Completion> {
    records(data, "completions")
        .await
        .iter()
        .map(Completion::of)
        .collect()
}

/// All records of a topic, as [`read`].
///
/// # Panics
/// If the log can't be read.
pub async fn records(data: &Path, topic: &str) -> Vec<Record> {
    let options = EmbeddedOptions::new(data.join("log"));
    let log = EmbeddedLog::open(options)
        .await
        .expect("the log opens once the service has ended");
    let topic = Topic::from(topic);
    let partitions = log.partitions(&topic).await.expect("the topic exists");
    let mut reader = log.open_reader().await.expect("a reader opens");
    let mut records = Vec::new();
    for partition in 0..partitions {
        let mut from = Offset::ZERO;
        loop {
            let page = reader
                .read(&topic, Partition(partition), from, Limit::default())
                .await;
            let page = page.expect("the log can be read");
            records.extend(page.records);
            from = page.next;
            if page.at_end {
                break;
            }
        }
    }
    drop(reader);
    log.close().await;
    records
}
