//! Coming back to where one was, and reading exactly that far.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::case::{Case, Harness, batch, consumed, new, poll, read_from, text};
use crate::{
    EventLog, Limit, LogError, Offset, Outputs, Partition, Polled, Reader, Record, Session, Topic,
    last_record,
};

/// After a restart the group's positions and metadata are there, and reading goes on from them.
pub async fn positions_and_metadata_come_back<H: Harness>(case: Case<H>) {
    let topic = case.topic(2).await;
    let group = case.group();
    let offsets = case.append(&topic, &["a", "b", "c"]).await;
    let mut session = case.session(&group, &topic, Outputs::PositionsOnly).await;
    case.assigned(&mut session, 2).await;
    for (n, metadata) in ["old", "open since 7"].iter().enumerate() {
        let position = consumed(&topic, 0, offsets[n].next(), metadata);
        session
            .commit(batch(vec![], vec![position]))
            .await
            .expect("a commit succeeds");
    }
    session.close().await;
    let case = case.reopened().await;
    let mut session = case.session(&group, &topic, Outputs::PositionsOnly).await;
    let assigned = case.assigned(&mut session, 2).await;
    let committed = assigned[0]
        .committed
        .as_ref()
        .expect("a position was committed");
    assert_eq!(committed.offset, offsets[1].next());
    assert_eq!(&committed.metadata[..], b"open since 7");
    assert_eq!(assigned[1].committed, None);
    assert_eq!(
        case.records(&mut session, 1)
            .await
            .iter()
            .map(text)
            .collect::<Vec<_>>(),
        ["c"]
    );
}

/// What one group commits no other sees.
pub async fn groups_do_not_share_positions<H: Harness>(case: Case<H>) {
    let topic = case.topic(1).await;
    let offsets = case.append(&topic, &["a", "b"]).await;
    let mut first = case
        .session(&case.group(), &topic, Outputs::PositionsOnly)
        .await;
    case.assigned(&mut first, 1).await;
    let position = consumed(&topic, 0, offsets[1].next(), "");
    first
        .commit(batch(vec![], vec![position]))
        .await
        .expect("a commit succeeds");
    let mut second = case
        .session(&case.group(), &topic, Outputs::PositionsOnly)
        .await;
    assert_eq!(case.assigned(&mut second, 1).await[0].committed, None);
    assert_eq!(case.records(&mut second, 2).await.len(), 2);
}

/// `at_end` comes with the last page and not before, in an empty partition too; commits and
/// their gaps in between make no difference.
pub async fn reading_ends_at_the_end<H: Harness>(case: Case<H>) {
    let (input, topic) = (case.topic(1).await, case.topic(2).await);
    let mut reader = case.log.open_reader().await.expect("a reader opens");
    let empty = reader
        .read(&topic, Partition(1), Offset::ZERO, Limit::default())
        .await;
    assert!(empty.expect("an empty partition can be read").at_end);
    let mut session = case
        .session(&case.group(), &input, Outputs::Atomic(case.writer()))
        .await;
    case.assigned(&mut session, 1).await;
    for n in 0..10 {
        case.append(&topic, &[&format!("append {n}")]).await;
        let record = new(&topic, 0, &format!("commit {n}"));
        let position = consumed(&input, 0, Offset::ZERO, "");
        session
            .commit(batch(vec![record], vec![position]))
            .await
            .expect("a commit succeeds");
    }
    let all = case.committed(&topic, 0, 20).await;
    assert_eq!(all.len(), 20);
    let middle = read_from(&case.log, &topic, 0, all[12].offset).await;
    assert_eq!(middle, all[12..]);
    let bounds = reader.bounds(&topic, Partition(0)).await.expect("bounds");
    assert!(
        bounds.first <= all[0].offset && bounds.end > all[19].offset,
        "{bounds:?}"
    );
    let last = reader
        .read(
            &topic,
            Partition(0),
            all[19].offset.next(),
            Limit::default(),
        )
        .await;
    let last = last.expect("reading at the end");
    assert!(last.at_end && last.records.is_empty());
}

/// The last record is found whatever the end looks like: after an append, after a commit, where
/// there is none.
pub async fn the_last_record_is_found<H: Harness>(case: Case<H>) {
    let (input, topic) = (case.topic(1).await, case.topic(2).await);
    let mut reader = case.log.open_reader().await.expect("a reader opens");
    let mut session = case
        .session(&case.group(), &input, Outputs::Atomic(case.writer()))
        .await;
    case.assigned(&mut session, 1).await;
    for n in 0..40 {
        if n % 3 == 0 {
            case.append(&topic, &[&format!("append {n}")]).await;
        } else {
            let record = new(&topic, 0, &format!("commit {n}"));
            let position = consumed(&input, 0, Offset::ZERO, "");
            session
                .commit(batch(vec![record], vec![position]))
                .await
                .expect("a commit succeeds");
        }
        let all = case.committed(&topic, 0, n + 1).await;
        let last = last_record(&mut reader, &topic, Partition(0)).await;
        let expected = all.last().map(|record| record.offset);
        assert_eq!(last.expect("the log can be read"), expected);
    }
    let none = last_record(&mut reader, &topic, Partition(1)).await;
    assert_eq!(none.expect("the log can be read"), None);
}

/// A position that the partition has not reached is named, not waited for.
pub async fn a_position_after_the_end_is_an_error<H: Harness>(case: Case<H>) {
    let topic = case.topic(1).await;
    case.append(&topic, &["a"]).await;
    let mut reader = case.log.open_reader().await.expect("a reader opens");
    let beyond = reader
        .read(&topic, Partition(0), Offset(1_000_000), Limit::default())
        .await;
    assert!(
        matches!(beyond, Err(LogError::BeyondEnd { .. })),
        "{beyond:?}"
    );
    let mut session = case
        .session(&case.group(), &topic, Outputs::PositionsOnly)
        .await;
    case.assigned(&mut session, 1).await;
    let beyond = session.seek(Partition(0), Offset(1_000_000)).await;
    assert!(
        matches!(beyond, Err(LogError::BeyondEnd { .. })),
        "{beyond:?}"
    );
    assert_eq!(case.records(&mut session, 1).await.len(), 1);
}

/// Seeking moves reading and nothing else; partitions of others cannot be sought.
pub async fn seek_goes_back_and_forth<H: Harness>(case: Case<H>) {
    let topic = case.topic(1).await;
    let offsets = case.append(&topic, &["a", "b", "c", "d"]).await;
    let group = case.group();
    let mut session = case.session(&group, &topic, Outputs::PositionsOnly).await;
    let early = session.seek(Partition(0), Offset::ZERO).await;
    assert!(
        matches!(early, Err(LogError::NotAssigned { .. })),
        "{early:?}"
    );
    case.assigned(&mut session, 1).await;
    session
        .seek(Partition(0), offsets[2])
        .await
        .expect("forward");
    assert_eq!(texts(&case.records(&mut session, 2).await), ["c", "d"]);
    session.seek(Partition(0), offsets[1]).await.expect("back");
    assert_eq!(texts(&case.records(&mut session, 3).await), ["b", "c", "d"]);
    session
        .seek(Partition(0), offsets[3].next())
        .await
        .expect("to the end");
    case.append(&topic, &["e"]).await;
    assert_eq!(texts(&case.records(&mut session, 1).await), ["e"]);
    session.close().await;
    let mut session = case.session(&group, &topic, Outputs::PositionsOnly).await;
    assert_eq!(case.assigned(&mut session, 1).await[0].committed, None);
}

/// A paused partition yields nothing until it is resumed, and then everything.
pub async fn paused_partitions_stay_silent<H: Harness>(case: Case<H>) {
    let topic = case.topic(2).await;
    let mut session = case
        .session(&case.group(), &topic, Outputs::PositionsOnly)
        .await;
    case.assigned(&mut session, 2).await;
    session.pause(&[Partition(0)]).await.expect("paused");
    case.append_all(vec![new(&topic, 0, "held"), new(&topic, 1, "through")])
        .await;
    assert_eq!(texts(&case.records(&mut session, 1).await), ["through"]);
    case.append_all(vec![new(&topic, 1, "also through")]).await;
    assert_eq!(
        texts(&case.records(&mut session, 1).await),
        ["also through"]
    );
    session
        .resume(&[Partition(0), Partition(1)])
        .await
        .expect("resumed");
    assert_eq!(texts(&case.records(&mut session, 1).await), ["held"]);
}

/// No read or poll returns more than it was asked for, and the first record always comes.
pub async fn limits_are_kept<H: Harness>(case: Case<H>) {
    let topic: Topic = case.topic(1).await;
    let big = "x".repeat(1000);
    case.append(&topic, &[big.as_str(); 10]).await;
    let limit = |records, bytes| Limit {
        records: NonZeroUsize::new(records).expect("not zero"),
        bytes: NonZeroUsize::new(bytes).expect("not zero"),
    };
    let mut reader = case.log.open_reader().await.expect("a reader opens");
    for (limit, most) in [
        (limit(3, 1 << 20), 3),
        (limit(100, 2500), 2),
        (limit(100, 1), 1),
    ] {
        let page = reader
            .read(&topic, Partition(0), Offset::ZERO, limit)
            .await
            .expect("a page");
        assert!(
            (1..=most).contains(&page.records.len()),
            "{} for {limit:?}",
            page.records.len()
        );
        assert_eq!(
            page.next,
            page.records.last().expect("not empty").offset.next()
        );
        assert!(!page.at_end);
    }
    let mut session = case
        .session(&case.group(), &topic, Outputs::PositionsOnly)
        .await;
    case.assigned(&mut session, 1).await;
    let (mut seen, deadline) = (0, case.deadline());
    while seen < 10 {
        assert!(std::time::Instant::now() < deadline, "{seen} seen");
        let polled = session
            .poll(limit(3, 1 << 20), Duration::from_millis(50))
            .await;
        if let Polled::Records(records) = polled.expect("a poll succeeds") {
            assert!((1..=3).contains(&records.len()));
            seen += records.len();
        }
    }
    assert!(matches!(
        poll(&mut session, Duration::from_millis(1)).await,
        Polled::Idle
    ));
}

fn texts(records: &[Record]) -> Vec<String> {
    records.iter().map(text).collect()
}
