//! `/console/session`: who is signed in, signing in, signing out.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use triggerfish_core::{Secret, Timestamp};

use crate::{
    guard::{cleared, renew},
    origin::{Cause, Verdict, judge},
    session::{By, Session},
    state::{Shared, State as Console},
    who::{Role, role},
};

/// Credentials are short.
pub(crate) const BODY_BYTES_MAX: usize = 8 << 10;

/// Credentials of an API client, or a password of the console.
#[derive(Debug, Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase", deny_unknown_fields)]
enum Credentials {
    Client {
        client_id: String,
        client_secret: Secret,
    },
    Password {
        password: Secret,
    },
}

/// What the pages are told about who is signed in.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    signed_in: bool,
    /// Whether there is a password to sign in with.
    has_password: bool,
    #[serde(flatten)]
    who: Option<Who>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Who {
    name: String,
    role: Role,
    scopes: Vec<&'static str>,
    /// When the session ends if nobody uses it.
    ends: String,
}

/// From where a request comes, as far as the connection says.
pub(crate) struct Peer(Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(info.map(|info| info.0.ip())))
    }
}

/// The limit of this resource.
pub(crate) fn body_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(BODY_BYTES_MAX)
}

/// Tells who is signed in. Answered with 200 also where nobody is, since that is no
/// failure.
pub(crate) async fn show(State(state): State<Shared>, headers: HeaderMap) -> Response {
    let session = state.session(&headers);
    let mut response = Json(shown(&state, session.as_ref())).into_response();
    if let (Some(session), Verdict::Own(Cause::Person)) =
        (&session, judge(&headers, &state.settings.public_url))
    {
        renew(&state, session, &mut response);
    }
    response
}

/// Opens a session; one that came with the request is not looked at.
pub(crate) async fn sign_in(
    State(state): State<Shared>,
    Peer(address): Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refused) = not_own(&state, &headers) {
        return refused;
    }
    let Ok(credentials) = serde_json::from_slice::<Credentials>(&body) else {
        let text = "send clientId and clientSecret, or password, as JSON";
        return refusal(StatusCode::BAD_REQUEST, text);
    };
    if let Err(wait) = state.attempts.admit(address, state.now()) {
        tracing::warn!(?address, "too many attempts to sign in to the console");
        let text = "too many attempts to sign in; try again in a minute";
        let mut refused = refusal(StatusCode::TOO_MANY_REQUESTS, text);
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        refused.headers_mut().insert(header::RETRY_AFTER, seconds);
        return refused;
    }
    let Some(by) = opener(&state, credentials).await else {
        tracing::warn!(?address, "somebody could not sign in to the console");
        let text = "the credentials are wrong; check id and secret, or the password";
        return refusal(StatusCode::UNAUTHORIZED, text);
    };
    state.attempts.succeeded(address);
    tracing::info!(
        ?address,
        who = by.shown(),
        "somebody signed in to the console"
    );
    opened(&state, by)
}

/// Ends the session.
pub(crate) async fn sign_out(State(state): State<Shared>, headers: HeaderMap) -> Response {
    if let Some(refused) = not_own(&state, &headers) {
        return refused;
    }
    if let Some(session) = state.session(&headers) {
        state.ended.end(&session, state.limits(), state.now());
    }
    cleared(&state)
}

/// The refusal of what the console's own pages did not send.
fn not_own(state: &Console, headers: &HeaderMap) -> Option<Response> {
    match judge(headers, &state.settings.public_url) {
        Verdict::Own(_) => None,
        Verdict::Unmarked | Verdict::Foreign => {
            let text = "only the console's own pages may do this; \
                        if there is a proxy in front, set api.public_url to the address that browsers use";
            Some(refusal(StatusCode::FORBIDDEN, text))
        }
    }
}

async fn opener(state: &Console, credentials: Credentials) -> Option<By> {
    match credentials {
        Credentials::Password { password } => state.by_password(&password),
        Credentials::Client {
            client_id,
            client_secret,
        } => {
            let client = state
                .registry
                .verify_client(&client_id, &client_secret)
                .await?;
            Some(By::Client(client.id.clone()))
        }
    }
}

fn opened(state: &Console, by: By) -> Response {
    let now = state.now();
    let session = Session::open(by, now);
    let signed = session.and_then(|session| {
        let bond = state.bond(&session.by, session.opened)?;
        let text = session.sign(&state.keys, &bond);
        let cookie = state
            .cookie()
            .set(&text, session.lasts(state.limits(), now))?;
        Some((session, cookie))
    });
    let Some((session, cookie)) = signed else {
        let text = "no session can be opened now; try again";
        return refusal(StatusCode::SERVICE_UNAVAILABLE, text);
    };
    let mut response = Json(shown(state, Some(&session))).into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

fn shown(state: &Console, session: Option<&Session>) -> Shown {
    let settings = &state.settings;
    Shown {
        signed_in: session.is_some(),
        has_password: settings.admin_password.is_some() || settings.viewer_password.is_some(),
        who: session.map(|session| {
            let scopes = state.scopes(&session.by);
            let ends = session.ends(state.limits());
            Who {
                name: session.by.shown().to_owned(),
                role: role(&scopes),
                scopes: scopes
                    .into_iter()
                    .map(triggerfish_api::Scope::as_str)
                    .collect(),
                ends: Timestamp::EPOCH.after(ends).to_string(),
            }
        }),
    }
}

/// An answer that says in words why not.
pub(crate) fn refusal(status: StatusCode, text: &str) -> Response {
    (status, Json(serde_json::json!({ "error": text }))).into_response()
}
