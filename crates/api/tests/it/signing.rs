use axum::http::Method;
use triggerfish_core::Timestamp;

use crate::harness::{Api, forms};

#[tokio::test]
async fn rotation_shows_the_new_secret_once() {
    let api = Api::new().await;
    let id = api.subscribe("test:request-response", "n").await;
    for (n, path) in forms(
        "trigger-subscriptions",
        &format!("/{id}/rotate-signing-secret"),
    )
    .iter()
    .enumerate()
    {
        let reply = api.call(Method::POST, path, None).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.headers["cache-control"], "no-store");
        let body = reply.json();
        assert_eq!(body["secret"], format!("whsec_{id}_{}", n + 1));
        let until = body["previousValidUntil"].as_str().unwrap();
        assert!(Timestamp::parse(until).is_some(), "{until}");
    }
    let shown = api.get("/beta/trigger-subscriptions").await.text;
    assert!(!shown.contains("whsec_"), "{shown}");
    let nobody =
        "/beta/trigger-subscriptions/8c0f1a7e-8a27-4f0e-b4d6-1c5a3ce0a111/rotate-signing-secret";
    api.call(Method::POST, nobody, None).await.error(404);
}

#[tokio::test]
async fn callbacks_have_secrets_of_their_own() {
    let api = Api::new().await;
    let body = serde_json::json!({"name": "n", "timing": "AFTER", "objectType": "app",
        "url": "https://a.example"});
    let made = api.post("/callbacks/v1", body).await.json();
    let id = made["id"].as_str().unwrap();
    let path = format!("/callbacks/v1/{id}/rotate-signing-secret");
    for generation in 1..=2 {
        let reply = api.call(Method::POST, &path, None).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert_eq!(reply.json()["secret"], format!("whsec_{id}_{generation}"));
    }
    assert!(!api.get("/callbacks/v1").await.text.contains("whsec_"));
    let nobody = "/callbacks/v1/8c0f1a7e-8a27-4f0e-b4d6-1c5a3ce0a111/rotate-signing-secret";
    api.call(Method::POST, nobody, None).await.error(404);
}
