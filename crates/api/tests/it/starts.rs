use serde_json::{Value, json};
use triggerfish_api::ports::{Start, StartError, StartIdentity, StartInput};
use triggerfish_core::{Origin, SubscriptionId};

use crate::{
    harness::{Api, forms},
    players::Intake,
};

const JSON: (&str, &str) = ("content-type", "application/json");
const START: &str = "/v2026/trigger-invocations/start";
const TEST: &str = "/v2026/trigger-invocations/test";

fn last(api: &Api) -> Start {
    api.intake.starts.lock().last().cloned().unwrap()
}

#[tokio::test]
async fn a_test_starts_one_invocation_per_subscription() {
    let api = Api::new().await;
    for path in forms("trigger-invocations", "/test") {
        api.intake.answers.lock().push(Ok(2));
        let body = r#"{"triggerId":"t", "contentJson": {"b":1.0, "a":"\u0041"}, "input": {"x" : 1e2},
            "subscriptionIds":["0F11F2A4-7C94-4BF3-A2BD-742580FE3BDE"]}"#;
        let reply = api.post_text(&path, &[JSON], body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let rows = reply.json();
        assert_eq!(rows.as_array().unwrap().len(), 2);
        let id = Intake::id(1);
        assert_eq!(rows[1]["id"], id.to_string());
        assert_eq!(rows[1]["triggerId"], "t");
        assert_eq!(rows[1]["secret"], api.keys.invocation_secret(id).expose());
        assert_eq!(rows[1].as_object().unwrap().len(), 4);
        let raw = r#""contentJson":{"b":1.0, "a":"\u0041"}"#;
        assert!(reply.text.contains(raw), "{}", reply.text);
        let start = last(&api);
        assert_eq!(start.origin, Origin::Test);
        assert_eq!(start.identity, StartIdentity::Unique);
        assert_eq!(start.input, StartInput::Json(r#"{"x" : 1e2}"#.into()));
        assert_eq!(start.content_json, r#"{"b":1.0, "a":"\u0041"}"#);
        let id = SubscriptionId("0f11f2a4-7c94-4bf3-a2bd-742580fe3bde".parse().unwrap());
        assert_eq!(start.subscription_ids, Some(vec![id]));
        assert_eq!((start.depth, start.traceparent), (0, None));
    }
}

#[tokio::test]
async fn a_test_without_input_takes_the_example() {
    let api = Api::new().await;
    for input in [None, Some(Value::Null)] {
        let mut body = json!({"triggerId": "t", "contentJson": {}});
        if let Some(input) = input {
            body["input"] = input;
        }
        assert_eq!(api.post(TEST, body).await.status, 200);
        assert_eq!(last(&api).input, StartInput::Example);
        assert_eq!(last(&api).subscription_ids, None);
    }
}

#[tokio::test]
async fn nobody_to_send_to_is_204() {
    let api = Api::new().await;
    let body = json!({"triggerId": "t", "contentJson": {}, "input": {}});
    for path in [START, TEST] {
        api.intake.answers.lock().push(Ok(0));
        let reply = api.post(path, body.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
    }
}

#[tokio::test]
async fn a_real_start() {
    let api = Api::new().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for path in forms("trigger-invocations", "/start") {
        let headers = [
            JSON,
            ("idempotency-key", "order-7"),
            ("traceparent", trace),
            ("triggerfish-depth", "2"),
            ("x-sailpoint-experimental", "true"),
            ("x-idn-org", "acme"),
        ];
        let body = r#"{"triggerId":"t","input":{"n" : [1, 2]},"contentJson":{ }}"#;
        let reply = api.post_text(&path, &headers, body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let start = last(&api);
        assert_eq!(start.origin, Origin::RealTime);
        assert_eq!(start.input, StartInput::Json(r#"{"n" : [1, 2]}"#.into()));
        assert_eq!(start.content_json, "{ }");
        let key = StartIdentity::Key {
            scope: "all".into(),
            key: "order-7".into(),
        };
        assert_eq!(start.identity, key);
        assert_eq!(start.depth, 3);
        assert_eq!(start.traceparent.as_deref(), Some(trace));
    }
    let reply = api
        .post(START, json!({"triggerId": "t", "input": {}}))
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(last(&api).identity, StartIdentity::Unique);
    assert_eq!(last(&api).content_json, "{}");
    assert_eq!(last(&api).ordering_key, None);
    let ordered = json!({"triggerId": "t", "input": {}, "orderingKey": "identity-7"});
    assert_eq!(api.post(START, ordered).await.status, 200);
    assert_eq!(last(&api).ordering_key.as_deref(), Some("identity-7"));
}

#[tokio::test]
async fn loops_are_cut() {
    let api = Api::with(|settings| settings.depth_max = 4).await;
    let body = r#"{"triggerId":"t","input":{},"contentJson":{}}"#;
    for path in [START, TEST, "/cloudevents"] {
        for (depth, part) in [
            ("4", "loop"),
            ("4294967295", "loop"),
            ("many", "whole number"),
        ] {
            let headers = [JSON, ("triggerfish-depth", depth)];
            let error = api.post_text(path, &headers, body).await.error(400);
            assert!(error.contains(part), "{error}");
        }
    }
    assert!(api.intake.starts.lock().is_empty());
}

#[tokio::test]
async fn bad_requests_start_nothing() {
    let api = Api::new().await;
    for (path, body, part) in [
        (TEST, json!({"contentJson": {}}), "triggerId"),
        (TEST, json!({"triggerId": "t"}), "contentJson"),
        (
            TEST,
            json!({"triggerId": "t", "contentJson": []}),
            "contentJson\": expected a JSON object",
        ),
        (
            TEST,
            json!({"triggerId": "t", "contentJson": {}, "subscriptionIds": ["x"]}),
            "subscriptionIds[0]",
        ),
        (
            TEST,
            json!({"triggerId": "t", "contentJson": {}, "subscriptionIds": "x"}),
            "subscriptionIds",
        ),
        (START, json!({"triggerId": "t", "contentJson": {}}), "input"),
        (
            START,
            json!({"triggerId": "t", "contentJson": {}, "input": null}),
            "input",
        ),
        (
            START,
            json!({"triggerId": "t", "input": [1]}),
            "\"input\": expected a JSON object",
        ),
        (
            TEST,
            json!({"triggerId": "t", "contentJson": {}, "input": "x"}),
            "\"input\": expected a JSON object",
        ),
        (
            START,
            json!({"triggerId": "t", "contentJson": "x", "input": {}}),
            "contentJson",
        ),
        (START, json!(["t", {}, {}]), "expected a JSON object"),
    ] {
        let error = api.post(path, body.clone()).await.error(400);
        assert!(error.contains(part), "{body}: {error}");
    }
    for key in ["", "   ", &"k".repeat(256)] {
        let body = r#"{"triggerId":"t","input":{}}"#;
        let headers = [JSON, ("idempotency-key", key)];
        let error = api.post_text(START, &headers, body).await.error(400);
        assert!(error.contains("Idempotency-Key"), "{error}");
    }
    assert!(api.intake.starts.lock().is_empty());
}

#[tokio::test]
async fn refusals_of_the_intake() {
    let api = Api::new().await;
    let id = SubscriptionId(uuid::Uuid::nil());
    for (error, status, part) in [
        (StartError::UnknownTrigger("t".into()), 400, "\"t\""),
        (
            StartError::InvalidInput("required at \"/x\"".into()),
            400,
            "\"/x\"",
        ),
        (StartError::UnknownSubscription(id), 400, "00000000"),
        (
            StartError::TooDeep { depth: 9, limit: 8 },
            400,
            "9 triggers deep",
        ),
        (StartError::KeyReused, 400, "idempotency key"),
        (StartError::TooLarge { limit: 77 }, 413, "77 bytes"),
    ] {
        for path in [START, TEST] {
            api.intake.answers.lock().push(Err(error.clone()));
            let body = json!({"triggerId": "t", "contentJson": {}, "input": {}});
            let text = api.post(path, body).await.error(status);
            assert!(text.contains(part), "{text}");
        }
    }
    let away = StartError::Unavailable {
        retry_after: std::time::Duration::from_secs(7),
    };
    api.intake.answers.lock().push(Err(away));
    let reply = api
        .post(START, json!({"triggerId": "t", "input": {}}))
        .await;
    reply.error(503);
    assert_eq!(reply.headers["retry-after"], "7");
}
