use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use triggerfish_core::{
    Closing, Failure, FailureKind, InvocationId, InvocationKey, Outcome, Phase, Timestamp,
    TriggerType,
};
use uuid::Uuid;

use crate::{
    harness::{Api, NOW},
    status::invocation,
};

const PATH: &str = "/overview/v1";

/// Invocation `n` of a subscription, made after `n` seconds and due `due` minutes later.
fn add(api: &Api, subscription: &str, n: u64, due: u64, error: Option<&str>) {
    let created = Timestamp::parse(NOW).unwrap().after(Duration::from_secs(n));
    let id = InvocationId::new(created, 0, InvocationKey(n));
    let mut row = invocation(id, TriggerType::FireAndForget);
    row.last_failure = error.map(|message| Failure {
        kind: FailureKind::Status,
        message: message.into(),
    });
    let request = Arc::make_mut(&mut row.request);
    request.created = created;
    request.deadline = created.after(Duration::from_mins(due));
    request.subscription_id.0 = Uuid::parse_str(subscription).unwrap();
    api.archive.add(row);
}

#[tokio::test]
async fn tells_who_fails_and_what_is_due() {
    let api = Api::new().await;
    let good = api.subscribe("test:fire-and-forget", "good").await;
    let bad = api.subscribe("test:fire-and-forget", "bad").await;
    add(&api, &good, 1, 30, None);
    add(&api, &bad, 2, 20, Some("status 500"));
    add(&api, &bad, 3, 10, Some("status 503"));
    add(&api, &bad, 4, 40, None);
    // Nobody can see to a subscription that was deleted.
    add(&api, &Uuid::from_u128(9).to_string(), 5, 50, Some("gone"));
    let overview = api.get(PATH).await.json();
    assert_eq!(overview["load"][0]["startedPerSecond"], 1.5);
    assert_eq!(overview["processes"], 2);
    assert_eq!(
        (
            &overview["subscriptions"],
            &overview["subscriptionsEnabled"]
        ),
        (&json!(2), &json!(2))
    );
    let failing = json!([{
        "subscriptionId": bad, "subscriptionName": "bad", "triggerId": "test:fire-and-forget",
        "enabled": true, "disabledReason": null, "failed": 2, "of": 3,
        "lastError": "status 503", "lastFailed": "2026-05-01T12:00:03.000000Z",
    }]);
    assert_eq!(overview["failing"], failing);
    let deadlines = overview["deadlines"].as_array().unwrap().iter();
    let due: Vec<_> = deadlines
        .map(|row| row["deadline"].as_str().unwrap())
        .collect();
    assert_eq!(
        due[..2],
        ["2026-05-01T12:10:03.000000Z", "2026-05-01T12:20:02.000000Z"]
    );
}

#[tokio::test]
async fn a_busy_subscription_does_not_hide_those_that_fail() {
    let api = Api::new().await;
    let busy = api.subscribe("test:fire-and-forget", "busy").await;
    let waits = api.subscribe("test:fire-and-forget", "waits").await;
    let gave_up = api.subscribe("test:fire-and-forget", "gave up").await;
    add(&api, &waits, 1, 30, Some("status 500"));
    add(&api, &gave_up, 2, 30, Some("status 400"));
    let created = Timestamp::parse(NOW).unwrap();
    let mut known = api.archive.known.lock().clone().into_values();
    let mut closed = known
        .find(|row| row.last_failure.as_ref().unwrap().message.ends_with("400"))
        .unwrap();
    api.archive.known.lock().remove(&closed.id);
    closed.phase = Phase::Closed(Closing {
        outcome: Outcome::Failed {
            error: "status 400".into(),
            output: None,
        },
        at: created,
        offset: 9,
    });
    api.archive.add(closed.clone());
    // What the owners know to be the newest of it.
    api.gate.newest.lock().push(closed);
    for n in 10..700 {
        add(&api, &busy, n, 60, None);
        let mut known = api.archive.known.lock();
        let row = known.values_mut().last().unwrap();
        row.phase = Phase::Closed(Closing {
            outcome: Outcome::Completed(None),
            at: created,
            offset: 10 + n,
        });
    }
    let overview = api.get(PATH).await.json();
    let rows = overview["failing"].as_array().unwrap().iter();
    let mut names: Vec<_> = rows
        .map(|row| row["subscriptionName"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["gave up", "waits"]);
}

#[tokio::test]
async fn what_can_not_be_told_is_said() {
    let api = Api::new().await;
    *api.archive.away.lock() = true;
    let reply = api.get(PATH).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let overview = reply.json();
    assert_eq!(
        (&overview["failing"], &overview["deadlines"]),
        (&Value::Null, &Value::Null)
    );
    let why = overview["unavailable"].as_str().unwrap();
    assert!(why.contains("the owner of partition 5 is away"), "{why}");
}
