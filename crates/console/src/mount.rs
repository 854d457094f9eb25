//! Puts the console beside the API, and the sessions before it.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, header},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use crate::{
    guard, pages, sign_in,
    state::{Console, State},
};

/// `api` with the console under `/console/`, for callers with a token as before and for
/// those who are signed in. A browser that asks for `/` is sent to the console.
pub fn mount(api: Router, console: Console) -> Router {
    let state = State::new(console);
    let sessions = get(sign_in::show)
        .post(sign_in::sign_in)
        .delete(sign_in::sign_out)
        .layer(sign_in::body_limit());
    let pages = Router::new()
        .route(
            "/console",
            get(|| async { Redirect::permanent("console/") }),
        )
        .route("/console/", get(pages::index))
        .route("/console/{*path}", get(pages::asset))
        .route("/console/session", sessions)
        .layer(middleware::map_response(pages::secured))
        .with_state(Arc::clone(&state));
    api.layer(middleware::from_fn_with_state(state, guard::vouch))
        .merge(pages)
}

/// Where a browser goes that was given the address of the service alone. Programs get
/// what the API says.
pub(crate) fn home(headers: &HeaderMap) -> Option<Response> {
    let accepts = headers.get(header::ACCEPT)?.to_str().ok()?;
    let is_browser = accepts
        .split(',')
        .any(|kind| kind.trim().starts_with("text/html"));
    is_browser.then(|| Redirect::temporary("console/").into_response())
}
