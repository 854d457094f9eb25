//! Real events as `CloudEvents`, in the three content modes.

use reqwest::Method;
use serde_json::{Value, json};
use triggerfish_tests::{Answer, Reply, Service, Subscriber};

use crate::scene::{Scene, TRIGGER};

const STRUCTURED: &str = "application/cloudevents+json";
const BATCHED: &str = "application/cloudevents-batch+json";

fn event(id: &str, data: &Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/hr", "type": TRIGGER, "data": data})
}

async fn send(service: &Service, content_type: &str, body: &Value) -> Answer {
    let headers = [("content-type", content_type)];
    service
        .api
        .call(Method::POST, "/cloudevents", &headers, body.to_string())
        .await
}

fn ids(answer: &Answer) -> Vec<String> {
    let results = answer.json();
    let results = results
        .as_array()
        .unwrap_or_else(|| panic!("{}", answer.text()));
    let invocations = results
        .iter()
        .flat_map(|result| result["invocations"].as_array().expect("a list").iter());
    invocations
        .map(|found| found["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn scene() -> Scene {
    Scene::new(
        "FIRE_AND_FORGET",
        Subscriber::always(Reply::status(200)).await,
    )
    .await
}

#[tokio::test]
async fn structured_and_again() {
    let scene = scene().await;
    let mut event = event("e-1", &json!({"n": 1}));
    event["contentjson"] = json!(r#"{"order": 1.50}"#);
    let first = send(&scene.service, STRUCTURED, &event).await.expect(202);
    let ids = ids(&first);
    assert_eq!(ids.len(), 1);
    scene.service.api.closed(&ids[0]).await;
    let again = send(&scene.service, STRUCTURED, &event).await.expect(202);
    assert_eq!(
        again.json(),
        first.json(),
        "the same event starts nothing new"
    );
    assert_eq!(scene.subscriber.calls()[0].json(), json!({"n": 1}));
    let completion = scene.completion().await;
    assert_eq!(completion.content_json, r#"{"order": 1.50}"#);
}

#[tokio::test]
async fn binary_with_its_attributes_as_content() {
    let scene = scene().await;
    let headers = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "b-1"),
        ("ce-source", "/hr"),
        ("ce-type", TRIGGER),
        ("ce-subject", "identity 7"),
    ];
    let body = r#"{"n":  2}"#;
    let sent = scene
        .service
        .api
        .call(Method::POST, "/cloudevents", &headers, body)
        .await;
    let id = ids(&sent.expect(202)).remove(0);
    scene.service.api.closed(&id).await;
    assert_eq!(scene.subscriber.calls()[0].body, body, "data byte for byte");
    let completion = scene.completion().await;
    let content = &completion.json["contentJson"];
    assert_eq!(
        (&content["id"], &content["subject"]),
        (&json!("b-1"), &json!("identity 7"))
    );
}

#[tokio::test]
async fn batched_all_or_nothing() {
    let scene = scene().await;
    let good = [
        event("x-1", &json!({"n": 1})),
        event("x-2", &json!({"n": 2})),
    ];
    let bad = [good[0].clone(), json!({"specversion": "1.0", "id": "x-3"})];
    let refused = send(&scene.service, BATCHED, &json!(bad)).await.expect(400);
    assert!(
        refused.message().contains("event 1"),
        "{}",
        refused.message()
    );
    let taken = send(&scene.service, BATCHED, &json!(good))
        .await
        .expect(202);
    let ids = ids(&taken);
    assert_eq!(ids.len(), 2);
    for id in &ids {
        scene.service.api.closed(id).await;
    }
    assert_eq!(
        scene.subscriber.count(),
        2,
        "nothing of the refused batch was taken"
    );
}

#[tokio::test]
async fn the_same_id_with_other_data_is_refused() {
    let scene = scene().await;
    drop(
        send(&scene.service, STRUCTURED, &event("e-1", &json!({"n": 1})))
            .await
            .expect(202),
    );
    let refused = send(&scene.service, STRUCTURED, &event("e-1", &json!({"n": 2}))).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
}

#[tokio::test]
async fn the_same_event_twice_in_a_batch_is_one() {
    let scene = scene().await;
    let twice = json!([
        event("t-1", &json!({"n": 1})),
        event("t-1", &json!({"n": 1}))
    ]);
    let ids = ids(&send(&scene.service, BATCHED, &twice).await.expect(202));
    assert_eq!(ids.len(), 2, "a result for each event");
    assert_eq!(ids[0], ids[1]);
    scene.service.api.closed(&ids[0]).await;
    assert_eq!(scene.subscriber.count(), 1);
    assert_eq!(scene.completion().await.id, ids[0]);
}

#[tokio::test]
async fn old_and_future_events_have_their_whole_deadline() {
    let scene = Scene::new("ASYNC", Subscriber::always(Reply::json(200, "{}")).await).await;
    let api = &scene.service.api;
    for time in [
        "1971-01-01T00:00:00Z",
        "2020-02-29T23:59:59.999+02:00",
        "9998-12-31T00:00:00Z",
    ] {
        let mut event = event(time, &json!({}));
        event["time"] = json!(time);
        let sent = send(&scene.service, STRUCTURED, &event).await.expect(202);
        let id = ids(&sent).remove(0);
        let waiting = api.in_phase(&id, "WAITING").await;
        let (created, deadline) = (&waiting["created"], &waiting["deadline"]);
        assert!(
            created.as_str() < deadline.as_str(),
            "{time}: {created} {deadline}"
        );
        let again = send(&scene.service, STRUCTURED, &event).await.expect(202);
        assert_eq!(ids(&again), [&*id], "{time}: the same event again");
        let call = scene.subscriber.calls().pop().expect("a call");
        let heard = call
            .call_back(&json!({"time": time}))
            .await
            .expect("an answer");
        assert_eq!(heard.status, 204, "{time}: {}", heard.text());
    }
    let completions = scene.service.completions().await;
    assert!(
        completions.iter().all(|one| one.outcome() == "COMPLETED"),
        "{completions:?}"
    );
    assert_eq!(completions.len(), 3);
}
