//! Who is told of an event, and what makes events the same.

use reqwest::Method;
use serde_json::{Value, json};
use triggerfish_tests::{Reply, Service, Setup, Subscriber, api::start_body};

use crate::scene::{Scene, TRIGGER};

const START: &str = "/trigger-invocations/v1/start";
const TEST: &str = "/trigger-invocations/v1/test";

async fn listener() -> Subscriber {
    Subscriber::always(Reply::status(200)).await
}

#[tokio::test]
async fn a_filter_drops_what_does_not_match() {
    let extra = json!({"filter": "$[?($.amount > 100)]"});
    let scene = Scene::with(Setup::new(), "FIRE_AND_FORGET", listener().await, extra).await;
    let api = &scene.service.api;
    let dropped = api
        .post(START, start_body(TRIGGER, r#"{"amount":7}"#, "{}"))
        .await;
    assert_eq!((dropped.status, dropped.text().as_str()), (204, ""));
    let dropped = api
        .post(TEST, start_body(TRIGGER, r#"{"amount":7}"#, "{}"))
        .await;
    assert_eq!(dropped.status, 204, "a filter holds for tests too");
    let started = scene.start(r#"{"amount":700}"#, "{}").await;
    api.closed(&started.id).await;
    assert_eq!(scene.subscriber.count(), 1);
    let listed = api.get("/trigger-invocations/v1/status").await.json();
    assert_eq!(
        listed.as_array().map(Vec::len),
        Some(1),
        "what is dropped is not listed"
    );
    assert_eq!(scene.completion().await.id, started.id);
}

#[tokio::test]
async fn a_test_reaches_a_disabled_subscription_and_a_real_event_does_not() {
    let extra = json!({"enabled": false});
    let scene = Scene::with(Setup::new(), "FIRE_AND_FORGET", listener().await, extra).await;
    let api = &scene.service.api;
    assert_eq!(
        api.post(START, start_body(TRIGGER, "{}", "{}"))
            .await
            .status,
        204
    );
    let body = json!({"triggerId": TRIGGER, "contentJson": {}});
    let started = api.post(TEST, body.to_string()).await.started();
    assert_eq!(started.len(), 1);
    let found = api.closed(&started[0].id).await;
    assert_eq!(found["type"], "TEST");
    let calls = scene.subscriber.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        calls[0].json(),
        json!({"example": true}),
        "the example, as no input was given"
    );
    assert_eq!(scene.completion().await.json["type"], "TEST");
}

#[tokio::test]
async fn every_subscription_is_told_or_those_that_a_test_names() {
    let scene = Scene::new("FIRE_AND_FORGET", listener().await).await;
    let api = &scene.service.api;
    let other = listener().await;
    let other_id = api
        .subscribe(TRIGGER, &other.url(), "SYNC", json!({"name": "other"}))
        .await;
    let both = api.start(TRIGGER, "{}", "{}").await;
    assert_eq!(both.len(), 2);
    assert_ne!(both[0].id, both[1].id);
    assert_ne!(both[0].secret, both[1].secret);
    for started in &both {
        api.closed(&started.id).await;
    }
    let test =
        |ids: Value| json!({"triggerId": TRIGGER, "contentJson": {}, "subscriptionIds": ids});
    let one = api
        .post(TEST, test(json!([other_id])).to_string())
        .await
        .started();
    assert_eq!(one.len(), 1);
    api.closed(&one[0].id).await;
    assert_eq!((scene.subscriber.count(), other.count()), (1, 2));
    let nobody = json!(["00000000-0000-4000-8000-000000000000"]);
    assert_eq!(api.post(TEST, test(nobody).to_string()).await.status, 400);
}

#[tokio::test]
async fn what_is_wrong_with_an_event_is_said() {
    let service = Service::start().await;
    let api = &service.api;
    let unknown = api
        .post(START, start_body("acme:nope", "{}", "{}"))
        .await
        .expect(400);
    assert!(
        unknown.message().contains("acme:nope"),
        "{}",
        unknown.message()
    );
    let subscriber = listener().await;
    api.subscribe("test:fire-and-forget", &subscriber.url(), "SYNC", json!({}))
        .await;
    let unfit = start_body("test:fire-and-forget", r#"{"identityId":1}"#, "{}");
    let unfit = api.post(START, unfit).await.expect(400);
    assert!(unfit.message().contains("schema"), "{}", unfit.message());
    let nobody = api.post(
        START,
        start_body("test:request-response", r#"{"identityId":"1"}"#, "{}"),
    );
    assert_eq!(nobody.await.status, 204, "nobody is subscribed");
    assert_eq!(subscriber.count(), 0);
}

#[tokio::test]
async fn an_idempotency_key_starts_once() {
    let scene = Scene::new("FIRE_AND_FORGET", listener().await).await;
    let api = &scene.service.api;
    let start = async |input: &str, key: &str| {
        let body = start_body(TRIGGER, input, r#"{"c":1}"#);
        api.call(Method::POST, START, &[("idempotency-key", key)], body)
            .await
    };
    let first = start("{}", "k1").await.started();
    api.closed(&first[0].id).await;
    assert_eq!(
        start("{}", "k1").await.started(),
        first,
        "the same answer, also after its end"
    );
    let refused = start(r#"{"other":1}"#, "k1").await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(
        refused.message().contains("idempotency key"),
        "{}",
        refused.message()
    );
    let second = start("{}", "k2").await.started();
    assert_ne!(second[0].id, first[0].id);
    api.closed(&second[0].id).await;

    let again = scene.service.stop().await.start().await;
    let body = start_body(TRIGGER, "{}", r#"{"c":1}"#);
    let known = again
        .api
        .call(Method::POST, START, &[("idempotency-key", "k1")], body)
        .await;
    assert_eq!(known.started(), first, "also after a restart");
    assert_eq!(scene.subscriber.count(), 2);
    assert_eq!(again.completions().await.len(), 2);
}

#[tokio::test]
async fn repetitions_at_the_same_time_start_once() {
    let scene = Scene::new("FIRE_AND_FORGET", listener().await).await;
    let api = &scene.service.api;
    let start = || {
        let body = start_body(TRIGGER, "{}", "{}");
        api.call(Method::POST, START, &[("idempotency-key", "same")], body)
    };
    let answers = futures::future::join_all((0..20).map(|_| start())).await;
    let mut ids: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.started().remove(0).id)
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    api.closed(&ids[0]).await;
    assert_eq!(scene.subscriber.count(), 1);
    assert_eq!(scene.completion().await.id, ids[0]);
}

#[tokio::test]
async fn a_chain_of_causes_has_an_end() {
    let setup = Setup::new().set("delivery.max_depth", "2");
    let scene = Scene::with(setup, "FIRE_AND_FORGET", listener().await, json!({})).await;
    let api = &scene.service.api;
    let mut depth = None;
    for expected in ["0", "1", "2"] {
        let headers: Vec<_> = depth
            .iter()
            .map(|depth: &String| ("triggerfish-depth", &**depth))
            .collect();
        let body = start_body(TRIGGER, "{}", "{}");
        let started = api
            .call(Method::POST, START, &headers, body)
            .await
            .started();
        api.closed(&started[0].id).await;
        let call = scene.subscriber.calls().pop().expect("a call");
        assert_eq!(call.header("triggerfish-depth"), expected);
        depth = Some(call.header("triggerfish-depth").to_owned());
    }
    for path in [START, TEST] {
        let body = start_body(TRIGGER, "{}", "{}");
        let refused = api
            .call(Method::POST, path, &[("triggerfish-depth", "2")], body)
            .await;
        assert_eq!(refused.status, 400);
        assert!(refused.message().contains("loop"), "{}", refused.message());
    }
    assert_eq!(scene.subscriber.count(), 3);
}

#[tokio::test]
async fn a_trace_goes_on_in_the_call_and_in_the_completion() {
    let scene = Scene::new("FIRE_AND_FORGET", listener().await).await;
    let api = &scene.service.api;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let body = start_body(TRIGGER, "{}", "{}");
    let started = api
        .call(Method::POST, START, &[("traceparent", &parent)], body)
        .await
        .started();
    api.closed(&started[0].id).await;
    let call = scene.subscriber.calls().remove(0);
    let continued = call.header("traceparent");
    assert!(
        continued.starts_with(&format!("00-{trace}-")),
        "{continued}"
    );
    assert_ne!(continued, parent, "the call is a span of its own");
    assert_eq!(scene.completion().await.headers["traceparent"], parent);
}
