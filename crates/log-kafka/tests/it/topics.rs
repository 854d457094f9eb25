//! Topics are made as asked, checked, and grow under those who use them.

use std::time::{Duration, Instant};

use triggerfish_log::{
    Appender as _, EventLog as _, Limit, LogError, Offset, Partition, Polled, Reader as _,
    Session as _, Topic, TopicSpec,
};
use triggerfish_test_broker::{required_or_skip, shared};

use crate::stage::{
    PATIENCE, assigned, batch, open, poll_until, position, record, session_spec, spec, text, topic,
    topics, unique,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_are_made_as_asked_by_two_at_a_time() {
    if !required_or_skip("topics that are made") {
        return;
    }
    let (one, two) = (open().await, open().await);
    let kept = TopicSpec {
        retention: Some(Duration::from_hours(24)),
        ..spec(&unique("kept"), 3)
    };
    let compacted = TopicSpec {
        compacted: true,
        ..spec(&unique("compacted"), 1)
    };
    let all: Vec<_> = (0..6).map(|_| spec(&unique("many"), 2)).collect();
    let all = [all, vec![kept.clone(), compacted.clone()]].concat();
    let (first, second) = tokio::join!(one.ensure_topics(&all), two.ensure_topics(&all));
    first.unwrap();
    second.unwrap();
    for (made, parts) in [
        (
            kept,
            [
                "PartitionCount: 3",
                "cleanup.policy=delete",
                "retention.ms=86400000",
                "max.message.bytes=4194304",
            ],
        ),
        (
            compacted,
            [
                "PartitionCount: 1",
                "cleanup.policy=compact",
                "retention.ms=-1",
                "max.message.bytes=4194304",
            ],
        ),
    ] {
        let said = topics(shared(), &["--describe", "--topic", made.name.as_str()]);
        for part in parts {
            assert!(said.contains(part), "{part} is not in {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_forget_too_early_are_refused() {
    if !required_or_skip("topics that are refused") {
        return;
    }
    let log = open().await;
    for (setting, remedy) in [
        ("retention.ms=60000", "retention.ms=120000"),
        ("cleanup.policy=compact", "cleanup.policy=delete"),
        ("retention.bytes=1000000", "retention.bytes=-1"),
    ] {
        let name = unique("forgets");
        topics(
            shared(),
            &["--create", "--topic", &name, "--config", setting],
        );
        let asked = TopicSpec {
            retention: Some(Duration::from_mins(2)),
            ..spec(&name, 1)
        };
        let refused = log.ensure_topics(&[asked]).await.unwrap_err();
        assert!(
            matches!(refused, LogError::TopicRefused { .. }),
            "{refused}"
        );
        let said = refused.to_string();
        assert!(said.contains(&name) && said.contains(setting), "{said}");
        assert!(
            said.contains("kafka-configs.sh") && said.contains(remedy),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_uses_a_topic_gets_its_new_partitions() {
    if !required_or_skip("a topic that grows") {
        return;
    }
    let log = open().await;
    let (input, output) = (topic(&log, "in", 1).await, topic(&log, "out", 1).await);
    let writer = unique("writer");
    let spec_of = session_spec(&unique("group"), &input, Some(&writer));
    let mut session = log.open_session(spec_of).await.unwrap();
    assigned(&mut session, 1).await;
    let appender = log.open_appender("test".into()).await.unwrap();
    let mut reader = log.open_reader().await.unwrap();
    // All of them know the topics as they are now.
    let old = vec![record(&input, 0, "old")];
    appender.append(old).await.unwrap();
    let old = batch(vec![record(&output, 0, "old")], vec![]);
    session.commit(old).await.unwrap();
    assert_eq!(page(&mut reader, &output, 0).await, ["old"]);
    let grower = open().await;
    let grown = [spec(input.as_str(), 3), spec(output.as_str(), 3)];
    grower.ensure_topics(&grown).await.unwrap();
    let new = vec![record(&input, 2, "new"), record(&input, 0, "old too")];
    let places = appender.append(new).await.unwrap();
    assert_eq!(places[0], (Partition(2), Offset::ZERO));
    commit_to(&mut session, &output, 2).await;
    assert_eq!(page(&mut reader, &output, 2).await, ["new"]);
    let mut seen = Vec::new();
    let next = poll_until(&mut session, |polled| {
        if let Polled::Records(records) = polled {
            seen.extend(records);
        }
        let new = seen.iter().find(|record| record.partition == Partition(2));
        new.map(|record| (text(record), record.offset.next()))
    })
    .await;
    assert_eq!(next, ("new".to_owned(), Offset(1)));
    let done = position(&input, Partition(2), next.1);
    session.commit(batch(vec![], vec![done])).await.unwrap();
}

/// A transaction that meets a partition its producer has not heard of is undone and told to be
/// repeated; the second one counts.
async fn commit_to(
    session: &mut triggerfish_log_kafka::KafkaSession,
    output: &Topic,
    partition: u32,
) {
    let until = Instant::now() + PATIENCE;
    let mut tries = 0;
    loop {
        tries += 1;
        let new = batch(vec![record(output, partition, "new")], vec![]);
        match session.commit(new).await {
            Ok(offsets) => {
                assert_eq!(offsets, [Offset::ZERO]);
                assert!(tries <= 2, "{tries} tries");
                return;
            }
            Err(triggerfish_log::CommitError::Aborted { .. }) if Instant::now() < until => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn page(
    reader: &mut triggerfish_log_kafka::KafkaReader,
    topic: &Topic,
    partition: u32,
) -> Vec<String> {
    let page = reader.read(topic, Partition(partition), Offset::ZERO, Limit::default());
    page.await.unwrap().records.iter().map(text).collect()
}
