//! Records and positions of a commit: all of them or none.

use bytes::Bytes;

use super::case::{Case, Harness, batch, consumed, keyed, new};
use crate::{
    Appender, CommitError, Consumed, EventLog, LogError, MAX_METADATA_BYTES, Offset, Outputs,
    Partition, Session, Topic,
};

/// A commit's records are readable where it says, and its position is the group's, also after a
/// restart.
pub async fn records_and_positions_come_together<H: Harness>(case: Case<H>) {
    let (input, output) = (case.topic(1).await, case.topic(2).await);
    let group = case.group();
    case.append(&input, &["a", "b"]).await;
    let mut session = case
        .session(&group, &input, Outputs::Atomic(case.writer()))
        .await;
    case.assigned(&mut session, 1).await;
    let read = case.records(&mut session, 2).await;
    let records = vec![
        new(&output, 1, "A"),
        new(&output, 0, "B"),
        new(&output, 1, "C"),
    ];
    let position = consumed(&input, 0, read[1].offset.next(), "done");
    let offsets = session
        .commit(batch(records, vec![position]))
        .await
        .expect("a commit succeeds");
    let first = case.committed(&output, 0, 1).await;
    let second = case.committed(&output, 1, 2).await;
    assert_eq!(
        [second[0].offset, first[0].offset, second[1].offset],
        offsets[..]
    );
    session.close().await;
    let case = case.reopened().await;
    assert_eq!(case.values(&output, 1).await, ["A", "C"]);
    assert_eq!(
        committed(&case, &group, &input).await,
        Some((read[1].offset.next(), "done".into()))
    );
}

/// An empty batch succeeds.
pub async fn an_empty_batch_is_nothing<H: Harness>(case: Case<H>) {
    let topic = case.topic(1).await;
    let mut session = case
        .session(&case.group(), &topic, Outputs::Atomic(case.writer()))
        .await;
    case.assigned(&mut session, 1).await;
    assert!(
        session
            .commit(batch(vec![], vec![]))
            .await
            .expect("nothing to fail")
            .is_empty()
    );
}

/// A batch of which any part is refused leaves nothing, and the session goes on.
pub async fn refused_batches_leave_nothing<H: Harness>(case: Case<H>) {
    let (input, output) = (case.topic(1).await, case.topic(1).await);
    case.append(&input, &["a"]).await;
    let group = case.group();
    let mut session = case
        .session(&group, &input, Outputs::Atomic(case.writer()))
        .await;
    case.assigned(&mut session, 1).await;
    let read = case.records(&mut session, 1).await;
    let next = read[0].offset.next();
    let good = || new(&output, 0, "good");
    let at = |offset, metadata: &str| consumed(&input, 0, offset, metadata);
    let nowhere = new(&Topic::from(case.unique("missing")), 0, "x");
    let too_long = "m".repeat(MAX_METADATA_BYTES + 1);
    let foreign = Consumed {
        topic: output.clone(),
        ..at(next, "")
    };
    let bad = [
        batch(vec![good(), nowhere], vec![at(next, "")]),
        batch(vec![good(), new(&output, 9, "x")], vec![at(next, "")]),
        batch(vec![good()], vec![at(next, &too_long)]),
        batch(vec![good()], vec![at(next, ""), at(next, "twice")]),
        batch(vec![good()], vec![foreign]),
    ];
    for bad in bad {
        let refused = session.commit(bad).await;
        assert!(
            matches!(refused, Err(CommitError::Refused(_))),
            "{refused:?}"
        );
    }
    assert!(case.read(&output, 0).await.is_empty());
    let longest = "m".repeat(MAX_METADATA_BYTES);
    let fine = batch(vec![good()], vec![at(next, &longest)]);
    session.commit(fine).await.expect("the session goes on");
    session.close().await;
    assert_eq!(case.committed_values(&output, 0, 1).await, ["good"]);
    assert_eq!(
        committed(&case, &group, &input).await,
        Some((next, longest))
    );
}

/// Without a writer a session commits positions and is refused records.
pub async fn sessions_without_a_writer_commit_positions_only<H: Harness>(case: Case<H>) {
    let (input, output) = (case.topic(1).await, case.topic(1).await);
    case.append(&input, &["a"]).await;
    let group = case.group();
    let mut session = case.session(&group, &input, Outputs::PositionsOnly).await;
    case.assigned(&mut session, 1).await;
    let next = case.records(&mut session, 1).await[0].offset.next();
    let position = consumed(&input, 0, next, "");
    let refused = session
        .commit(batch(vec![new(&output, 0, "x")], vec![position.clone()]))
        .await;
    let reason = matches!(refused, Err(CommitError::Refused(LogError::Refused { .. })));
    assert!(reason, "{refused:?}");
    session
        .commit(batch(vec![], vec![position]))
        .await
        .expect("positions can be committed");
    session.close().await;
    assert!(case.read(&output, 0).await.is_empty());
    assert_eq!(
        committed(&case, &group, &input).await,
        Some((next, String::new()))
    );
}

/// Commits and plain appends to the same partition at the same time: everything once, each in
/// its own order.
pub async fn commits_take_turns_with_appends<H: Harness>(case: Case<H>) {
    const EACH: u64 = 30;
    let (input, output) = (case.topic(1).await, case.topic(1).await);
    let appender = case
        .log
        .open_appender(case.writer())
        .await
        .expect("an appender opens");
    let topic = output.clone();
    let appending = tokio::spawn(async move {
        for n in 0..EACH {
            let record = keyed(&topic, "append", Some(&n.to_string()));
            appender
                .append(vec![record])
                .await
                .expect("an append succeeds");
        }
    });
    let mut session = case
        .session(&case.group(), &input, Outputs::Atomic(case.writer()))
        .await;
    case.assigned(&mut session, 1).await;
    for n in 0..EACH {
        let record = keyed(&output, "commit", Some(&n.to_string()));
        let position = consumed(&input, 0, Offset::ZERO, &n.to_string());
        session
            .commit(batch(vec![record], vec![position]))
            .await
            .expect("a commit succeeds");
    }
    appending.await.expect("the appender does not panic");
    let all = usize::try_from(2 * EACH).expect("small");
    let read = case.committed(&output, 0, all).await;
    for key in ["append", "commit"] {
        let own = read.iter().filter(|r| r.key == Some(Bytes::from(key)));
        let own: Vec<_> = own.map(super::case::text).collect();
        assert_eq!(
            own,
            (0..EACH).map(|n| n.to_string()).collect::<Vec<_>>(),
            "{key}"
        );
    }
}

/// What a new member of the group is told about partition 0.
async fn committed<H: Harness>(
    case: &Case<H>,
    group: &crate::GroupName,
    topic: &Topic,
) -> Option<(Offset, String)> {
    let mut session = case.session(group, topic, Outputs::PositionsOnly).await;
    let count = case
        .log
        .partitions(topic)
        .await
        .expect("the topic is there");
    let assigned = case.assigned(&mut session, count as usize).await;
    let zero = assigned.into_iter().find(|a| a.partition == Partition(0));
    let committed = zero.expect("partition 0 is assigned").committed;
    session.close().await;
    committed.map(|c| (c.offset, String::from_utf8_lossy(&c.metadata).into_owned()))
}
