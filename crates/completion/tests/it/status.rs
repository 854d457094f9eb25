//! What the API is told.

use std::time::Duration;

use triggerfish_api::ports::{Invocations, ListQuery, Verdict};
use triggerfish_core::{
    InvocationId, InvocationKey, Mode, Observation, SubscriptionId,
    subscription::{AuthenticationType, DispatchMode, HttpConfig, SubscriptionType},
};
use triggerfish_registry::{NewSubscription, Settings};
use triggerfish_runtime::Clock;

use crate::world::{Asked, LIFETIME, World, complete, eventually, report};

#[tokio::test]
async fn completions_are_judged_by_what_the_fold_made_of_them() {
    let world = World::new().await;
    let running = world.worker(world.appender.clone()).await;
    let status = world.status(&running).await;
    let done = world.request(&Asked::new(0, 1)).await;
    let failed = world.request(&Asked::new(1, 2)).await;
    let fire = Asked {
        mode: Mode::FireAndForget,
        ..Asked::new(1, 3)
    };
    let fire = world.request(&fire).await;
    let late = world.request(&Asked::new(0, 4)).await;
    let unknown = InvocationId::new(world.clock.now(), 0, InvocationKey(99));
    let elsewhere = InvocationId::new(world.clock.now(), 77, InvocationKey(1));
    let other_time = InvocationId::new(
        done.time().after(Duration::from_secs(1)),
        done.partition(),
        done.key(),
    );

    let output = Some(r#"{"approved":true,"list":[1,2]}"#);
    let spaced = Some("{ \"list\" : [1, 2],\n \"approved\": true }");
    let closed = |outcome| Verdict::AlreadyClosed { outcome };
    let table = [
        (unknown, report(output, None), Verdict::Unknown),
        (elsewhere, report(output, None), Verdict::Unknown),
        (other_time, report(output, None), Verdict::Unknown),
        (fire, report(output, None), Verdict::NothingOwed),
        (done, report(output, None), Verdict::Accepted),
        (done, report(output, None), Verdict::Repeated),
        (done, report(spaced, None), Verdict::Repeated),
        (done, report(Some("{}"), None), closed("COMPLETED")),
        (done, report(None, None), closed("COMPLETED")),
        (done, report(output, Some("no")), closed("COMPLETED")),
        (failed, report(output, Some("no")), Verdict::Accepted),
        (failed, report(spaced, Some("no")), Verdict::Repeated),
        (failed, report(output, Some("not so")), closed("FAILED")),
        (failed, report(output, None), closed("FAILED")),
    ];
    for (id, report, expected) in table {
        let verdict = complete(&status, id, report.clone()).await;
        assert_eq!(verdict, Ok(expected), "{id}: {report:?}");
    }
    // Requested, completed, and what was refused; repetitions say nothing new.
    let records = world.read_all(&world.topics.invocation_log).await;
    let about = |id: InvocationId| {
        let records = records.iter();
        records
            .filter(|record| record.key.as_deref() == Some(id.as_bytes().as_slice()))
            .count()
    };
    assert_eq!((about(done), about(failed), about(fire)), (5, 4, 2));

    world.clock.wait(LIFETIME);
    let deadline = status.get(late).await.unwrap().unwrap().request.deadline;
    let expected = Ok(Verdict::AfterDeadline { deadline });
    // Whether the deadline has been reported by then or not.
    assert_eq!(
        complete(&status, late, report(output, None)).await,
        expected
    );
    world.wake.notify_one();
    eventually("it is expired", async || {
        let found = status.get(late).await.unwrap().unwrap();
        !found.is_open()
    })
    .await;
    assert_eq!(
        complete(&status, late, report(output, None)).await,
        expected
    );
    running.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_a_moment_ago_is_found() {
    let world = World::new().await;
    let running = world.worker(world.appender.clone()).await;
    let status = world.status(&running).await;
    for key in 0..30 {
        let id = world.request(&Asked::new(0, key)).await;
        assert!(status.get(id).await.unwrap().is_some());
    }
    eventually("nothing is pending", async || {
        let pending = status.pending().await.unwrap();
        pending.iter().all(|topic| topic.count == 0)
    })
    .await;
    running.stop().await;
}

async fn subscription(world: &World, trigger: &str) -> SubscriptionId {
    let new = NewSubscription {
        trigger_id: trigger.to_owned(),
        settings: Settings {
            name: "test".to_owned(),
            description: None,
            subscription_type: SubscriptionType::Http,
            response_deadline: None,
            http_config: Some(HttpConfig {
                url: "https://example.com/hook".to_owned(),
                http_dispatch_mode: Some(DispatchMode::Async),
                http_authentication_type: AuthenticationType::NoAuth,
                basic_auth_config: None,
                bearer_token_auth_config: None,
            }),
            event_bridge_config: None,
            enabled: true,
            filter: None,
            delivery: None,
        },
    };
    let made = world.registry.create_subscription(new).await.unwrap();
    made.subscription.id
}

const DELETED: SubscriptionId = SubscriptionId(uuid::Uuid::from_u128(1));
const OF_ANOTHER: SubscriptionId = SubscriptionId(uuid::Uuid::from_u128(2));
const TRIGGER: &str = "test:request-response";
const ANOTHER: &str = "other:trigger";

/// Twelve invocations, each in the other partition: four of a subscription that was
/// deleted, four of `known`, four of another trigger.
async fn twelve(world: &World, known: SubscriptionId) -> Vec<InvocationId> {
    let mut ids = Vec::new();
    for key in 0..12_u64 {
        let (trigger, subscription) = match key {
            0..4 => (TRIGGER, DELETED),
            4..8 => (TRIGGER, known),
            _ => (ANOTHER, OF_ANOTHER),
        };
        let asked = Asked {
            trigger,
            subscription,
            ..Asked::new(u16::try_from(key % 2).unwrap(), key)
        };
        ids.push(world.request(&asked).await);
    }
    ids
}

/// Queries, the invocations they are for, and how many there are without the limit.
fn queries(
    ids: &[InvocationId],
    known: SubscriptionId,
) -> Vec<(ListQuery, Vec<InvocationId>, usize)> {
    let all = || ListQuery {
        limit: 100,
        ..ListQuery::default()
    };
    let few = ListQuery { limit: 3, ..all() };
    let open = ListQuery {
        open_only: true,
        ..all()
    };
    let of = |trigger: Option<&str>, subscription_id| ListQuery {
        trigger_id: trigger.map(str::to_owned),
        subscription_id,
        ..all()
    };
    let one = |subscription_id| ListQuery {
        id: Some(ids[5]),
        subscription_id,
        ..all()
    };
    let newest_first = |range: std::ops::Range<usize>| range.rev().map(|n| ids[n]).collect();
    vec![
        (all(), newest_first(0..12), 12),
        (few, newest_first(9..12), 12),
        (open, newest_first(0..11), 11),
        (of(Some(TRIGGER), None), newest_first(0..8), 8),
        (of(None, Some(known)), newest_first(4..8), 4),
        (of(Some(TRIGGER), Some(DELETED)), newest_first(0..4), 4),
        (of(Some(ANOTHER), Some(known)), vec![], 0),
        (one(None), vec![ids[5]], 1),
        (one(Some(DELETED)), vec![], 0),
    ]
}

#[tokio::test]
async fn lists_merge_the_partitions_newest_first() {
    let world = World::new().await;
    let running = world.worker(world.appender.clone()).await;
    let status = world.status(&running).await;
    let known = subscription(&world, TRIGGER).await;
    let ids = twelve(&world, known).await;
    let closing = Observation::CompletionReported(report(None, None));
    let offset = world.observe(ids[11], &closing).await;
    let partition = triggerfish_log::Partition(1);
    let folded = running.handle.get_after(partition, offset, ids[11].key());
    assert!(!folded.await.unwrap().unwrap().is_open());
    status.get(ids[10]).await.unwrap().unwrap();
    for (query, expected, total) in queries(&ids, known) {
        let listing = status.list(query.clone()).await.unwrap();
        let found: Vec<_> = listing.invocations.iter().map(|found| found.id).collect();
        assert_eq!((found, listing.total), (expected, total), "{query:?}");
    }
    running.stop().await;
}
