//! Who has lost its place cannot write any more.

use std::time::Duration;

use super::case::{Case, Harness, batch, consumed, new};
use crate::{CommitError, Limit, LogError, Offset, Outputs, Session};

/// A second session under the same writer name fences the first, whose commit leaves nothing.
pub async fn a_writer_opened_again_fences_the_first<H: Harness>(case: Case<H>) {
    let (input, output) = (case.topic(1).await, case.topic(1).await);
    let (group, writer) = (case.group(), case.writer());
    let mut first = case
        .session(&group, &input, Outputs::Atomic(writer.clone()))
        .await;
    case.assigned(&mut first, 1).await;
    let position = |metadata: &str| vec![consumed(&input, 0, Offset::ZERO, metadata)];
    let mine = batch(vec![new(&output, 0, "mine")], position("mine"));
    first.commit(mine).await.expect("a commit succeeds");
    let mut second = case.session(&group, &input, Outputs::Atomic(writer)).await;
    let zombie = batch(vec![new(&output, 0, "zombie")], position("zombie"));
    let fenced = first.commit(zombie).await;
    assert!(
        matches!(fenced, Err(CommitError::Fenced { .. })),
        "{fenced:?}"
    );
    first.close().await;
    let assigned = case.assigned(&mut second, 1).await;
    let metadata = assigned[0].committed.as_ref().map(|c| c.metadata.clone());
    assert_eq!(metadata.as_deref(), Some(&b"mine"[..]));
    let next = batch(vec![new(&output, 0, "next")], position("next"));
    second.commit(next).await.expect("the second may commit");
    assert_eq!(case.committed_values(&output, 0, 2).await, ["mine", "next"]);
}

/// Everything but closing fails on a session that found itself fenced.
pub async fn a_fenced_session_is_over<H: Harness>(case: Case<H>) {
    let topic = case.topic(1).await;
    let (group, writer) = (case.group(), case.writer());
    let mut first = case
        .session(&group, &topic, Outputs::Atomic(writer.clone()))
        .await;
    case.assigned(&mut first, 1).await;
    let _second = case.session(&group, &topic, Outputs::Atomic(writer)).await;
    let position = || batch(vec![], vec![consumed(&topic, 0, Offset::ZERO, "")]);
    for _ in 0..2 {
        let fenced = first.commit(position()).await;
        assert!(
            matches!(fenced, Err(CommitError::Fenced { .. })),
            "{fenced:?}"
        );
    }
    let polled = first
        .poll(Limit::default(), Duration::from_millis(10))
        .await;
    assert!(matches!(polled, Err(LogError::Fenced { .. })), "{polled:?}");
    first.close().await;
}

/// A session whose partition went to another cannot commit for it, neither positions nor
/// records beside them; that is how an older generation is kept out.
pub async fn a_partition_that_was_lost_cannot_be_committed<H: Harness>(case: Case<H>) {
    let (input, output) = (case.topic(2).await, case.topic(1).await);
    let group = case.group();
    let mut first = case
        .session(&group, &input, Outputs::Atomic(case.writer()))
        .await;
    case.assigned(&mut first, 2).await;
    let mut second = case
        .session(&group, &input, Outputs::Atomic(case.writer()))
        .await;
    let deadline = case.deadline();
    let moved = loop {
        assert!(std::time::Instant::now() < deadline, "nothing moved");
        // Dropping what is returned grants the hand-over.
        drop(super::case::poll(&mut first, Duration::from_millis(20)).await);
        let polled = super::case::poll(&mut second, Duration::from_millis(20)).await;
        if let crate::Polled::Assigned(assigned) = polled
            && let Some(first) = assigned.first()
        {
            break first.partition;
        }
    };
    let position = consumed(&input, moved.0, Offset::ZERO, "zombie");
    let zombie = batch(vec![new(&output, 0, "zombie")], vec![position]);
    let fenced = first.commit(zombie).await;
    assert!(
        matches!(fenced, Err(CommitError::Fenced { .. })),
        "{fenced:?}"
    );
    let position = consumed(&input, moved.0, Offset::ZERO, "owner");
    let owner = batch(vec![new(&output, 0, "owner")], vec![position]);
    second.commit(owner).await.expect("the owner may commit");
    assert_eq!(case.committed_values(&output, 0, 1).await, ["owner"]);
}
