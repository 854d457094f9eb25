//! Decisions about actions: exactly one, and whoever waits is told.

use std::collections::BTreeSet;
use std::time::Duration;

use triggerfish_core::{
    AttemptReport, InvocationId, Observation, Reply, SubscriptionId, action::Verdict,
};
use triggerfish_log::Partition;
use triggerfish_wire::peer::ActionStage;

use crate::world::{BUDGET, World, eventually};

/// The call of one callback of an action.
fn member(action: InvocationId, callback: u128) -> InvocationId {
    let callback = SubscriptionId(uuid::Uuid::from_u128(callback));
    let key = action.key().of_member(callback);
    InvocationId::new(action.time(), action.partition(), key)
}

fn allowed(world: &World) -> Observation {
    Observation::AttemptReported(AttemptReport {
        attempt: 1,
        started: triggerfish_runtime::Clock::now(&*world.clock),
        took: Duration::from_millis(3),
        status: Some(200),
        reply: Reply::Delivered,
        body: None,
    })
}

#[tokio::test]
async fn falls_with_the_last_answer_and_goes_out_once() {
    let world = World::new().await;
    let running = world.worker(world.appender.clone()).await;
    let id = world.ask(1, 5, 2).await;
    let (partition, key) = (Partition(1), id.key());
    let handle = running.handle.clone();
    let first = world.observe(member(id, 1), &allowed(&world)).await;
    let waits = tokio::spawn(async move {
        handle
            .action(partition, key, Some(first), ActionStage::Decided)
            .await
    });
    let after = world.observe(member(id, 1), &allowed(&world)).await;
    let open = running
        .handle
        .action(partition, key, Some(after), ActionStage::Any)
        .await;
    assert_eq!(open.unwrap().unwrap().decision, None, "one is waited for");
    world.observe(member(id, 2), &allowed(&world)).await;
    let told = waits.await.unwrap().unwrap().unwrap();
    let decision = told.decision.clone().unwrap();
    assert_eq!((decision.verdict, decision.reason), (Verdict::Allow, None));
    eventually("it is there", async || world.decisions().await.len() == 1).await;
    running.stop().await;

    // Asked again, before and after a restart, nothing is called and nothing goes out.
    let running = world.worker(world.appender.clone()).await;
    world.ask(1, 5, 2).await;
    let again = running
        .handle
        .action(partition, key, None, ActionStage::Finished)
        .await;
    assert_eq!(again.unwrap().unwrap(), told);
    world.ask(1, 6, 0).await;
    eventually("the next one is there", async || {
        world.decisions().await.len() >= 2
    })
    .await;
    running.stop().await;
    let decisions = world.decisions().await;
    let ids: BTreeSet<String> = decisions.iter().map(|one| one["id"].to_string()).collect();
    assert_eq!((ids.len(), decisions.len()), (2, 2));
    assert_eq!(world.completions().await.len(), 2, "one for each call");
}

#[tokio::test]
async fn silence_denies_at_the_end_of_the_budget() {
    let world = World::new().await;
    let running = world.worker(world.appender.clone()).await;
    let id = world.ask(0, 5, 3).await;
    world.observe(member(id, 2), &allowed(&world)).await;
    world.clock.wait(BUDGET);
    eventually("it is decided", async || {
        world.wake.notify_one();
        world.decisions().await.len() == 1
    })
    .await;
    running.stop().await;
    let decision = &world.decisions().await[0];
    assert_eq!(decision["decision"], "DENY");
    let reason = decision["reason"].as_str().unwrap();
    assert!(
        reason.contains("callback 1: no result") && reason.contains("callback 3"),
        "{reason}"
    );
    assert_eq!(decision["callbacks"][1]["verdict"], "ALLOW");
    let outcomes: Vec<_> = world.completions().await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|one| one["outcome"] == "EXPIRED")
            .count(),
        2
    );
}

/// Nobody to call means no completions: the decisions alone say how far the group came.
#[tokio::test]
async fn a_group_that_lost_its_positions_decides_nothing_again() {
    let world = World::new().await;
    let running = world.worker(world.appender.clone()).await;
    for key in 0..4 {
        world.ask(0, key, 0).await;
    }
    eventually("they are decided", async || {
        world.decisions().await.len() == 4
    })
    .await;
    running.stop().await;
    std::fs::remove_dir_all(world.views().join("a")).unwrap();
    world.ask(0, 4, 0).await;
    let running = world.worker_of("forgotten", world.appender.clone()).await;
    eventually("the last one too", async || {
        world.decisions().await.len() >= 5
    })
    .await;
    running.stop().await;
    let decisions = world.decisions().await;
    let ids: BTreeSet<String> = decisions.iter().map(|one| one["id"].to_string()).collect();
    assert_eq!((ids.len(), decisions.len()), (5, 5));
}
