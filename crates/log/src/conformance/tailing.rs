//! New records reach those who wait for them.

use std::time::{Duration, Instant};

use super::case::{Case, Harness, new, text};
use crate::{
    Appender, EventLog, Limit, Offset, Outputs, Partition, Polled, Position, Reader, Session,
};

/// A reader that follows several partitions gets every record of each, in order, once, and
/// nothing when there is nothing.
pub async fn a_reader_follows<H: Harness>(case: Case<H>) {
    const EACH: usize = 50;
    let (one, two) = (case.topic(2).await, case.topic(1).await);
    let mut reader = case.log.open_reader().await.expect("a reader opens");
    let place = |topic: &crate::Topic, partition| Position {
        topic: topic.clone(),
        partition: Partition(partition),
        offset: Offset::ZERO,
    };
    let mut positions = [place(&one, 0), place(&one, 1), place(&two, 0)];
    let nothing = reader
        .follow(&mut positions, Limit::default(), Duration::from_millis(1))
        .await;
    assert!(nothing.expect("following").is_empty());
    let appender = case
        .log
        .open_appender(case.writer())
        .await
        .expect("an appender opens");
    let targets = [(one.clone(), 0), (one, 1), (two, 0)];
    let sent = targets.clone();
    let appending = tokio::spawn(async move {
        for n in 0..EACH {
            for (topic, partition) in &sent {
                let record = new(topic, *partition, &n.to_string());
                appender
                    .append(vec![record])
                    .await
                    .expect("an append succeeds");
            }
        }
    });
    let (mut seen, deadline) = (Vec::new(), case.deadline());
    while seen.len() < EACH * targets.len() {
        assert!(Instant::now() < deadline, "{} records seen", seen.len());
        let wait = Duration::from_secs(1);
        seen.extend(
            reader
                .follow(&mut positions, Limit::records(7), wait)
                .await
                .expect("records"),
        );
    }
    appending.await.expect("the appender does not panic");
    for (topic, partition) in targets {
        let own = seen
            .iter()
            .filter(|r| r.topic == topic && r.partition == Partition(partition));
        let own: Vec<_> = own.map(text).collect();
        assert_eq!(own, (0..EACH).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

/// What is there comes however short the wait is; only then comes nothing.
pub async fn following_without_waiting_misses_nothing<H: Harness>(case: Case<H>) {
    let topic = case.topic(3).await;
    let place = |partition| Position {
        topic: topic.clone(),
        partition: Partition(partition),
        offset: Offset::ZERO,
    };
    for round in 1..=2 {
        case.append_all((0..20).map(|n| new(&topic, n % 2, "x")).collect())
            .await;
        let mut reader = case.log.open_reader().await.expect("a reader opens");
        let mut positions = [place(0), place(1), place(2)];
        let mut seen = 0;
        loop {
            let limit = Limit::records(7);
            let records = reader.follow(&mut positions, limit, Duration::ZERO).await;
            let records = records.expect("following");
            seen += records.len();
            if records.is_empty() {
                break;
            }
        }
        assert_eq!(seen, 20 * round);
    }
}

/// A waiting poll returns with the record, long before its wait is over.
pub async fn a_session_sees_new_records_at_once<H: Harness>(case: Case<H>) {
    let topic = case.topic(1).await;
    let mut session = case
        .session(&case.group(), &topic, Outputs::PositionsOnly)
        .await;
    case.assigned(&mut session, 1).await;
    let wait = case.harness.patience();
    let polling = tokio::spawn(async move {
        loop {
            let polled = session
                .poll(Limit::default(), wait)
                .await
                .expect("a poll succeeds");
            if let Polled::Records(records) = polled {
                return records;
            }
        }
    });
    let started = Instant::now();
    case.append(&topic, &["now"]).await;
    let records = polling.await.expect("the session does not panic");
    assert_eq!(text(&records[0]), "now");
    assert!(started.elapsed() < wait / 2, "took {:?}", started.elapsed());
}

/// Polls that are dropped while they wait, as in `select!`, lose and repeat nothing.
pub async fn a_dropped_poll_loses_nothing<H: Harness>(case: Case<H>) {
    const COUNT: usize = 200;
    let topic = case.topic(2).await;
    let mut session = case
        .session(&case.group(), &topic, Outputs::PositionsOnly)
        .await;
    let appender = case
        .log
        .open_appender(case.writer())
        .await
        .expect("an appender opens");
    let sent = topic.clone();
    let appending = tokio::spawn(async move {
        for n in 0..COUNT {
            let record = new(&sent, 0, &n.to_string());
            appender
                .append(vec![record])
                .await
                .expect("an append succeeds");
        }
    });
    let (mut seen, mut assigned, deadline) = (Vec::new(), 0, case.deadline());
    let mut ticks = tokio::time::interval(Duration::from_micros(300));
    while seen.len() < COUNT {
        assert!(Instant::now() < deadline, "{} records seen", seen.len());
        tokio::select! {
            biased;
            _ = ticks.tick() => {}
            polled = session.poll(Limit::records(3), Duration::from_secs(1)) => {
                match polled.expect("a poll succeeds") {
                    Polled::Assigned(more) => assigned += more.len(),
                    Polled::Records(records) => seen.extend(records.iter().map(text)),
                    _ => {}
                }
            }
        }
    }
    appending.await.expect("the appender does not panic");
    assert_eq!(assigned, 2);
    assert_eq!(seen, (0..COUNT).map(|n| n.to_string()).collect::<Vec<_>>());
}
