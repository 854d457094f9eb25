use bytes::Bytes;
use triggerfish_log::{Appender as _, EventLog as _, NewRecord, TopicSpec, WriterName};
use triggerfish_log_embedded::{EmbeddedAppender, EmbeddedLog, EmbeddedOptions};

use super::*;

const PARTITIONS: u32 = 2;

async fn log(folder: &tempfile::TempDir, topics: &Topics) -> (EmbeddedLog, EmbeddedAppender) {
    let log = EmbeddedLog::open(EmbeddedOptions::new(folder.path()))
        .await
        .unwrap();
    let spec = TopicSpec {
        name: topics.completions.clone(),
        partitions: PARTITIONS,
        retention: None,
        compacted: false,
    };
    log.ensure_topics(&[spec]).await.unwrap();
    let appender = log.open_appender(WriterName::from("test")).await.unwrap();
    (log, appender)
}

async fn append(appender: &EmbeddedAppender, topics: &Topics, partition: u32, key: &'static str) {
    let record = NewRecord {
        topic: topics.completions.clone(),
        partition: Partition(partition),
        key: Some(Bytes::from(key)),
        value: Some(Bytes::from_static(b"{}")),
        headers: Vec::new(),
    };
    appender.append(vec![record]).await.unwrap();
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let (folder, topics) = (tempfile::tempdir().unwrap(), Topics::with_prefix(""));
    let (log, appender) = log(&folder, &topics).await;
    for (partition, key) in [(0, "a"), (1, "b"), (0, "c")] {
        append(&appender, &topics, partition, key).await;
    }
    let shown = Shown::new(&topics, &topics.completions, PARTITIONS);
    let mut reader = log.open_reader().await.unwrap();
    let mut read = async |from: &RecordsFrom, limit| {
        let page = shown.page(&mut reader, from, limit, Duration::ZERO).await?;
        let keys = page.records.into_iter().filter_map(|record| record.key);
        Ok::<_, PageError>((keys.collect::<Vec<_>>(), RecordsFrom::Cursor(page.cursor)))
    };
    let (_, end) = read(&RecordsFrom::End, 10).await.unwrap();
    let (mut all, mut from) = (Vec::new(), RecordsFrom::Beginning);
    while all.len() < 3 {
        let (keys, next) = read(&from, 1).await.unwrap();
        assert!(keys.len() <= 1, "{keys:?}");
        all.extend(keys);
        from = next;
    }
    all.sort();
    assert_eq!(all, ["a", "b", "c"]);
    append(&appender, &topics, 1, "d").await;
    for place in [from, end] {
        let (keys, next) = read(&place, 10).await.unwrap();
        assert_eq!(keys, ["d"]);
        assert!(read(&next, 10).await.unwrap().0.is_empty());
    }
    for bad in ["", "x", "0.0.0", "0.99"] {
        let refused = read(&RecordsFrom::Cursor(bad.to_owned()), 10).await;
        assert!(matches!(refused, Err(PageError::Cursor)), "{bad}");
    }
    log.close().await;
}

#[test]
fn topics_with_credentials_are_not_shown() {
    let topics = Topics::with_prefix("eu.");
    let shown = |name: &str| Shown::topic(&topics, name);
    assert_eq!(shown("completions"), Some(&topics.completions));
    assert_eq!(shown("eu.dead-letters"), Some(&topics.dead_letters));
    for hidden in [
        "registry",
        "workers",
        "trigger-events",
        "eu.registry",
        "nope",
    ] {
        assert_eq!(shown(hidden), None, "{hidden}");
    }
}
