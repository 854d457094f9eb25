use serde_json::{Value, json};
use triggerfish_api::ports::{Start, StartError, StartIdentity, StartInput};
use triggerfish_core::{Origin, Timestamp};

use crate::{harness::Api, players::Intake};

const STRUCTURED: (&str, &str) = ("content-type", "application/cloudevents+json");
const BATCHED: (&str, &str) = ("content-type", "application/cloudevents-batch+json");
const FAF: &str = "test:fire-and-forget";

fn event(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/hr", "type": FAF,
        "data": {"identityId": "7", "approved": true}})
}

fn starts(api: &Api) -> Vec<Start> {
    std::mem::take(&mut *api.intake.starts.lock())
}

#[tokio::test]
async fn a_structured_event_starts_what_it_says() {
    let api = Api::new().await;
    let body = r#"{"specversion":"1.0","id":"e1","source":"/hr","type":"test:fire-and-forget",
        "time":"2026-04-30T10:00:00Z","partitionkey":"k7","triggerfishdepth":4,
        "traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "data":{"identityId" : "7","approved":true}}"#;
    let reply = api.post_text("/cloudevents", &[STRUCTURED], body).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    let invocation = json!({"id": Intake::id(0).to_string(),
        "subscriptionId": Intake::subscription_id().to_string()});
    assert_eq!(
        reply.json(),
        json!([{"source": "/hr", "id": "e1", "invocations": [invocation]}])
    );
    let start = starts(&api).remove(0);
    assert_eq!(start.trigger_id, FAF);
    assert_eq!(start.origin, Origin::RealTime);
    assert_eq!(
        start.input,
        StartInput::Json(r#"{"identityId" : "7","approved":true}"#.into())
    );
    let identity = StartIdentity::Key {
        scope: "/hr".into(),
        key: "e1".into(),
    };
    assert_eq!(start.identity, identity);
    assert_eq!(start.time, Timestamp::parse("2026-04-30T10:00:00Z"));
    assert_eq!(start.ordering_key.as_deref(), Some("k7"));
    assert_eq!(start.event_id.as_deref(), Some("e1"));
    assert_eq!(start.depth, 4);
    assert!(start.traceparent.unwrap().starts_with("00-0af"));
    let content: Value = serde_json::from_slice(&start.content_json).unwrap();
    assert_eq!(content["id"], "e1");
}

#[tokio::test]
async fn a_binary_event() {
    let api = Api::new().await;
    let headers = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "e2"),
        ("ce-source", "/hr"),
        ("ce-type", FAF),
        ("triggerfish-depth", "1"),
    ];
    let body = r#"{"identityId":"7",  "approved":false}"#;
    let reply = api.post_text("/cloudevents", &headers, body).await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    let start = starts(&api).remove(0);
    assert_eq!(start.input, StartInput::Json(body.into()));
    assert_eq!(start.depth, 2);
    let error = api
        .post_text("/cloudevents", &headers[..1], body)
        .await
        .error(400);
    assert!(error.contains("specversion"), "{error}");
}

#[tokio::test]
async fn a_batch_is_taken_in_order() {
    let api = Api::new().await;
    api.intake
        .answers
        .lock()
        .extend([Ok(2), Ok(0), Err(StartError::KeyReused)]);
    let body = json!([event("a"), event("b"), event("c")]).to_string();
    let reply = api.post_text("/cloudevents", &[BATCHED], &body).await;
    assert_eq!(reply.status, 202);
    let rows = reply.json();
    assert_eq!(rows[0]["invocations"].as_array().unwrap().len(), 2);
    assert_eq!(
        rows[1],
        json!({"source": "/hr", "id": "b", "invocations": []})
    );
    assert!(
        rows[2]["error"]
            .as_str()
            .unwrap()
            .contains("idempotency key")
    );
    let ids: Vec<_> = starts(&api)
        .into_iter()
        .filter_map(|start| start.event_id)
        .collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let reply = api.post_text("/cloudevents", &[BATCHED], "[]").await;
    assert_eq!((reply.status.as_u16(), reply.json()), (202, json!([])));
}

#[tokio::test]
async fn nothing_of_a_batch_is_taken_when_one_event_is_bad() {
    let api = Api::with(|settings| {
        settings.batch_events_max = 6;
        settings.depth_max = 3;
    })
    .await;
    let mut unfit = event("x");
    unfit["data"]["approved"] = json!("hidden-value");
    let mut unknown = event("x");
    unknown["type"] = json!("acme:nope");
    let mut deep = event("x");
    deep["triggerfishdepth"] = json!(4);
    let body = json!([event("a"), unfit, unknown, deep, {"id": "x"}, event("b")]);
    let reply = api
        .post_text("/cloudevents", &[BATCHED], &body.to_string())
        .await;
    let error = reply.error(400);
    assert!(error.contains("event 1: "), "{error}");
    let causes = reply.json()["causes"].clone();
    let texts: Vec<_> = causes
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| cause["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts.len(), 4);
    for (text, parts) in texts.iter().zip([
        ["event 1: ", "/approved"],
        ["event 2: ", "acme:nope"],
        ["event 3: ", "limit is 3"],
        ["event 4: ", "\"data\""],
    ]) {
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
    assert!(!reply.text.contains("hidden-value"));
    assert!(starts(&api).is_empty());
    let body = json!(vec![event("a"); 7]).to_string();
    let error = api
        .post_text("/cloudevents", &[BATCHED], &body)
        .await
        .error(400);
    assert!(error.contains("limit is 6"), "{error}");
}

#[tokio::test]
async fn what_is_refused() {
    let api = Api::new().await;
    let one = event("a").to_string();
    let avro = [("content-type", "application/cloudevents+avro")];
    api.post_text("/cloudevents", &avro, &one).await.error(415);
    api.post_text("/cloudevents", &[STRUCTURED], "{")
        .await
        .error(400);
    api.post_text("/cloudevents", &[BATCHED], &one)
        .await
        .error(400);
    api.intake.answers.lock().push(Err(StartError::KeyReused));
    api.post_text("/cloudevents", &[STRUCTURED], &one)
        .await
        .error(400);
    let away = StartError::Unavailable {
        retry_after: std::time::Duration::from_secs(3),
    };
    api.intake.answers.lock().extend([Ok(1), Err(away)]);
    let batch = format!("[{one},{one}]");
    let reply = api.post_text("/cloudevents", &[BATCHED], &batch).await;
    reply.error(503);
    assert_eq!(reply.headers["retry-after"], "3");
}
