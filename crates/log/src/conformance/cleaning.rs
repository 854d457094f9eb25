//! Retention and compaction take what they may, and nothing else.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::case::{Case, Cleaning, Harness, keyed, poll};
use crate::{EventLog, Offset, Outputs, Partition, Polled, Reader, Session};

/// However often a compacted topic is cleaned, the newest value of each key stays, in order,
/// at its offset; a young tombstone counts as a value.
pub async fn compaction_keeps_the_newest_of_each_key<H: Harness>(case: Case<H>) {
    let topic = case.topic_as(1, None, true).await;
    let mut newest = BTreeMap::new();
    for round in 0..30 {
        let key = |n| format!("key {}", n % 7);
        let value = |n| (n % 5 != 0).then(|| format!("value {round} {n}"));
        let put: Vec<_> = (0..10).map(|n| (key(n + round), value(n))).collect();
        let records = put
            .iter()
            .map(|(key, value)| keyed(&topic, key, value.as_deref()));
        let offsets = case.append_all(records.collect()).await;
        for ((key, value), offset) in put.into_iter().zip(offsets) {
            newest.insert(key, (offset, value));
        }
        if round % 10 == 4 {
            case.harness.clean_up(&case.log).await;
        }
    }
    let cleaned = case.harness.clean_up(&case.log).await;
    let read = case.read(&topic, 0).await;
    let mut found = BTreeMap::new();
    for record in &read {
        let text = |b: &bytes::Bytes| String::from_utf8_lossy(b).into_owned();
        let key = text(record.key.as_ref().expect("a key"));
        found.insert(key, (record.offset, record.value.as_ref().map(text)));
    }
    assert_eq!(found, newest);
    assert!(read.is_sorted_by_key(|r| r.offset));
    if cleaned == Cleaning::Done {
        assert_eq!(read.len(), newest.len(), "older versions are still there");
    }
    let case = case.reopened().await;
    assert_eq!(case.read(&topic, 0).await.last(), read.last());
    let mut reader = case.log.open_reader().await.expect("a reader opens");
    let end = reader
        .bounds(&topic, Partition(0))
        .await
        .expect("bounds")
        .end;
    let offsets = case
        .append_all(vec![keyed(&topic, "after", Some("x"))])
        .await;
    assert!(offsets[0] >= end, "an offset was given twice");
}

/// Readers and sessions get across what compaction took out.
pub async fn compacted_topics_stay_small<H: Harness>(case: Case<H>) {
    let topic = case.topic_as(1, None, true).await;
    for n in 0..200 {
        let record = keyed(&topic, "only", Some(&n.to_string()));
        case.append_all(vec![record]).await;
    }
    let cleaned = case.harness.clean_up(&case.log).await;
    // Reads what is stored, not what is still in memory.
    let case = case.reopened().await;
    let mut session = case
        .session(&case.group(), &topic, Outputs::PositionsOnly)
        .await;
    case.assigned(&mut session, 1).await;
    let (mut seen, deadline) = (Vec::new(), case.deadline());
    while seen.last().is_none_or(|last| last != "199") {
        assert!(
            Instant::now() < deadline,
            "seen as far as {:?}",
            seen.last()
        );
        if let Polled::Records(records) = poll(&mut session, Duration::from_millis(50)).await {
            seen.extend(records.iter().map(super::case::text));
        }
    }
    if cleaned == Cleaning::Done {
        assert_eq!(seen, ["199"]);
    }
    session
        .seek(Partition(0), Offset(5))
        .await
        .expect("into what was taken out");
    assert!(!case.records(&mut session, 1).await.is_empty());
}

/// Records past their retention go, later ones stay, and reading from before them starts at the
/// first that is left.
pub async fn retention_drops_the_old_and_keeps_the_new<H: Harness>(case: Case<H>) {
    let retention = Duration::from_millis(300);
    let topic = case.topic_as(1, Some(retention), false).await;
    let keeping = case.topic(1).await;
    let old = case.append(&topic, &["old"; 5]).await;
    case.append(&keeping, &["kept"]).await;
    let until = Instant::now() + retention * 2;
    let mut first = Offset::ZERO;
    let mut reader = case.log.open_reader().await.expect("a reader opens");
    let deadline = case.deadline();
    loop {
        let cleaned = case.harness.clean_up(&case.log).await;
        first = first.max(
            reader
                .bounds(&topic, Partition(0))
                .await
                .expect("bounds")
                .first,
        );
        if first > old[4] || (cleaned == Cleaning::InItsOwnTime && Instant::now() > until) {
            break;
        }
        assert!(Instant::now() < deadline, "still there: first is {first}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let new = case.append(&topic, &["new"]).await;
    assert!(new[0] > old[4]);
    assert_eq!(
        case.values(&topic, 0).await.last().map(String::as_str),
        Some("new")
    );
    let case = case.reopened().await;
    let mut reader = case.log.open_reader().await.expect("a reader opens");
    let bounds = reader.bounds(&topic, Partition(0)).await.expect("bounds");
    assert!(bounds.first >= first && bounds.end > new[0], "{bounds:?}");
    assert_eq!(case.values(&keeping, 0).await, ["kept"]);
    let after = case.append(&topic, &["after"]).await;
    assert!(after[0] > new[0]);
}
