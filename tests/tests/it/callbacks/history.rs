//! What the history of a callback shows, and what it does not.

use serde_json::{Value, json};
use triggerfish_tests::{Reply, Subscriber};

use super::platform::{Platform, answering};

#[tokio::test]
async fn every_activation_is_there_with_secrets_masked() {
    let platform = Platform::new().await;
    let echoes = Subscriber::start(|call| async move {
        let sent = call.header("authorization").to_owned();
        let body = format!(r#"{{"token":"t-4711","saw":"{sent}","why":"no"}}"#);
        Reply::json(403, body)
    })
    .await;
    let secret =
        json!({"authentication": {"type": "BEARER_TOKEN", "bearerToken": "bearer-4711-abc"}});
    let id = platform
        .before_callback("echo", &echoes.url(), secret)
        .await;
    let asked = platform.ask(json!({"test": true})).await.json;
    platform
        .ask(json!({"action": "DELETED", "entity": {"id": "x-9"}}))
        .await;
    let history = platform.history(&id).await;
    assert_eq!(history.len(), 2);
    let (newest, oldest) = (&history[0], &history[1]);
    assert_eq!(
        (&newest["action"], &newest["objectId"]),
        (&json!("DELETED"), &json!("x-9"))
    );
    assert_eq!(oldest["id"], asked["callbacks"][0]["invocationId"]);
    assert_eq!(oldest["actionId"], asked["id"]);
    assert_eq!(
        (&oldest["timing"], &oldest["user"]),
        (&json!("BEFORE"), &json!("jdoe"))
    );
    assert_eq!(
        (&oldest["httpStatus"], &oldest["expectedStatus"]),
        (&json!(403), &json!(200))
    );
    assert_eq!(
        (&oldest["outcome"], &oldest["test"]),
        (&json!("DENIED"), &json!(true))
    );
    assert!(oldest["durationMs"].is_u64() && oldest["triggeredOn"].is_string());
    assert_eq!(
        oldest["requestBody"],
        r#"{"AppToken":{"id":7,"name":"Store","secret":"***"},"action":"CREATED","user":"jdoe"}"#
    );
    assert_eq!(
        oldest["responseBody"],
        r#"{"token":"***","saw":"Bearer ***","why":"no"}"#
    );
    assert_eq!(oldest["truncated"], false);
    masked_elsewhere(&platform, oldest).await;
    filtered(&platform, &id).await;
}

/// The call is an invocation as well, and is shown as one.
async fn masked_elsewhere(platform: &Platform, activation: &Value) {
    let status = platform.api().get("/trigger-invocations/v1/status").await;
    assert!(!status.expect(200).text().contains("app-secret-4711"));
    let path = format!(
        "/trigger-invocations/v1/{}",
        activation["id"].as_str().expect("an id")
    );
    let detail = platform.api().get(&path).await.expect(200);
    assert!(
        !detail.text().contains("app-secret-4711"),
        "{}",
        detail.text()
    );
    assert_eq!(
        detail.json()["startInvocationInput"]["input"]["AppToken"]["secret"],
        "***"
    );
}

async fn filtered(platform: &Platform, id: &str) {
    for (filter, count) in [
        ("outcome%20eq%20%22DENIED%22", 2),
        ("outcome%20eq%20%22ALLOWED%22", 0),
        ("action%20eq%20%22DELETED%22", 1),
        ("objectId%20eq%20%227%22", 1),
    ] {
        let path = format!("/callbacks/v1/{id}/activations?filters={filter}&count=true");
        let answer = platform.api().get(&path).await.expect(200);
        assert_eq!(
            answer.headers["x-total-count"],
            count.to_string(),
            "{filter}"
        );
    }
    drop(
        platform
            .api()
            .get("/callbacks/v1/nope/activations")
            .await
            .expect(404),
    );
}

#[tokio::test]
async fn it_outlives_the_callback_and_a_restart() {
    let platform = Platform::new().await;
    let receiver = answering(200).await;
    let id = platform
        .before_callback("gate", &receiver.url(), json!({}))
        .await;
    let asked = platform.ask(json!({})).await.json;
    let setup = platform.service.stop().await;
    let platform = Platform::with(setup).await;
    let path = format!("/object-events/v1/{}", asked["id"].as_str().unwrap());
    assert_eq!(platform.api().get(&path).await.expect(200).json(), asked);
    let path = format!("/callbacks/v1/{id}");
    let deleted = platform
        .api()
        .call(reqwest::Method::DELETE, &path, &[], "")
        .await;
    drop(deleted.expect(204));
    assert_eq!(platform.history(&id).await[0]["outcome"], "ALLOWED");
}
