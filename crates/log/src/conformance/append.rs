//! Acknowledged means durable, and what cannot be appended is refused with a reason.

use super::case::{Case, Harness, new};
use crate::{Appender, EventLog, LogError, Partition, Topic, TopicSpec};

/// What was acknowledged can be read at once, at the offset that was named.
pub async fn acknowledged_records_are_there<H: Harness>(case: Case<H>) {
    let topic = case.topic(1).await;
    let offsets = case.append(&topic, &["a", "b", "c"]).await;
    let read = case.read(&topic, 0).await;
    assert_eq!(read.iter().map(|r| r.offset).collect::<Vec<_>>(), offsets);
    assert_eq!(case.values(&topic, 0).await, ["a", "b", "c"]);
}

/// Records and topics are there after the log was closed and opened, and appends go on after
/// them.
pub async fn survives_a_restart<H: Harness>(case: Case<H>) {
    let topic = case.topic(3).await;
    let before = case.append(&topic, &["a", "b"]).await;
    let case = case.reopened().await;
    assert_eq!(
        case.log
            .partitions(&topic)
            .await
            .expect("the topic is there"),
        3
    );
    let after = case.append(&topic, &["c"]).await;
    assert!(after[0] > before[1]);
    assert_eq!(case.values(&topic, 0).await, ["a", "b", "c"]);
}

/// Many appenders at once: every record is there once, and each appender's own in its order.
pub async fn appenders_share_the_log<H: Harness>(case: Case<H>) {
    const APPENDERS: u32 = 50;
    const EACH: u32 = 20;
    let topic = case.topic(4).await;
    let mut tasks = Vec::new();
    for a in 0..APPENDERS {
        let appender = case
            .log
            .open_appender(case.writer())
            .await
            .expect("an appender opens");
        let topic = topic.clone();
        tasks.push(tokio::spawn(async move {
            let mut places = Vec::new();
            for n in 0..EACH {
                let record = new(&topic, a % 4, &format!("{a} {n}"));
                places.extend(
                    appender
                        .append(vec![record])
                        .await
                        .expect("an append succeeds"),
                );
            }
            places
        }));
    }
    let mut places = Vec::new();
    for task in tasks {
        let own = task.await.expect("an appender does not panic");
        assert!(
            own.is_sorted(),
            "an appender's records out of order: {own:?}"
        );
        places.extend(own);
    }
    places.sort_unstable();
    let mut found = Vec::new();
    for partition in 0..4 {
        let read = case.read(&topic, partition).await;
        found.extend(read.iter().map(|r| (r.partition, r.offset)));
    }
    assert_eq!(found, places);
}

/// Topics and partitions that do not exist are named in the error.
pub async fn refuses_what_does_not_exist<H: Harness>(case: Case<H>) {
    let topic = case.topic(2).await;
    let missing = Topic::from(case.unique("missing"));
    let appender = case
        .log
        .open_appender(case.writer())
        .await
        .expect("an appender opens");
    let refused = appender.append(vec![new(&missing, 0, "x")]).await;
    assert!(matches!(refused, Err(LogError::UnknownTopic { topic }) if topic == missing));
    let refused = appender
        .append(vec![new(&topic, 0, "x"), new(&topic, 2, "y")])
        .await;
    assert!(
        matches!(
            refused,
            Err(LogError::UnknownPartition {
                partition: Partition(2),
                ..
            })
        ),
        "{refused:?}"
    );
    assert!(
        case.read(&topic, 0).await.is_empty(),
        "part of a refused append is there"
    );
    let refused = case.log.partitions(&missing).await;
    assert!(
        matches!(refused, Err(LogError::UnknownTopic { .. })),
        "{refused:?}"
    );
}

/// Appending nothing succeeds and appends nothing.
pub async fn an_empty_append_is_nothing<H: Harness>(case: Case<H>) {
    let topic = case.topic(1).await;
    assert!(case.append(&topic, &[]).await.is_empty());
    assert!(case.read(&topic, 0).await.is_empty());
}

/// Making a topic again is harmless, with more partitions it grows, with fewer it is refused.
pub async fn topics_only_grow<H: Harness>(case: Case<H>) {
    let topic = case.topic(2).await;
    case.append(&topic, &["a"]).await;
    let spec = |partitions| {
        let name = topic.clone();
        [TopicSpec {
            name,
            partitions,
            retention: None,
            compacted: false,
        }]
    };
    case.log
        .ensure_topics(&spec(2))
        .await
        .expect("the same again");
    case.log.ensure_topics(&spec(4)).await.expect("more");
    assert_eq!(
        case.log
            .partitions(&topic)
            .await
            .expect("the topic is there"),
        4
    );
    let refused = case.log.ensure_topics(&spec(3)).await;
    assert!(
        matches!(refused, Err(LogError::TopicRefused { .. })),
        "{refused:?}"
    );
    assert_eq!(case.values(&topic, 0).await, ["a"]);
    case.append_all(vec![new(&topic, 3, "b")]).await;
    assert_eq!(case.values(&topic, 3).await, ["b"]);
}
