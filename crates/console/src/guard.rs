//! The layer before the API: vouches for who is signed in.

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use triggerfish_api::SignedIn;

use crate::{
    mount::home,
    origin::{Cause, Verdict, judge},
    session::Session,
    sign_in::refusal,
    state::{Shared, State as Console},
};

/// Lets the API know who is signed in. A request with a token, and one that does not
/// come from the console's pages, goes on as if there were no console.
pub(crate) async fn vouch(
    State(state): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.uri().path() == "/"
        && request.method() == Method::GET
        && let Some(home) = home(request.headers())
    {
        return home;
    }
    if request.headers().contains_key(header::AUTHORIZATION) {
        return next.run(request).await;
    }
    let cause = match judge(request.headers(), &state.settings.public_url) {
        Verdict::Own(cause) => cause,
        Verdict::Unmarked => return next.run(request).await,
        Verdict::Foreign => {
            let text = "the request comes from another origin than the console's; \
                        if there is a proxy in front, set api.public_url to the address that browsers use";
            return refusal(StatusCode::FORBIDDEN, text);
        }
    };
    let Some(session) = state.session(request.headers()) else {
        return next.run(request).await;
    };
    request.extensions_mut().insert(SignedIn {
        name: session.by.name(),
        scopes: state.scopes(&session.by),
    });
    let mut response = next.run(request).await;
    if cause == Cause::Person {
        renew(&state, &session, &mut response);
    }
    response
}

/// Gives the session a new cookie where it was used a while after its last one.
pub(crate) fn renew(state: &Console, session: &Session, response: &mut Response) {
    let now = state.now();
    if state.ended.has(session) {
        return;
    }
    let renewed = session.renewed(state.limits(), now);
    let signed = renewed.and_then(|session| {
        let bond = state.bond(&session.by, session.opened)?;
        let text = session.sign(&state.keys, &bond);
        state
            .cookie()
            .set(&text, session.lasts(state.limits(), now))
    });
    if let Some(cookie) = signed {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// A response without a body that takes the cookie away.
pub(crate) fn cleared(state: &Console) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = state.cookie().clear() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
