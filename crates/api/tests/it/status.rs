use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use triggerfish_api::ports::ListQuery;
use triggerfish_core::{
    Closing, Failure, FailureKind, Invocation, InvocationId, InvocationKey, Mode, Origin, Outcome,
    Phase, Request, RetryPolicy, SubscriptionId, Timestamp, TriggerType,
};
use uuid::Uuid;

use crate::harness::{Api, NOW, encoded, forms};

/// An open invocation, waiting for its result.
pub(crate) fn invocation(id: InvocationId, trigger_type: TriggerType) -> Invocation {
    let created = Timestamp::parse(NOW).unwrap();
    let (trigger_id, mode) = match trigger_type {
        TriggerType::RequestResponse => ("test:request-response", Mode::Async),
        TriggerType::FireAndForget => ("test:fire-and-forget", Mode::FireAndForget),
    };
    Invocation {
        id,
        request: Arc::new(Request {
            trigger_id: trigger_id.into(),
            trigger_type,
            subscription_id: SubscriptionId(Uuid::from_u128(1)),
            subscription_name: "My subscription".into(),
            origin: Origin::RealTime,
            mode,
            created,
            deadline: created.after(Duration::from_hours(1)),
            retry: RetryPolicy::ONCE,
            ordering_key: None,
            input: r#"{"identityId" : "7", "n":1.0}"#.into(),
            content_json: r#"{"b":1,  "a":2}"#.into(),
            depth: 2,
            traceparent: None,
            event_id: Some("e-1".into()),
            member: None,
        }),
        offset: 4,
        attempts: 1,
        last_failure: None,
        phase: Phase::Waiting,
        called: None,
    }
}

fn id(n: u64) -> InvocationId {
    InvocationId::new(Timestamp::parse(NOW).unwrap(), 5, InvocationKey(n))
}

/// Number `n`, made `n` seconds after the first, changed by `change`.
fn add(api: &Api, n: u64, trigger_type: TriggerType, change: impl FnOnce(&mut Request)) {
    let mut row = invocation(id(n), trigger_type);
    let request = Arc::make_mut(&mut row.request);
    request.created = request.created.after(Duration::from_secs(n));
    change(request);
    api.archive.add(row);
}

fn close(api: &Api, n: u64, outcome: Outcome, at: &str) {
    let mut known = api.archive.known.lock();
    known.get_mut(&id(n)).unwrap().phase = Phase::Closed(Closing {
        outcome,
        at: Timestamp::parse(at).unwrap(),
        offset: 9,
    });
}

#[tokio::test]
async fn an_open_one_and_its_bytes() {
    let api = Api::new().await;
    add(&api, 0, TriggerType::RequestResponse, |_| {});
    let expected = json!([{
        "id": id(0).to_string(), "triggerId": "test:request-response",
        "subscriptionName": "My subscription",
        "subscriptionId": "00000000-0000-0000-0000-000000000001",
        "type": "REAL_TIME", "created": "2026-05-01T12:00:00.000000Z", "completed": null,
        "startInvocationInput": {
            "triggerId": "test:request-response",
            "input": {"identityId": "7", "n": 1.0}, "contentJson": {"b": 1, "a": 2}
        },
        "completeInvocationInput": null
    }]);
    for path in forms("trigger-invocations", "/status") {
        let reply = api.get(&path).await;
        assert_eq!(reply.json(), expected);
        let raw = r#""input":{"identityId" : "7", "n":1.0},"contentJson":{"b":1,  "a":2}"#;
        assert!(reply.text.contains(raw), "{}", reply.text);
    }
}

#[tokio::test]
async fn closed_ones_tell_how() {
    let api = Api::new().await;
    add(&api, 0, TriggerType::FireAndForget, |_| {});
    add(&api, 1, TriggerType::RequestResponse, |request| {
        request.origin = Origin::Test;
    });
    add(&api, 2, TriggerType::RequestResponse, |_| {});
    add(&api, 3, TriggerType::RequestResponse, |_| {});
    let at = "2026-05-01T12:30:00.123456Z";
    close(&api, 0, Outcome::Completed(None), at);
    close(
        &api,
        1,
        Outcome::Completed(Some(r#"{"approved" : true}"#.into())),
        at,
    );
    let failed = Outcome::Failed {
        error: "no".into(),
        output: Some("{}".into()),
    };
    close(&api, 2, failed, at);
    close(
        &api,
        3,
        Outcome::Expired {
            error: "late".into(),
        },
        at,
    );
    let reply = api.get("/beta/trigger-invocations/status").await;
    let rows = reply.json();
    let message = |text: &str| json!({"locale": "en-US", "message": text});
    for (row, expected) in [
        (3, json!({"localizedError": null, "output": null})),
        (
            2,
            json!({"localizedError": null, "output": {"approved": true}}),
        ),
        (1, json!({"localizedError": message("no"), "output": {}})),
        (
            0,
            json!({"localizedError": message("late"), "output": null}),
        ),
    ] {
        assert_eq!(rows[row]["completeInvocationInput"], expected);
        assert_eq!(rows[row]["completed"], at);
    }
    assert_eq!(rows[2]["type"], "TEST");
    assert!(reply.text.contains(r#""output":{"approved" : true}"#));
}

const LIST: &str = "/v2025/trigger-invocations/status?count=true&";

/// Seven invocations, of which five can be reached.
async fn seven() -> Api {
    let api = Api::with(|settings| settings.status_rows_max = 5).await;
    for n in 0..7 {
        let trigger_type = if n % 2 == 0 {
            TriggerType::RequestResponse
        } else {
            TriggerType::FireAndForget
        };
        add(&api, n, trigger_type, |request| {
            request.subscription_name = format!("{}", 9 - n).into();
            request.subscription_id = SubscriptionId(Uuid::from_u128(u128::from(n % 3)));
        });
    }
    close(&api, 6, Outcome::Completed(None), "2026-05-01T12:40:00Z");
    close(&api, 4, Outcome::Completed(None), "2026-05-01T12:50:00Z");
    api
}

/// The numbers of the rows, the number of all, and what the archive was asked.
async fn list(api: &Api, query: &str) -> (Vec<u64>, String, Option<ListQuery>) {
    let reply = api.get(&format!("{LIST}{query}")).await;
    let total = reply.headers["x-total-count"].to_str().unwrap().to_owned();
    let number = |text: &String| text.parse::<InvocationId>().unwrap().key().0;
    let asked = api.archive.queries.lock().pop();
    (reply.ids().iter().map(number).collect(), total, asked)
}

async fn filtered(api: &Api, text: &str) -> (Vec<u64>, String, Option<ListQuery>) {
    list(api, &format!("filters={}", encoded(text))).await
}

#[tokio::test]
async fn what_filters_pin_down_is_looked_up() {
    let api = seven().await;
    let (rows, total, asked) = list(&api, "limit=2&offset=1").await;
    assert_eq!((rows, total.as_str()), (vec![5, 4], "5"));
    assert_eq!(asked.unwrap().limit, 3);

    let trigger_id = "test:request-response";
    let (rows, total, asked) = filtered(&api, r#"triggerId eq "test:request-response""#).await;
    assert_eq!((rows, total.as_str()), (vec![6, 4, 2, 0], "4"));
    assert_eq!(asked.unwrap().trigger_id.as_deref(), Some(trigger_id));

    let subscription = SubscriptionId(Uuid::from_u128(0));
    let text = format!(r#"subscriptionId eq "{subscription}" and triggerId eq "{trigger_id}""#);
    let (rows, _, asked) = filtered(&api, &text).await;
    assert_eq!(rows, [6, 0]);
    assert_eq!(asked.unwrap().subscription_id, Some(subscription));

    let (rows, _, asked) = filtered(&api, &format!(r#"id eq "{}""#, id(3))).await;
    assert_eq!(rows, [3]);
    assert_eq!(asked.unwrap().id, Some(id(3)));

    let (rows, total, asked) = filtered(&api, r#"triggerId ne "test:request-response""#).await;
    assert_eq!((rows, total.as_str()), (vec![5, 3], "2"));
    assert_eq!(asked.unwrap().limit, 5);

    let (rows, total, asked) = filtered(&api, r#"id eq "nope""#).await;
    assert_eq!((rows, total.as_str(), asked), (vec![], "0", None));
}

#[tokio::test]
async fn rows_are_counted_for_who_asks() {
    let api = seven().await;
    for (query, without_total) in [("?limit=2", true), ("?limit=2&count=true", false)] {
        api.get(&format!("/trigger-invocations/v1/status{query}"))
            .await;
        let asked = api.archive.queries.lock().pop().unwrap();
        assert_eq!(asked.without_total, without_total, "{query}");
    }
}

#[tokio::test]
async fn sorters_work_over_all_that_can_be_reached() {
    let api = seven().await;
    for (sorters, expected) in [
        ("created", [2, 3, 4, 5, 6]),
        ("-created", [6, 5, 4, 3, 2]),
        ("-completed,created", [4, 6, 2, 3, 5]),
        ("subscriptionName", [6, 5, 4, 3, 2]),
        ("triggerId,-subscriptionName", [3, 5, 2, 4, 6]),
    ] {
        let (rows, ..) = list(&api, &format!("sorters={sorters}")).await;
        assert_eq!(rows, expected, "{sorters}");
    }
    let (rows, ..) = list(&api, "sorters=created&limit=2&offset=1").await;
    assert_eq!(rows, [3, 4]);
    let by_time = encoded(r#"created gt "2026-01-01T00:00:00Z""#);
    for (query, part) in [
        (format!("filters={by_time}"), "\"created\""),
        ("sorters=type".into(), "\"type\""),
    ] {
        let error = api.get(&format!("{LIST}{query}")).await.error(400);
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn those_in_progress() {
    let api = Api::new().await;
    add(&api, 0, TriggerType::RequestResponse, |_| {});
    add(&api, 1, TriggerType::FireAndForget, |_| {});
    add(&api, 2, TriggerType::FireAndForget, |_| {});
    close(&api, 2, Outcome::Completed(None), NOW);
    for path in forms("trigger-invocations", "") {
        let reply = api.get(&path).await;
        assert_eq!(reply.ids(), [id(1).to_string(), id(0).to_string()]);
        let expected = json!({
            "id": id(0).to_string(), "triggerId": "test:request-response",
            "created": "2026-05-01T12:00:00.000000Z", "deadline": "2026-05-01T13:00:00.000000Z"
        });
        assert_eq!(reply.json()[1], expected);
    }
    let list = |query: String| {
        let path = format!("/beta/trigger-invocations?{query}");
        let api = &api;
        async move { api.get(&path).await }
    };
    let filter = encoded(r#"triggerId eq "test:fire-and-forget""#);
    let found = list(format!("filters={filter}")).await.ids();
    assert_eq!(found, [id(1).to_string()]);
    let sorted = list("sorters=-triggerId".into()).await.ids();
    assert_eq!(sorted, [id(0).to_string(), id(1).to_string()]);
    list("sorters=created".into()).await.error(400);
}

#[tokio::test]
async fn one_in_detail() {
    let api = Api::new().await;
    add(&api, 0, TriggerType::RequestResponse, |_| {});
    {
        let mut known = api.archive.known.lock();
        let row = known.get_mut(&id(0)).unwrap();
        row.last_failure = Some(Failure {
            kind: FailureKind::Timeout,
            message: "no answer within 10 s".into(),
        });
        row.phase = Phase::Due {
            attempt: 2,
            due: Timestamp::parse("2026-05-01T12:05:00Z").unwrap(),
        };
    }
    for path in forms("trigger-invocations", &format!("/{}", id(0))) {
        let reply = api.get(&path).await;
        let body = reply.json();
        assert_eq!(body["subscriptionName"], "My subscription");
        assert_eq!(body["phase"], "DUE");
        assert_eq!(body["outcome"], Value::Null);
        assert_eq!(body["mode"], "ASYNC");
        assert_eq!(body["attempts"], 1);
        assert_eq!(body["nextAttempt"], "2026-05-01T12:05:00.000000Z");
        assert_eq!(body["deadline"], "2026-05-01T13:00:00.000000Z");
        let failure = json!({"kind": "timeout", "message": "no answer within 10 s"});
        assert_eq!(body["lastFailure"], failure);
        assert_eq!(
            (&body["eventId"], &body["depth"]),
            (&json!("e-1"), &json!(2))
        );
        assert!(reply.text.contains(r#"{"b":1,  "a":2}"#));
    }
    close(
        &api,
        0,
        Outcome::Expired {
            error: "late".into(),
        },
        NOW,
    );
    let body = api
        .get(&format!("/v3/trigger-invocations/{}", id(0)))
        .await
        .json();
    assert_eq!(
        (&body["phase"], &body["outcome"]),
        (&json!("CLOSED"), &json!("EXPIRED"))
    );
    api.get(&format!("/v3/trigger-invocations/{}", id(1)))
        .await
        .error(404);
    api.get("/v3/trigger-invocations/nope").await.error(404);
}

#[tokio::test]
async fn the_backlog() {
    let api = Api::new().await;
    for path in forms("trigger-invocations", "/pending-events") {
        let reply = api.get(&format!("{path}?sorters=topic&count=true")).await;
        let expected = json!([{"count": 0, "topic": "invocation-log"}, {"count": 3, "topic": "trigger-events"}]);
        assert_eq!(reply.json(), expected);
        assert_eq!(reply.headers["x-total-count"], "2");
    }
    let filter = encoded(r#"topic eq "trigger-events""#);
    let path = format!("/beta/trigger-invocations/pending-events?filters={filter}");
    assert_eq!(
        api.get(&path).await.json(),
        json!([{"count": 3, "topic": "trigger-events"}])
    );
}

#[tokio::test]
async fn a_part_that_is_away_makes_no_short_list() {
    let api = Api::new().await;
    *api.archive.away.lock() = true;
    for rest in ["", "/status", "/pending-events", &format!("/{}", id(0))] {
        let reply = api.get(&format!("/beta/trigger-invocations{rest}")).await;
        reply.error(503);
        assert_eq!(reply.headers["retry-after"], "2");
        assert!(!reply.text.contains("partition"), "{}", reply.text);
    }
}
