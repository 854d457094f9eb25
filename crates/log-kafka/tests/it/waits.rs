//! What a session does not wait for.

use std::time::{Duration, Instant};

use rdkafka::mocking::{MockCluster, MockCoordinator};
use triggerfish_log::{Appender as _, CommitError, EventLog as _, Partition, Session as _};
use triggerfish_log_kafka::KafkaLog;
use triggerfish_test_broker::{required_or_skip, shared};

use crate::stage::{
    append, assigned, batch, in_time, open, position, record, records, session_spec, settings,
    topic, unique,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_session_with_more_than_it_polls_still_hears_the_group() {
    /// More than a session keeps.
    const RECORDS: usize = 40;
    if !required_or_skip("a session with more than it polls") {
        return;
    }
    let log = open().await;
    let (topic, group) = (topic(&log, "full", 2).await, unique("group"));
    let appender = log.open_appender("test".into()).await.unwrap();
    let large = "x".repeat(1_000_000);
    for n in 0..RECORDS {
        let records = vec![record(&topic, u32::try_from(n % 2).unwrap(), &large)];
        appender.append(records).await.unwrap();
    }
    let full = log.open_session(session_spec(&group, &topic, None)).await;
    let mut full = full.unwrap();
    assigned(&mut full, 2).await;
    // It never polls again, so what it does not give up is taken from it after its time.
    let second = log.open_session(session_spec(&group, &topic, None)).await;
    let mut second = second.unwrap();
    assigned(&mut second, 1).await;
    second.close().await;
    full.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_a_client_says_of_itself_holds_no_record_up() {
    if !required_or_skip("a client that says much of itself") {
        return;
    }
    let mut settings = settings(&shared().bootstrap());
    let often = ("statistics.interval.ms".into(), "1".into());
    settings.properties.extend([often]);
    let log = KafkaLog::open(settings).await.unwrap();
    let topic = topic(&log, "talkative", 1).await;
    let spec = session_spec(&unique("group"), &topic, None);
    let mut session = log.open_session(spec).await.unwrap();
    assigned(&mut session, 1).await;
    for n in 0..20 {
        append(&log, &topic, &[&format!("record {n}")]).await;
        records(&mut session, 1).await;
    }
    session.close().await;
}

/// The coordinator of the group goes while a transaction is under way, and librdkafka waits for
/// it without an end. The cluster is librdkafka's own imitation, which does what it is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_transaction_whose_group_is_away_ends_the_session() {
    const WITHIN: Duration = Duration::from_secs(20);
    let cluster = MockCluster::new(2).unwrap();
    let (name, group) = ("mocked", unique("group"));
    cluster.create_topic(name, 1, 2).unwrap();
    cluster.partition_leader(name, 0, Some(1)).unwrap();
    let coordinators = |broker| {
        let writer = MockCoordinator::Transaction("writer".to_owned());
        cluster.coordinator(writer, 1).unwrap();
        let group = MockCoordinator::Group(group.clone());
        cluster.coordinator(group, broker).unwrap();
    };
    coordinators(2);
    let log = KafkaLog::open(settings(&cluster.bootstrap_servers())).await;
    let log = log.unwrap();
    let topic = name.into();
    let spec = session_spec(&group, &topic, Some("writer"));
    let mut session = in_time("a session", log.open_session(spec.clone()))
        .await
        .unwrap();
    append(&log, &topic, &["a", "b"]).await;
    assigned(&mut session, 1).await;
    let came = records(&mut session, 2).await;
    let commit = |index: usize| {
        let next = position(&topic, Partition(0), came[index].offset.next());
        batch(vec![record(&topic, 0, "out")], vec![next])
    };
    session.commit(commit(0)).await.unwrap();

    cluster.broker_down(2).unwrap();
    let asked = Instant::now();
    let refused = in_time("a commit", session.commit(commit(1))).await;
    let is_over = matches!(
        refused,
        Err(CommitError::Unknown { .. } | CommitError::Fenced { .. })
    );
    assert!(is_over, "{refused:?}");
    assert!(asked.elapsed() < WITHIN, "{:?}", asked.elapsed());
    in_time("an end", session.close()).await;

    coordinators(1);
    let mut session = in_time("a session", log.open_session(spec)).await.unwrap();
    assigned(&mut session, 1).await;
    session.commit(commit(1)).await.unwrap();
    session.close().await;
}
