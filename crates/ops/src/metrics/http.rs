//! Counts HTTP requests by the pattern of their route, never by their path, so that
//! nobody outside can make new time series.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    middleware::Next,
    response::Response,
};
use metrics::{Counter, Histogram};
use parking_lot::RwLock;

use super::{
    handles::Registrar,
    install::handles,
    specs::{self, OTHER},
};

/// Where requests are counted that no route has taken.
const UNMATCHED: &str = "unmatched";

/// Middleware that counts each request of the router it is laid around, with
/// `axum::middleware::from_fn(track_http)`.
pub async fn track_http(request: Request, next: Next) -> Response {
    let Some(handles) = handles() else {
        return next.run(request).await;
    };
    let began = Instant::now();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let method = method_label(request.method());
    let response = next.run(request).await;
    let route = path.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    handles
        .http
        .answered(route, method, response.status().as_u16(), began.elapsed());
    response
}

/// Clients may invent methods; those are counted together.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}

/// The handles of each route, registered at its first request.
#[derive(Default)]
pub(super) struct HttpHandles(RwLock<HashMap<String, Arc<Route>>>);

struct Route {
    took: Histogram,
    answers: RwLock<HashMap<(&'static str, u16), Counter>>,
}

impl HttpHandles {
    fn answered(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let handles = self.route(route);
        handles.took.record(took);
        if let Some(answers) = handles.answers.read().get(&(method, status)) {
            answers.increment(1);
            return;
        }
        let status_text = status.to_string();
        let answers = metrics::with_recorder(|recorder| {
            Registrar(recorder).counter(&specs::HTTP_REQUESTS, &[route, method, &status_text])
        });
        answers.increment(1);
        handles.answers.write().insert((method, status), answers);
    }

    fn route(&self, route: &str) -> Arc<Route> {
        if let Some(known) = self.0.read().get(route) {
            return Arc::clone(known);
        }
        let took = metrics::with_recorder(|recorder| {
            Registrar(recorder).histogram(&specs::HTTP_REQUEST_DURATION, &[route])
        });
        let handles = Arc::new(Route {
            took,
            answers: RwLock::default(),
        });
        Arc::clone(self.0.write().entry(route.to_owned()).or_insert(handles))
    }
}
