use std::{sync::Arc, time::Duration};

use axum::http::Method;
use serde_json::{Value, json};
use triggerfish_core::{
    Closing, Failure, FailureKind, Invocation, InvocationId, InvocationKey, Origin, Outcome, Phase,
    Request, Timestamp, TriggerType,
};

use crate::{
    harness::{Api, NOW, encoded},
    status::invocation,
};

const PATH: &str = "/activity/v1";

/// Number `n` of all, in one of two partitions, made `n` seconds after the first.
fn row(n: u64) -> Invocation {
    let created = Timestamp::parse(NOW).unwrap().after(Duration::from_secs(n));
    let partition = u16::from(n.is_multiple_of(2));
    let id = InvocationId::new(created, partition, InvocationKey(n));
    let mut row = invocation(id, TriggerType::FireAndForget);
    row.offset = 100 + n;
    change(&mut row, |request| request.created = created);
    row
}

fn change(row: &mut Invocation, change: impl FnOnce(&mut Request)) {
    change(Arc::make_mut(&mut row.request));
}

fn failed(row: &mut Invocation, error: &str) {
    row.phase = Phase::Closed(Closing {
        outcome: Outcome::Failed {
            error: error.into(),
            output: None,
        },
        at: row.request.created,
        offset: row.offset + 1,
    });
}

fn ids(page: &Value) -> Vec<&str> {
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end() {
    let api = Api::new().await;
    let mut expected: Vec<String> = Vec::new();
    for n in 0..25 {
        let row = row(n);
        expected.insert(0, row.id.to_string());
        api.archive.add(row);
    }
    let mut found: Vec<String> = Vec::new();
    let mut query = "?limit=10".to_owned();
    loop {
        let reply = api.get(&format!("{PATH}{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let page = reply.json();
        found.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["cursor"].as_str() else {
            break;
        };
        query = format!("?limit=10&cursor={cursor}");
    }
    assert_eq!(found, expected);
    // Nobody counts rows for it.
    assert!(
        api.archive
            .queries
            .lock()
            .iter()
            .all(|query| query.without_total)
    );
}

#[tokio::test]
async fn a_row_tells_how_it_stands_without_its_payloads() {
    let api = Api::new().await;
    let mut one = row(0);
    failed(&mut one, "status 500");
    let id = one.id.to_string();
    api.archive.add(one);
    let page = api.get(PATH).await.json();
    let expected = json!({
        "id": id, "triggerId": "test:fire-and-forget",
        "subscriptionId": "00000000-0000-0000-0000-000000000001",
        "subscriptionName": "My subscription", "type": "REAL_TIME", "mode": "FIRE_AND_FORGET",
        "state": "FAILED", "attempts": 1, "created": "2026-05-01T12:00:00.000000Z",
        "completed": "2026-05-01T12:00:00.000000Z", "deadline": "2026-05-01T13:00:00.000000Z",
        "error": "status 500",
    });
    assert_eq!(page, json!({"rows": [expected], "cursor": null}));
}

#[tokio::test]
async fn filters_look_through_many_rows() {
    let api = Api::new().await;
    for n in 0..3000 {
        let mut one = row(n);
        match n {
            7 => failed(&mut one, "the NEEDLE broke"),
            8 => {
                one.last_failure = Some(Failure {
                    kind: FailureKind::Timeout,
                    message: "no needle in time".into(),
                });
            }
            9 => change(&mut one, |request| request.origin = Origin::Test),
            _ => {}
        }
        api.archive.add(one);
    }
    let id = |n: u64| row(n).id.to_string();
    for (query, expected) in [
        ("text=needle", vec![id(8), id(7)]),
        ("text=needle&state=FAILED", vec![id(7)]),
        ("text=needle&state=OPEN", vec![id(8)]),
        ("type=TEST", vec![id(9)]),
        ("state=EXPIRED", vec![]),
        ("triggerId=other", vec![]),
    ] {
        let page = api.get(&format!("{PATH}?{query}")).await.json();
        assert_eq!(ids(&page), expected, "{query}");
        assert_eq!(page["cursor"], Value::Null, "{query}");
    }
    // A page that is full before all that was looked at goes on right after its last row.
    let first = api.get(&format!("{PATH}?text=needle&limit=1")).await.json();
    let cursor = first["cursor"].as_str().unwrap();
    let query = format!("{PATH}?text=needle&limit=1&cursor={cursor}");
    assert_eq!(ids(&api.get(&query).await.json()), [id(7)]);
}

#[tokio::test]
async fn an_answer_does_not_look_for_ever() {
    let api = Api::new().await;
    for n in 0..6500 {
        api.archive.add(row(n));
    }
    let page = api.get(&format!("{PATH}?text=nothing")).await.json();
    assert_eq!(ids(&page), [""; 0]);
    let cursor = page["cursor"].as_str().expect("there are more");
    let page = api
        .get(&format!("{PATH}?text=nothing&cursor={cursor}"))
        .await;
    assert_eq!(page.json()["cursor"], Value::Null);
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let api = Api::new().await;
    for (query, part) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("cursor=x", "cursor"),
        ("state=open", "state must be one of OPEN"),
        ("type=x", "type must be one of"),
        ("subscriptionId=x", "subscriptionId"),
    ] {
        let error = api.get(&format!("{PATH}?{query}")).await.error(400);
        assert!(error.contains(part), "{query}: {error}");
    }
    let token = api.token_for("c", &["triggerfish:records:read"]).await;
    let reply = api.call_as(&token, Method::GET, PATH, None).await;
    reply.error(403);
    *api.archive.away.lock() = true;
    api.get(&format!("{PATH}?text={}", encoded("ä")))
        .await
        .error(503);
}

#[tokio::test]
async fn a_timeline_is_of_a_known_invocation() {
    let api = Api::new().await;
    let one = row(1);
    let path = format!("/trigger-invocations/v1/{}/timeline", one.id);
    api.get(&path).await.error(404);
    api.archive.add(one);
    let story = api.get(&path).await.json();
    assert_eq!(story["isComplete"], true);
    let entry = &story["entries"][0];
    assert_eq!(entry["offset"], 101);
    assert_eq!(entry["observation"]["observation"], "requested");
    let scope = "sp:trigger-service-invocation-status:read";
    let token = api.token_for("c", &[scope]).await;
    api.call_as(&token, Method::GET, &path, None)
        .await
        .error(403);
}
