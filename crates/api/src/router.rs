//! All routes: one set of handlers, nested once per path form (reference 2.1).

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    activations, activity,
    auth::grant,
    callbacks, clients, dead_letters,
    error::ApiError,
    ingress, object_events, object_types, openapi, overview, records,
    state::{ApiState, Inner, Shared},
    status, subscriptions, tracking, triggers, workers,
};

/// Prefixes of the yearly forms. What comes with no prefix has `/v1` behind the
/// resource.
pub(crate) const PREFIXES: [&str; 5] = ["/beta", "/v2024", "/v2025", "/v2026", "/v3"];

type Resource = fn() -> OpenApiRouter<Shared>;

const RESOURCES: [(&str, Resource); 11] = [
    ("/triggers", triggers::router),
    ("/trigger-subscriptions", subscriptions::router),
    ("/trigger-invocations", status::router),
    ("/object-types", object_types::router),
    ("/callbacks", callbacks::router),
    ("/api-clients", clients::router),
    ("/callbacks", activations::router),
    ("/object-events", object_events::router),
    ("/workers", workers::router),
    ("/overview", overview::router),
    ("/activity", activity::router),
];

/// The HTTP API.
///
/// It answers every path, unknown ones with a 404 of the reference's shape; to put
/// other routes beside it, route to those first.
pub fn router(state: ApiState) -> Router {
    let body_bytes_max = state.settings.body_bytes_max;
    let mut router = Router::from(described()).route("/openapi.json", get(openapi::serve));
    for prefix in PREFIXES {
        for (path, resource) in RESOURCES {
            router = router.nest(&format!("{prefix}{path}"), resource().into());
        }
    }
    router
        .fallback(|| async { ApiError::not_found("there is no such path") })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(middleware::from_fn(tracking::track))
        .with_state(Inner::new(state))
}

/// The routes that the API's description lists.
pub(crate) fn described() -> OpenApiRouter<Shared> {
    let mut router = OpenApiRouter::with_openapi(openapi::Base::openapi())
        .routes(routes!(grant::token))
        .routes(routes!(ingress::receive))
        .routes(routes!(records::list))
        .nest("/dead-letters/v1", dead_letters::router());
    for (path, resource) in RESOURCES {
        router = router.nest(&format!("{path}/v1"), resource());
    }
    router
}
