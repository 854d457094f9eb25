use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::json;

use crate::{
    harness::{Api, forms},
    players::PANICS,
};

#[tokio::test]
async fn unknown_paths_and_methods() {
    let api = Api::new().await;
    for path in [
        "/",
        "/nope",
        "/v2027/triggers",
        "/beta",
        "/triggers",
        "/beta/triggers/a/b",
        "/triggers/v2",
    ] {
        api.get(path).await.error(404);
    }
    let mut refusals = vec![
        ("/oauth/token".to_owned(), "POST"),
        ("/openapi.json".into(), "GET,HEAD"),
    ];
    refusals.extend(
        forms("triggers", "")
            .into_iter()
            .map(|path| (path, "GET,HEAD")),
    );
    refusals.extend(
        forms("trigger-invocations", "/test")
            .into_iter()
            .map(|path| (path, "POST")),
    );
    for (path, allowed) in refusals {
        let reply = api.call(Method::DELETE, &path, None).await;
        reply.error(405);
        let allow = reply.headers["allow"].to_str().unwrap();
        for method in allowed.split(',') {
            assert!(allow.contains(method), "{path}: {allow}");
        }
    }
}

#[tokio::test]
async fn bodies_that_are_not_json() {
    let api = Api::new().await;
    let path = "/v2025/trigger-subscriptions";
    let json = [("content-type", "application/json")];
    for body in ["", "{", "nonsense", "{\"name\": \u{0}}"] {
        let error = api.post_text(path, &json, body).await.error(400);
        assert!(
            error.starts_with("the request body: not valid JSON at line 1"),
            "{error}"
        );
    }
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "")],
    ] {
        let error = api.post_text(path, headers, "{}").await.error(415);
        assert!(error.contains("application/json"), "{error}");
    }
    let deep = format!("{{\"name\":{}", "[".repeat(100_000));
    api.post_text(path, &json, &deep).await.error(400);
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let api = Api::with(|settings| settings.body_bytes_max = 1000).await;
    let big = format!("{{\"name\":\"{}\"}}", "x".repeat(1000));
    let json = [("content-type", "application/json")];
    for path in [
        "/beta/trigger-subscriptions",
        "/beta/trigger-invocations/start",
        "/cloudevents",
    ] {
        let error = api.post_text(path, &json, &big).await.error(413);
        assert!(error.contains("1000 bytes"), "{error}");
    }
    let reply = api.form("/oauth/token", &"x".repeat(1001)).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"], "invalid_request");
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_nothing() {
    let api = Api::new().await;
    let body = json!({"triggerId": PANICS, "contentJson": {}});
    let reply = api.post("/beta/trigger-invocations/test", body).await;
    let error = reply.error(500);
    assert_eq!(reply.json()["detailCode"], "500.0 Internal Fault");
    assert!(!error.contains("as asked"), "{error}");
    assert_eq!(api.get("/beta/triggers").await.status, 200);
}

#[tokio::test]
async fn every_answer_has_a_tracking_id_of_its_own() {
    let api = Api::new().await;
    let one = api.get("/beta/triggers").await.headers["x-tracking-id"].clone();
    let other = api.get("/nope").await.headers["x-tracking-id"].clone();
    assert_ne!(one, other);
}

#[tokio::test]
async fn ids_that_are_not_text() {
    let api = Api::new().await;
    for path in [
        "/beta/triggers/%FF",
        "/beta/trigger-subscriptions/%FF",
        "/beta/trigger-invocations/%FF",
    ] {
        api.get(path).await.error(404);
    }
    let request = Request::builder()
        .uri("/beta/triggers?filters=%FF")
        .body(Body::empty())
        .unwrap();
    assert_eq!(api.send(request).await.status, 401);
}
