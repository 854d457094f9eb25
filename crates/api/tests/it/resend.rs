use std::sync::Arc;

use axum::http::Method;
use serde_json::json;
use triggerfish_api::ports::{StartIdentity, StartInput};
use triggerfish_core::{InvocationId, InvocationKey, Origin, Timestamp, TriggerType};
use uuid::Uuid;

use crate::{harness::Api, status::invocation};

const FAF: &str = "test:fire-and-forget";

/// A known invocation of the subscription with this id.
fn known(api: &Api, subscription: &str, trigger_type: TriggerType) -> String {
    let id = InvocationId::new(Timestamp::EPOCH, 5, InvocationKey(1));
    let mut row = invocation(id, trigger_type);
    let request = Arc::make_mut(&mut row.request);
    request.subscription_id.0 = Uuid::parse_str(subscription).unwrap();
    request.ordering_key = Some("k".into());
    api.archive.add(row);
    format!("/trigger-invocations/v1/{id}/resend")
}

#[tokio::test]
async fn the_kept_input_starts_a_new_invocation_of_the_same_subscription() {
    let api = Api::new().await;
    let subscription = api.subscribe(FAF, "s").await;
    let path = known(&api, &subscription, TriggerType::FireAndForget);
    let reply = api
        .post_text(&path, &[("idempotency-key", "once")], "")
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json().as_array().unwrap().len(), 1);
    let start = api.intake.starts.lock().remove(0);
    assert_eq!(start.trigger_id, FAF);
    assert_eq!(start.origin, Origin::RealTime);
    let input = r#"{"identityId" : "7", "n":1.0}"#;
    assert_eq!(start.input, StartInput::Json(input.into()));
    assert_eq!(&start.content_json[..], br#"{"b":1,  "a":2}"#);
    let ids = start.subscription_ids.unwrap();
    assert_eq!(ids[0].to_string(), subscription);
    let identity = StartIdentity::Key {
        scope: "all".into(),
        key: "once".into(),
    };
    assert_eq!(start.identity, identity);
    assert_eq!((start.ordering_key.as_deref(), start.depth), (Some("k"), 2));

    api.intake.answers.lock().push(Ok(0));
    assert_eq!(api.post(&path, json!({})).await.status, 204);
}

#[tokio::test]
async fn what_can_not_be_resent_says_why() {
    let api = Api::new().await;
    let subscription = api.subscribe(FAF, "s").await;
    let path = known(&api, &subscription, TriggerType::RequestResponse);
    let error = api.post(&path, json!({})).await.error(400);
    assert!(error.contains("FIRE_AND_FORGET"), "{error}");

    let path = known(&api, &subscription, TriggerType::FireAndForget);
    let one = format!("/trigger-subscriptions/v1/{subscription}");
    let off = json!([{"op": "replace", "path": "/enabled", "value": false}]);
    let headers = [("content-type", "application/json-patch+json")];
    let request = axum::http::Request::patch(&one)
        .header(headers[0].0, headers[0].1)
        .header(
            "authorization",
            format!("Bearer {}", api.token_for("p", &["sp:scopes:all"]).await),
        )
        .body(off.to_string().into())
        .unwrap();
    assert_eq!(api.send(request).await.status, 200);
    let error = api.post(&path, json!({})).await.error(400);
    assert!(error.contains("disabled"), "{error}");

    assert_eq!(api.call(Method::DELETE, &one, None).await.status, 204);
    let error = api.post(&path, json!({})).await.error(400);
    assert!(error.contains("does not exist any more"), "{error}");

    let token = api
        .token_for("c", &["sp:trigger-service-invocation-status:manage"])
        .await;
    api.call_as(&token, Method::POST, &path, None)
        .await
        .error(403);
    api.post("/trigger-invocations/v1/x/resend", json!({}))
        .await
        .error(404);
    assert!(api.intake.starts.lock().is_empty());
}
