//! Sessions of a group share the partitions, and a partition changes hands in good order.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::case::{Case, Harness, batch, consumed, poll, text};
use crate::{Offset, Outputs, Partition, Polled, Revoking, Session, Topic};

const STEP: Duration = Duration::from_millis(20);

/// Alone in its group a session owns every partition and reads all of them.
pub async fn one_session_gets_everything<H: Harness>(case: Case<H>) {
    let topic = case.topic(3).await;
    case.append_all((0..3).map(|p| super::case::new(&topic, p, "x")).collect())
        .await;
    let mut session = case
        .session(&case.group(), &topic, Outputs::PositionsOnly)
        .await;
    let assigned = case.assigned(&mut session, 3).await;
    assert!(assigned.iter().all(|a| a.committed.is_none()));
    let records = case.records(&mut session, 3).await;
    let partitions: BTreeSet<_> = records.iter().map(|r| r.partition.0).collect();
    assert_eq!(partitions, BTreeSet::from([0, 1, 2]));
}

/// Two sessions of a group end up with disjoint, even shares; another group has its own.
pub async fn two_sessions_share<H: Harness>(case: Case<H>) {
    let topic = case.topic(4).await;
    let group = case.group();
    let mut first = case.session(&group, &topic, Outputs::PositionsOnly).await;
    case.assigned(&mut first, 4).await;
    let mut second = case.session(&group, &topic, Outputs::PositionsOnly).await;
    let (mut a, mut b) = (owned(0..4), BTreeSet::new());
    settle(&case, &mut first, &mut a, &mut second, &mut b).await;
    assert_eq!((a.len(), b.len()), (2, 2), "{a:?} {b:?}");
    let mut other = case
        .session(&case.group(), &topic, Outputs::PositionsOnly)
        .await;
    case.assigned(&mut other, 4).await;
}

/// A session for which there is no partition learns that it is a member all the same.
pub async fn who_gets_nothing_hears_so<H: Harness>(case: Case<H>) {
    let topic = case.topic(1).await;
    let group = case.group();
    let mut first = case.session(&group, &topic, Outputs::PositionsOnly).await;
    case.assigned(&mut first, 1).await;
    let mut second = case.session(&group, &topic, Outputs::PositionsOnly).await;
    let deadline = case.deadline();
    loop {
        assert!(
            Instant::now() < deadline,
            "the second session heard nothing"
        );
        let polled = poll(&mut first, STEP).await;
        assert!(
            matches!(polled, Polled::Idle | Polled::Assigned(_)),
            "the first keeps what it has: {polled:?}"
        );
        if let Polled::Assigned(assigned) = poll(&mut second, STEP).await {
            assert!(assigned.is_empty(), "{assigned:?}");
            break;
        }
    }
}

/// When a session closes, or is dropped, its partitions go to those that stay, from where it
/// committed.
pub async fn what_leaves_goes_to_the_others<H: Harness>(case: Case<H>) {
    let topic = case.topic(2).await;
    let group = case.group();
    case.append(&topic, &["a", "b", "c"]).await;
    let mut first = case.session(&group, &topic, Outputs::PositionsOnly).await;
    case.assigned(&mut first, 2).await;
    let records = case.records(&mut first, 3).await;
    let position = consumed(&topic, 0, records[1].offset, "two left");
    first
        .commit(batch(vec![], vec![position]))
        .await
        .expect("a commit succeeds");
    first.close().await;
    let mut second = case.session(&group, &topic, Outputs::PositionsOnly).await;
    let assigned = case.assigned(&mut second, 2).await;
    let committed = assigned[0]
        .committed
        .as_ref()
        .expect("a position was committed");
    assert_eq!(
        (committed.offset, &committed.metadata[..]),
        (records[1].offset, &b"two left"[..])
    );
    let read = case.records(&mut second, 2).await;
    assert_eq!(read.iter().map(text).collect::<Vec<_>>(), ["b", "c"]);
    drop(second);
    let mut third = case.session(&group, &topic, Outputs::PositionsOnly).await;
    case.assigned(&mut third, 2).await;
}

/// While the guard is held nobody else gets the partitions; when it is dropped they move.
pub async fn hand_over_waits_for_the_guard<H: Harness>(case: Case<H>) {
    let (_topic, mut first, mut second, guard) = handing_over(&case).await;
    let leaving: BTreeSet<_> = guard.partitions.iter().copied().collect();
    let until = Instant::now() + case.harness.hand_over() / 4;
    while Instant::now() < until {
        let polled = poll(&mut second, STEP).await;
        let Polled::Assigned(assigned) = polled else {
            continue;
        };
        let early: Vec<_> = assigned
            .iter()
            .filter(|a| leaving.contains(&a.partition))
            .collect();
        assert!(
            early.is_empty(),
            "moved while the guard was held: {early:?}"
        );
    }
    drop(guard);
    let (mut a, mut b) = (owned(0..4), BTreeSet::new());
    a.retain(|p| !leaving.contains(p));
    settle(&case, &mut first, &mut a, &mut second, &mut b).await;
    assert!(!b.is_empty());
}

/// A guard that is held too long loses the partitions, and says so to its holder.
pub async fn an_overdue_hand_over_is_lost<H: Harness>(case: Case<H>) {
    let (topic, mut first, mut second, guard) = handing_over(&case).await;
    let leaving: BTreeSet<_> = guard.partitions.iter().copied().collect();
    let deadline = case.deadline();
    let (mut lost, mut gained) = (BTreeSet::new(), BTreeSet::new());
    while lost.is_empty() || gained.is_empty() {
        assert!(
            Instant::now() < deadline,
            "lost {lost:?}, gained {gained:?} of {leaving:?}"
        );
        if let Polled::Lost(partitions) = poll(&mut first, STEP).await {
            lost.extend(partitions);
        }
        if let Polled::Assigned(assigned) = poll(&mut second, STEP).await {
            gained.extend(assigned.iter().map(|a| a.partition));
        }
    }
    assert!(
        gained.is_subset(&leaving) && leaving.is_subset(&lost),
        "{lost:?} {gained:?}"
    );
    let partition = leaving.first().expect("something was leaving").0;
    let late = first
        .commit(batch(
            vec![],
            vec![consumed(&topic, partition, Offset(0), "")],
        ))
        .await;
    assert!(
        matches!(late, Err(crate::CommitError::Fenced { .. })),
        "{late:?}"
    );
    drop(guard);
}

/// Who has lost partitions and has them again, and was told of neither, commits nothing of
/// before: another one may have gone on from there.
pub async fn what_came_back_untold_is_not_committed<H: Harness>(case: Case<H>) {
    let (topic, mut first, mut second, guard) = handing_over(&case).await;
    let deadline = case.deadline();
    let gained = loop {
        assert!(Instant::now() < deadline, "the hand-over is never overdue");
        if let Polled::Assigned(assigned) = poll(&mut second, STEP).await
            && let Some(gained) = assigned.first()
        {
            break gained.partition.0;
        }
    };
    let newer = consumed(&topic, gained, Offset(0), "newer");
    let committed = second.commit(batch(vec![], vec![newer])).await;
    committed.expect("the owner may commit");
    second.close().await;
    let older = consumed(&topic, gained, Offset(0), "older");
    let late = first.commit(batch(vec![], vec![older])).await;
    assert!(
        matches!(late, Err(crate::CommitError::Fenced { .. })),
        "{late:?}"
    );
    drop(guard);
}

/// A commit under the guard succeeds, and the next owner starts from it.
pub async fn commits_while_handing_over_count<H: Harness>(case: Case<H>) {
    let (topic, mut first, mut second, guard) = handing_over(&case).await;
    let leaving = guard.partitions.clone();
    let positions = leaving
        .iter()
        .map(|p| consumed(&topic, p.0, Offset(0), "handed over"));
    first
        .commit(batch(vec![], positions.collect()))
        .await
        .expect("a commit under the guard");
    drop(guard);
    let deadline = case.deadline();
    loop {
        assert!(Instant::now() < deadline, "{leaving:?} did not move");
        // An engine that revokes everything assigns some of it to the first again.
        let _ = poll(&mut first, STEP).await;
        let Polled::Assigned(assigned) = poll(&mut second, STEP).await else {
            continue;
        };
        for gained in &assigned {
            let committed = gained.committed.as_ref();
            let committed = committed.expect("the position that was just committed");
            assert_eq!(&committed.metadata[..], b"handed over");
        }
        if !assigned.is_empty() {
            return;
        }
    }
}

type SessionOf<H> = <<H as Harness>::Log as crate::EventLog>::Session;

/// A session that owns four partitions and is asked to give some to a second one.
async fn handing_over<H: Harness>(case: &Case<H>) -> (Topic, SessionOf<H>, SessionOf<H>, Revoking) {
    let topic = case.topic(4).await;
    let group = case.group();
    let mut first = case.session(&group, &topic, Outputs::PositionsOnly).await;
    case.assigned(&mut first, 4).await;
    let mut second = case.session(&group, &topic, Outputs::PositionsOnly).await;
    let deadline = case.deadline();
    loop {
        assert!(Instant::now() < deadline, "nothing was revoked");
        if let Polled::Revoking(guard) = poll(&mut first, STEP).await {
            assert!(!guard.partitions.is_empty());
            return (topic, first, second, guard);
        }
        let early = poll(&mut second, STEP).await;
        assert!(
            !matches!(early, Polled::Assigned(some) if !some.is_empty()),
            "assigned before it was revoked"
        );
    }
}

fn owned(partitions: std::ops::Range<u32>) -> BTreeSet<Partition> {
    partitions.map(Partition).collect()
}

/// Polls both until together they own four partitions and both own some.
async fn settle<H: Harness, S: Session>(
    case: &Case<H>,
    first: &mut S,
    a: &mut BTreeSet<Partition>,
    second: &mut S,
    b: &mut BTreeSet<Partition>,
) {
    let deadline = case.deadline();
    while a.len() + b.len() != 4 || a.is_empty() || b.is_empty() {
        assert!(Instant::now() < deadline, "did not settle: {a:?} {b:?}");
        for (session, owned) in [(&mut *first, &mut *a), (&mut *second, &mut *b)] {
            match poll(session, STEP).await {
                Polled::Assigned(more) => owned.extend(more.iter().map(|a| a.partition)),
                Polled::Revoking(leaving) => owned.retain(|p| !leaving.partitions.contains(p)),
                Polled::Lost(lost) => owned.retain(|p| !lost.contains(p)),
                Polled::Records(_) | Polled::Idle => {}
            }
        }
        assert!(a.is_disjoint(b), "owned twice: {a:?} {b:?}");
    }
}
