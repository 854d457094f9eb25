//! Positions that the log does not have, and sessions that go in the middle of something.

use std::fs;
use std::time::{Duration, Instant};

use triggerfish_log::{
    Appender as _, EventLog as _, Limit, LogError, Offset, Partition, Polled, Position,
    Reader as _, Session as _,
};
use triggerfish_test_broker::{required_or_skip, shared};

use crate::stage::{
    append, assigned, batch, failure, in_time, open, poll_until, position, record, records, run,
    session_spec, spec as spec_of, text, topic, topics, unique,
};

/// Deletes the records before `offset` of partition 0.
fn delete_before(topic: &str, offset: u64) {
    let file = std::env::temp_dir().join(unique("delete-records"));
    let partition = format!(r#"{{"topic":"{topic}","partition":0,"offset":{offset}}}"#);
    let text = format!(r#"{{"version":1,"partitions":[{partition}]}}"#);
    fs::write(&file, text).unwrap();
    let (bootstrap, path) = (shared().bootstrap(), file.to_str().unwrap());
    let arguments = ["--bootstrap-server", &bootstrap, "--offset-json-file", path];
    run(&mut shared().tool("org.apache.kafka.tools.DeleteRecordsCommand", &arguments));
    fs::remove_file(&file).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_on_at_the_first_kept_record() {
    if !required_or_skip("records that are gone") {
        return;
    }
    let log = open().await;
    let (topic, group) = (topic(&log, "gone", 1).await, unique("group"));
    append(&log, &topic, &["a", "b", "c", "d"]).await;
    let spec = session_spec(&group, &topic, None);
    let mut session = log.open_session(spec.clone()).await.unwrap();
    assigned(&mut session, 1).await;
    let seen = records(&mut session, 4).await;
    let after_first = position(&topic, Partition(0), seen[0].offset.next());
    session
        .commit(batch(vec![], vec![after_first]))
        .await
        .unwrap();
    // One that is open loses its place while it is paused.
    session.pause(&[Partition(0)]).await.unwrap();
    session.seek(Partition(0), seen[1].offset).await.unwrap();
    delete_before(topic.as_str(), 3);
    session.resume(&[Partition(0)]).await.unwrap();
    let rest = records(&mut session, 1).await;
    assert_eq!(rest.iter().map(text).collect::<Vec<_>>(), ["d"]);
    session.close().await;
    // One that is opened finds that its place is gone.
    let mut session = log.open_session(spec).await.unwrap();
    let at = assigned(&mut session, 1).await;
    let committed = at[0].committed.as_ref().map(|committed| committed.offset);
    assert_eq!(committed, Some(Offset(1)));
    let rest = records(&mut session, 1).await;
    assert_eq!(rest.iter().map(text).collect::<Vec<_>>(), ["d"]);
    append(&log, &topic, &["e"]).await;
    assert_eq!(text(&records(&mut session, 1).await[0]), "e");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committed_position_after_the_end_is_said() {
    if !required_or_skip("a position after the end") {
        return;
    }
    let log = open().await;
    let (topic, group) = (topic(&log, "beyond", 1).await, unique("group"));
    append(&log, &topic, &["a"]).await;
    let spec = session_spec(&group, &topic, None);
    let mut session = log.open_session(spec.clone()).await.unwrap();
    assigned(&mut session, 1).await;
    let beyond = position(&topic, Partition(0), Offset(100));
    session.commit(batch(vec![], vec![beyond])).await.unwrap();
    session.close().await;
    let mut session = log.open_session(spec).await.unwrap();
    let error = failure(&mut session).await;
    // Who follows from there is told each time.
    let mut reader = log.open_reader().await.unwrap();
    let mut positions = [Position {
        topic,
        partition: Partition(0),
        offset: Offset(100),
    }];
    for _ in 0..2 {
        let wait = Duration::from_secs(20);
        let followed = reader.follow(&mut positions, Limit::default(), wait).await;
        assert!(
            matches!(followed, Err(LogError::BeyondEnd { .. })),
            "{followed:?}"
        );
    }
    let said = error.to_string();
    assert!(matches!(error, LogError::Fenced { .. }), "{said}");
    assert!(
        said.contains("100") && said.contains("after the end 1"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_is_not_taken_for_the_old_one() {
    if !required_or_skip("a topic that is made anew") {
        return;
    }
    let log = open().await;
    let (topic, group) = (topic(&log, "anew", 1).await, unique("group"));
    append(&log, &topic, &["a", "b"]).await;
    let spec = session_spec(&group, &topic, None);
    let mut session = log.open_session(spec.clone()).await.unwrap();
    assigned(&mut session, 1).await;
    let seen = records(&mut session, 2).await;
    topics(shared(), &["--delete", "--topic", topic.as_str()]);
    let lost = poll_until(&mut session, |polled| match polled {
        Polled::Lost(lost) => Some(lost),
        _ => None,
    })
    .await;
    assert_eq!(lost, [Partition(0)]);
    in_time("closing", session.close()).await;
    log.ensure_topics(&[spec_of(topic.as_str(), 1)])
        .await
        .unwrap();
    let mut session = log.open_session(spec).await.unwrap();
    assigned(&mut session, 1).await;
    let error = session.seek(Partition(0), seen[1].offset.next()).await;
    assert!(
        matches!(error, Err(LogError::BeyondEnd { .. })),
        "{error:?}"
    );
    append(&log, &topic, &["new"]).await;
    assert_eq!(text(&records(&mut session, 1).await[0]), "new");
}

/// Who is asked for partitions while it closes gives them up all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_in_the_middle_of_a_hand_over_does_not_hang() {
    if !required_or_skip("a session that is closed while it hands over") {
        return;
    }
    let log = open().await;
    let topic = topic(&log, "closing", 4).await;
    let spec = session_spec(&unique("group"), &topic, None);
    let mut first = log.open_session(spec.clone()).await.unwrap();
    assigned(&mut first, 4).await;
    let mut second = log.open_session(spec).await.unwrap();
    let guard = poll_until(&mut first, |polled| match polled {
        Polled::Revoking(guard) => Some(guard),
        _ => None,
    })
    .await;
    in_time("closing while handing over", first.close()).await;
    assigned(&mut second, 4).await;
    drop(guard);
}

/// A partition that waits takes no room from the others, and comes back whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_partition_holds_up_no_other() {
    const MANY: usize = 30_000;
    if !required_or_skip("a partition that is paused with much to read") {
        return;
    }
    let log = open().await;
    let topic = topic(&log, "paused", 2).await;
    let numbers: Vec<_> = (0..MANY).map(|n| n.to_string()).collect();
    let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
    append(&log, &topic, &numbers).await;
    let spec = session_spec(&unique("group"), &topic, None);
    let mut session = log.open_session(spec).await.unwrap();
    assigned(&mut session, 2).await;
    // One record at a time, for as long as it takes to fill whatever lies between.
    let (mut seen, filled) = (Vec::new(), Instant::now() + Duration::from_secs(2));
    while seen.is_empty() || Instant::now() < filled {
        let polled = session.poll(Limit::records(1), Duration::from_millis(10));
        if let Polled::Records(more) = polled.await.unwrap() {
            seen.extend(more.iter().map(text));
        }
        assert!(seen.len() < MANY / 2, "too few records for this test");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    session.pause(&[Partition(0)]).await.unwrap();
    let appender = log.open_appender("test".into()).await.unwrap();
    let other = record(&topic, 1, "other");
    appender.append(vec![other]).await.unwrap();
    assert_eq!(text(&records(&mut session, 1).await[0]), "other");
    session.resume(&[Partition(0)]).await.unwrap();
    while seen.len() < MANY {
        seen.extend(records(&mut session, 1).await.iter().map(text));
    }
    assert!(seen == numbers, "a record was lost or came twice");
}
