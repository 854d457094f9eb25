//! The routes for whoever runs the service: `/health/live`, `/health/ready` and
//! `/metrics`. They carry no secret and need no token.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::json;

use crate::{health::Readiness, metrics::Exporter};

/// The media type of the Prometheus text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The routes. `/health/live` is 200 as long as the process runs; `/health/ready`
/// is 200 or 503 and names what is waited for; `/metrics` is Prometheus text.
pub fn router(readiness: Readiness, exporter: Exporter) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(readiness)
        .merge(
            Router::new()
                .route("/metrics", get(scrape))
                .with_state(exporter),
        )
}

async fn live() -> impl IntoResponse {
    Json(json!({ "status": "live" }))
}

async fn ready(State(readiness): State<Readiness>) -> impl IntoResponse {
    let waiting: Vec<_> = readiness
        .unmet()
        .into_iter()
        .map(|unmet| json!({ "name": unmet.name, "reason": unmet.reason }))
        .collect();
    if waiting.is_empty() {
        (StatusCode::OK, Json(json!({ "status": "ready" })))
    } else {
        let body = json!({ "status": "not ready", "waitingFor": waiting });
        (StatusCode::SERVICE_UNAVAILABLE, Json(body))
    }
}

async fn scrape(State(exporter): State<Exporter>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], exporter.render())
}
