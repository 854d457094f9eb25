//! The routes for whoever runs the service.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;
use triggerfish_ops::{admin, health::Readiness, metrics};

async fn get(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn health_says_what_is_waited_for() {
    let readiness = Readiness::new();
    let router = admin::router(readiness.clone(), metrics::install().unwrap());
    let registry = readiness.condition("registry");
    let log = readiness.condition("log");
    log.met();
    registry.unmet("reading the registry");

    let (status, body) = get(&router, "/health/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        body["waitingFor"],
        json!([{"name": "registry", "reason": "reading the registry"}])
    );
    assert_eq!(get(&router, "/health/live").await.0, StatusCode::OK);

    registry.met();
    assert_eq!(get(&router, "/health/ready").await.0, StatusCode::OK);

    readiness.close();
    assert_eq!(
        get(&router, "/health/ready").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        get(&router, "/health/live").await.0,
        StatusCode::OK,
        "alive while it drains"
    );
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let router = admin::router(Readiness::new(), metrics::install().unwrap());
    let (status, body) = get(&router, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        body.contains("# TYPE triggerfish_calls_in_flight gauge"),
        "{body}"
    );
    assert!(body.contains("triggerfish_build_info{version="), "{body}");
}
