//! How invocations end, and what reaches whoever waits for the end.

use serde_json::json;
use triggerfish_tests::{Reply, Service, Setup, Subscriber, api::start_body};

use crate::scene::{Scene, TRIGGER, error_of};

/// JSON that no parser writes back as it was.
const ODD: &str = concat!(
    "{ \"a\" :1.50,\t\"b\": 1E+2, \"a\":2,\n \"ünï\":\"\\u00e9é😀\\/\",",
    " \"big\": 123456789012345678901234567890, \"n\" : [ ] , \"neg\": -0.0 }"
);

fn acknowledges() -> Reply {
    Reply::json(200, "{}")
}

#[tokio::test]
async fn content_json_and_output_come_out_byte_for_byte() {
    let subscriber = Subscriber::always(Reply::json(200, ODD)).await;
    let scene = Scene::new("SYNC", subscriber).await;
    let started = scene.start(ODD, ODD).await;
    scene.service.api.closed(&started.id).await;
    assert_eq!(
        scene.subscriber.calls()[0].body,
        ODD,
        "the input reaches the subscriber so"
    );
    let status = scene
        .service
        .api
        .get("/trigger-invocations/v1/status")
        .await
        .expect(200);
    assert!(
        status.text().contains(ODD),
        "the status shows it so: {}",
        status.text()
    );
    let completion = scene.completion().await;
    assert_eq!(completion.content_json, ODD);
    assert_eq!(completion.output, ODD);
}

#[tokio::test]
async fn without_a_callback_it_expires_and_a_late_one_is_refused() {
    let subscriber = Subscriber::always(acknowledges()).await;
    let extra = json!({"responseDeadline": "PT1S"});
    let scene = Scene::with(Setup::new(), "ASYNC", subscriber, extra).await;
    let started = scene.start("{}", r#"{"kept":1}"#).await;
    let found = scene.service.api.closed(&started.id).await;
    assert_eq!(found["outcome"], "EXPIRED");
    assert!(
        error_of(&found).contains("deadline"),
        "{}",
        error_of(&found)
    );

    let late = scene.subscriber.calls()[0]
        .call_back(&json!({}))
        .await
        .expect("an answer");
    assert_eq!(late.status, 400, "{}", late.text());
    assert!(late.message().contains("deadline"), "{}", late.message());
    let completion = scene.completion().await;
    assert_eq!(completion.outcome(), "EXPIRED");
    assert_eq!(completion.content_json, r#"{"kept":1}"#);
    assert!(
        completion.error().contains("deadline"),
        "{}",
        completion.error()
    );
}

#[tokio::test]
async fn the_first_result_counts() {
    let scene = Scene::new("ASYNC", Subscriber::always(acknowledges()).await).await;
    let api = &scene.service.api;
    let started = scene.start("{}", "{}").await;
    let body = |n: u32| json!({"secret": started.secret, "output": {"n": n}});
    assert_eq!(api.complete(&started.id, body(1)).await.status, 204);
    let again = api.complete(&started.id, body(1)).await;
    assert_eq!(again.status, 204, "the same result again: {}", again.text());
    let other = api.complete(&started.id, body(2)).await.expect(400);
    assert!(other.message().contains("COMPLETED"), "{}", other.message());
    let failed = json!({"secret": started.secret, "error": "no"});
    assert_eq!(api.complete(&started.id, failed).await.status, 400);
    let completion = scene.completion().await;
    assert_eq!(completion.json["output"], json!({"n": 1}));
}

#[tokio::test]
async fn a_subscriber_can_report_a_failure() {
    let scene = Scene::new("ASYNC", Subscriber::always(acknowledges()).await).await;
    let started = scene.start("{}", "{}").await;
    let body = json!({"secret": started.secret, "output": {"partial": 1}, "error": "no money"});
    assert_eq!(
        scene.service.api.complete(&started.id, body).await.status,
        204
    );
    let found = scene.service.api.closed(&started.id).await;
    assert_eq!(
        (&found["outcome"], error_of(&found)),
        (&json!("FAILED"), "no money")
    );
    let completion = scene.completion().await;
    assert_eq!(
        (completion.outcome(), completion.error()),
        ("FAILED", "no money")
    );
    assert_eq!(completion.json["output"], json!({"partial": 1}));
}

#[tokio::test]
async fn a_wrong_secret_looks_like_an_unknown_invocation() {
    let scene = Scene::new("ASYNC", Subscriber::always(acknowledges()).await).await;
    let api = &scene.service.api;
    let started = scene.start("{}", "{}").await;
    let wrong = json!({"secret": "00000000-0000-4000-8000-000000000000", "output": {}});
    let mut unknown = started.id.clone();
    unknown.replace_range(30.., "000000");
    let mut answers = Vec::new();
    for id in [
        &*started.id,
        &*unknown,
        "not-an-id",
        "00000000-0000-4000-8000-000000000000",
    ] {
        let answer = api.complete(id, wrong.clone()).await;
        let mut body = answer.json();
        body["trackingId"].take();
        answers.push((answer.status, body));
    }
    assert_eq!(answers[0].0, 403);
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:#?}"
    );
    assert_eq!(
        api.in_phase(&started.id, "WAITING").await["outcome"],
        json!(null)
    );
}

#[tokio::test]
async fn an_output_has_to_fit_the_schema() {
    let service = Service::start().await;
    let api = &service.api;
    let trigger = "test:request-response";
    let subscriber = Subscriber::always(acknowledges()).await;
    api.subscribe(trigger, &subscriber.url(), "ASYNC", json!({}))
        .await;
    let started = api.start_one(trigger, r#"{"identityId":"1"}"#, "{}").await;
    let result = |output| json!({"secret": started.secret, "output": output});
    let refused = api
        .complete(&started.id, result(json!({"approved": "yes"})))
        .await
        .expect(400);
    assert!(
        refused.message().contains("approved"),
        "{}",
        refused.message()
    );
    let taken = api
        .complete(&started.id, result(json!({"approved": true})))
        .await;
    assert_eq!(
        taken.status,
        204,
        "a refused result spoils nothing: {}",
        taken.text()
    );
}

#[tokio::test]
async fn fire_and_forget_has_no_result_to_post() {
    let scene = Scene::new(
        "FIRE_AND_FORGET",
        Subscriber::always(Reply::status(200)).await,
    )
    .await;
    let started = scene.start("{}", "{}").await;
    let body = json!({"secret": started.secret, "output": {}});
    let refused = scene
        .service
        .api
        .complete(&started.id, body)
        .await
        .expect(400);
    assert!(
        refused.message().contains("FIRE_AND_FORGET"),
        "{}",
        refused.message()
    );
}

#[tokio::test]
async fn event_bridge_fails_at_once_and_says_why() {
    let service = Service::start().await;
    let api = &service.api;
    api.put_trigger(TRIGGER, "REQUEST_RESPONSE").await;
    let body = json!({
        "name": "bridge", "triggerId": TRIGGER, "type": "EVENTBRIDGE",
        "eventBridgeConfig": {"awsAccount": "123456789012", "awsRegion": "us-west-1"},
    });
    drop(
        api.post("/trigger-subscriptions/v1", body.to_string())
            .await
            .expect(201),
    );
    let started = api.start_one(TRIGGER, "{}", "{}").await;
    let found = api.closed(&started.id).await;
    assert_eq!(found["outcome"], "FAILED");
    assert!(
        error_of(&found).contains("EVENTBRIDGE"),
        "{}",
        error_of(&found)
    );
    let completions = service.completions().await;
    assert_eq!(completions.len(), 1);
    assert!(
        completions[0].error().contains("EVENTBRIDGE"),
        "{}",
        completions[0].error()
    );
}

#[tokio::test]
async fn what_was_acknowledged_is_known_at_once() {
    let scene = Scene::new("ASYNC", Subscriber::always(acknowledges()).await).await;
    let api = &scene.service.api;
    let runs = (0..600).map(async |n| {
        let started = scene.start("{}", "{}").await;
        if n % 2 == 0 {
            api.invocation(&started.id).await;
        }
        let body = json!({"secret": started.secret, "output": {}});
        let completed = api.complete(&started.id, body).await;
        assert_eq!(completed.status, 204, "{}", completed.text());
    });
    futures::future::join_all(runs).await;
    assert_eq!(scene.service.completions().await.len(), 600);
}

#[tokio::test]
async fn what_is_open_and_what_is_closed_can_be_listed() {
    let scene = Scene::new("ASYNC", Subscriber::always(acknowledges()).await).await;
    let api = &scene.service.api;
    let (first, second) = (scene.start("{}", "{}").await, scene.start("{}", "{}").await);
    let ids = async |path: &str| -> Vec<String> {
        let rows = api.get(path).await.expect(200).json();
        let rows = rows.as_array().expect("a list").iter();
        rows.map(|row| row["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let body = json!({"secret": first.secret, "output": {}});
    assert_eq!(api.complete(&first.id, body).await.status, 204);
    assert_eq!(
        ids("/v2025/trigger-invocations/status").await,
        [&*second.id, &*first.id]
    );
    assert_eq!(ids("/beta/trigger-invocations").await, [&*second.id]);
    let path = format!("/trigger-invocations/v1/status?filters=triggerId%20eq%20%22{TRIGGER}%22");
    assert_eq!(ids(&format!("{path}&limit=1&offset=1")).await, [&*first.id]);
}

#[tokio::test]
async fn a_large_event_is_refused_and_a_smaller_one_is_not() {
    let setup = Setup::new().set("api.body_limit_bytes", "20000");
    let subscriber = Subscriber::always(Reply::json(200, "{}")).await;
    let scene = Scene::with(setup, "SYNC", subscriber, json!({})).await;
    let input = |bytes: usize| format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes));
    let too_large = start_body(TRIGGER, &input(20_000), "{}");
    let refused = scene
        .service
        .api
        .post("/trigger-invocations/v1/start", too_large)
        .await;
    assert_eq!(refused.status, 413, "{}", refused.text());
    let started = scene.start(&input(19_000), "{}").await;
    assert_eq!(
        scene.service.api.closed(&started.id).await["outcome"],
        "COMPLETED"
    );
}
