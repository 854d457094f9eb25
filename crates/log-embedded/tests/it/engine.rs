//! What the embedded engine promises beyond the contract: limits, memory, space, order of
//! waking.

use std::time::{Duration, Instant};

use bytes::Bytes;
use triggerfish_log::{
    Appender, Batch, EventLog, Limit, LogError, NewRecord, Offset, Outputs, Partition, Polled,
    Reader, Session, SessionSpec, Topic, TopicSpec,
};
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};

use crate::{ensure, read_all, record, text};

async fn open_with(set: impl FnOnce(&mut EmbeddedOptions)) -> (tempfile::TempDir, EmbeddedLog) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = EmbeddedOptions::new(folder.path().join("log"));
    set(&mut options);
    (folder, EmbeddedLog::open(options).await.unwrap())
}

fn session_spec(topic: &str) -> SessionSpec {
    SessionSpec {
        group: "group".into(),
        topic: topic.into(),
        instance: "test".into(),
        outputs: Outputs::PositionsOnly,
    }
}

#[tokio::test]
async fn a_record_over_the_limit_is_refused_by_name() {
    let (_folder, log) = open_with(|o| o.record_bytes_max = 1000).await;
    ensure(&log, &[("t", 1)]).await;
    let appender = log.open_appender("w".into()).await.unwrap();
    let refused = appender
        .append(vec![record("t", 0, vec![7; 1001])])
        .await
        .unwrap_err();
    let said = refused.to_string();
    assert!(
        matches!(
            refused,
            LogError::TooLarge {
                bytes: 1001,
                limit: 1000,
                ..
            }
        ),
        "{said}"
    );
    assert!(
        said.contains("record_bytes_max") && said.contains("t/0"),
        "{said}"
    );
    appender
        .append(vec![record("t", 0, vec![7; 1000])])
        .await
        .unwrap();
    assert_eq!(read_all(&log, "t", 0).await.len(), 1);
}

/// A reader that lags behind the memory gets the same from the store, also in the middle of
/// large calls, which are cut into several batches.
#[tokio::test]
async fn what_left_memory_is_read_from_the_store() {
    let (_folder, log) = open_with(|o| o.tail_bytes_max = 100_000).await;
    ensure(&log, &[("t", 1)]).await;
    let appender = log.open_appender("w".into()).await.unwrap();
    let mut session = log.open_session(session_spec("t")).await.unwrap();
    for call in 0..10 {
        let value = |n| format!("{:0>10000}", call * 300 + n);
        let records = (0..300).map(|n| record("t", 0, value(n))).collect();
        appender.append(records).await.unwrap();
    }
    let all = read_all(&log, "t", 0).await;
    assert_eq!(all.len(), 3000);
    assert!(
        all.iter()
            .enumerate()
            .all(|(n, r)| text(r).parse() == Ok(n))
    );
    let (mut polled, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(20));
    while polled.len() < 3000 {
        assert!(Instant::now() < deadline);
        let next = session
            .poll(Limit::default(), Duration::from_secs(1))
            .await
            .unwrap();
        if let Polled::Records(records) = next {
            polled.extend(records);
        }
    }
    assert_eq!(polled, all);
}

/// An append larger than the whole queue waits for room and then goes through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_makes_appends_wait_and_loses_none() {
    let (_folder, log) = open_with(|o| o.queue_bytes_max = 1 << 20).await;
    ensure(&log, &[("t", 1)]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..30 {
        let appender = log.open_appender("w".into()).await.unwrap();
        let size = if n % 10 == 0 { 3 << 20 } else { 400_000 };
        let value = Bytes::from(vec![7; size]);
        tasks.spawn(async move { appender.append(vec![record("t", 0, value)]).await });
    }
    while let Some(appended) = tasks.join_next().await {
        appended.unwrap().unwrap();
    }
    assert_eq!(read_all(&log, "t", 0).await.len(), 30);
}

/// A compacted topic that is written over and over takes bounded space and comes back small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compacted_topic_does_not_grow_without_bound() {
    let (folder, log) = open_with(|o| o.compact_after_bytes = 100_000).await;
    let spec = TopicSpec {
        name: Topic::new("workers"),
        partitions: 1,
        retention: None,
        compacted: true,
    };
    log.ensure_topics(&[spec]).await.unwrap();
    let appender = log.open_appender("w".into()).await.unwrap();
    let put = |key: usize, n: usize| NewRecord {
        key: Some(Bytes::from(key.to_string())),
        ..record("workers", 0, format!("{n:0>1000}"))
    };
    for n in 0..300 {
        appender
            .append((0..10).map(|key| put(key, n)).collect())
            .await
            .unwrap();
    }
    let without_key = appender.append(vec![record("workers", 0, "x")]).await;
    assert!(
        matches!(without_key, Err(LogError::Refused { .. })),
        "{without_key:?}"
    );
    // Not asked for: it happened on the way.
    let stored = read_all(&log, "workers", 0).await;
    assert!(
        stored.len() <= 10 + 210,
        "{} records of 10 keys",
        stored.len()
    );
    log.close().await;
    let mut options = EmbeddedOptions::new(folder.path().join("log"));
    options.keep_tombstones = Duration::ZERO;
    let log = EmbeddedLog::open(options).await.unwrap();
    let appender = log.open_appender("w".into()).await.unwrap();
    let tombstone = NewRecord {
        value: None,
        ..put(3, 0)
    };
    let end = appender.append(vec![tombstone]).await.unwrap()[0].1;
    log.clean_up().await.unwrap();
    let mut keys: Vec<_> = read_all(&log, "workers", 0)
        .await
        .into_iter()
        .filter_map(|r| r.key)
        .collect();
    keys.sort();
    assert_eq!(
        keys,
        [0, 1, 2, 4, 5, 6, 7, 8, 9].map(|k: u8| Bytes::from(k.to_string()))
    );
    // The end does not move back although its last record is gone.
    let mut reader = log.open_reader().await.unwrap();
    let bounds = reader
        .bounds(&Topic::new("workers"), Partition(0))
        .await
        .unwrap();
    assert_eq!(bounds.end, end.next());
}

/// A partition that retention emptied keeps its offsets, and committed positions stay valid.
#[tokio::test]
async fn offsets_survive_an_emptied_partition() {
    let (folder, log) = open_with(|_| {}).await;
    let spec = TopicSpec {
        name: Topic::new("t"),
        partitions: 1,
        retention: Some(Duration::ZERO),
        compacted: false,
    };
    log.ensure_topics(&[spec]).await.unwrap();
    let appender = log.open_appender("w".into()).await.unwrap();
    let last = appender
        .append(vec![record("t", 0, "x"), record("t", 0, "y")])
        .await
        .unwrap()[1]
        .1;
    let deadline = Instant::now() + Duration::from_secs(20);
    while log.clean_up().await.unwrap().batches_dropped == 0 {
        assert!(Instant::now() < deadline);
    }
    log.close().await;
    let log = crate::open(&folder.path().join("log")).await;
    let mut reader = log.open_reader().await.unwrap();
    let page = reader
        .read(&Topic::new("t"), Partition(0), Offset(0), Limit::default())
        .await;
    let page = page.unwrap();
    assert_eq!(
        (page.records.len(), page.next, page.at_end),
        (0, last.next(), true)
    );
    let appender = log.open_appender("w".into()).await.unwrap();
    assert_eq!(
        appender.append(vec![record("t", 0, "z")]).await.unwrap()[0].1,
        last.next()
    );
}

/// A session that is polled in one task while another closes the log does not hang.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_wakes_those_who_wait() {
    let (_folder, log) = open_with(|_| {}).await;
    ensure(&log, &[("t", 1)]).await;
    let mut session = log.open_session(session_spec("t")).await.unwrap();
    let (ready, waiting) = tokio::sync::oneshot::channel();
    let polling = tokio::spawn(async move {
        let _ = session.poll(Limit::default(), Duration::ZERO).await;
        ready.send(()).unwrap();
        session
            .poll(Limit::default(), Duration::from_mins(10))
            .await
    });
    waiting.await.unwrap();
    log.close().await;
    let polled = polling.await.unwrap();
    assert!(matches!(polled, Err(LogError::Closed { .. })), "{polled:?}");
}

/// An append that is given up on, as a timeout does, leaves the log in order.
#[tokio::test]
async fn abandoned_appends_and_commits_do_no_harm() {
    let (_folder, log) = open_with(|_| {}).await;
    ensure(&log, &[("t", 1)]).await;
    let appender = log.open_appender("w".into()).await.unwrap();
    let mut session = log.open_session(session_spec("t")).await.unwrap();
    for n in 0..50 {
        let append = appender.append(vec![record("t", 0, n.to_string())]);
        let _ = tokio::time::timeout(Duration::from_micros(n * 10), append).await;
        let commit = session.commit(Batch::default());
        let _ = tokio::time::timeout(Duration::from_micros(n), commit).await;
    }
    appender.append(vec![record("t", 0, "last")]).await.unwrap();
    assert_eq!(text(read_all(&log, "t", 0).await.last().unwrap()), "last");
}
