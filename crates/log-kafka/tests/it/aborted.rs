//! Records of transactions that were undone are for nobody.

use std::time::{Duration, Instant};

use triggerfish_log::{
    CommitError, EventLog as _, Limit, Offset, Partition, Position, Reader as _, Session as _,
    Topic, last_record,
};
use triggerfish_log_kafka::KafkaLog;
use triggerfish_test_broker::{required_or_skip, shared};

use crate::stage::{
    append, assigned, batch, open, record, records, session_spec, text, topic, topics, unique,
    values,
};

/// Leaves an aborted record behind what is in partition 0: the broker refuses the other one.
async fn abort_one(log: &KafkaLog, output: &Topic) {
    let input = topic(log, "aborting", 1).await;
    let writer = unique("writer");
    let spec = session_spec(&unique("group"), &input, Some(&writer));
    let mut session = log.open_session(spec).await.unwrap();
    let large = "x".repeat(100_000);
    let records = vec![record(output, 0, "aborted"), record(output, 1, &large)];
    let refused = session.commit(batch(records, vec![])).await;
    assert!(
        matches!(refused, Err(CommitError::Refused(_))),
        "{refused:?}"
    );
    session.close().await;
}

/// Waits until partition 0 reaches this far: the broker says that a transaction has ended a
/// moment before its marker is in the partition.
async fn ends_at(log: &KafkaLog, topic: &Topic, end: Offset) {
    let mut reader = log.open_reader().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let bounds = reader.bounds(topic, Partition(0)).await.unwrap();
        if bounds.end >= end {
            return;
        }
        assert!(Instant::now() < deadline, "it ends at {}", bounds.end);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_what_was_undone() {
    if !required_or_skip("aborted records") {
        return;
    }
    let log = open().await;
    let output = Topic::from(unique("undone"));
    topics(
        shared(),
        &[
            "--create",
            "--topic",
            output.as_str(),
            "--partitions",
            "2",
            "--config",
            "max.message.bytes=20000",
        ],
    );
    let zero = Partition(0);
    let mut reader = log.open_reader().await.unwrap();
    abort_one(&log, &output).await;
    let page = reader.read(&output, zero, Offset::ZERO, Limit::default());
    let page = page.await.unwrap();
    assert!(page.at_end && page.records.is_empty(), "{page:?}");
    assert_eq!(last_record(&mut reader, &output, zero).await.unwrap(), None);
    ends_at(&log, &output, Offset(2)).await;
    let committed = append(&log, &output, &["kept"]).await[0];
    assert!(committed >= Offset(2), "the aborted record is in the log");
    for _ in 0..5 {
        abort_one(&log, &output).await;
    }
    // The end of the partition holds nothing but what was undone.
    ends_at(&log, &output, Offset(committed.0 + 11)).await;
    assert_eq!(values(&log, &output, 0).await, ["kept"]);
    let last = last_record(&mut reader, &output, zero).await.unwrap();
    assert_eq!(last, Some(committed));
    let page = reader.read(&output, zero, committed.next(), Limit::default());
    let page = page.await.unwrap();
    assert!(page.at_end && page.records.is_empty(), "{page:?}");
    // Those who wait get the next one that counts, and it alone.
    let mut positions = [Position {
        topic: output.clone(),
        partition: zero,
        offset: committed.next(),
    }];
    let wait = Duration::from_millis(300);
    let nothing = reader.follow(&mut positions, Limit::default(), wait).await;
    assert!(nothing.unwrap().is_empty());
    let spec = session_spec(&unique("group"), &output, None);
    let mut session = log.open_session(spec).await.unwrap();
    assigned(&mut session, 2).await;
    append(&log, &output, &["next"]).await;
    let wait = Duration::from_secs(20);
    let followed = reader.follow(&mut positions, Limit::default(), wait).await;
    let followed = followed.unwrap();
    assert_eq!(followed.iter().map(text).collect::<Vec<_>>(), ["next"]);
    let polled = records(&mut session, 2).await;
    assert_eq!(
        polled.iter().map(text).collect::<Vec<_>>(),
        ["kept", "next"]
    );
}
