//! What the fuzzer reaches of this crate.

use axum::http::{HeaderMap, HeaderValue, header};
use triggerfish_core::{Secret, keys::ServerKeys};

use crate::{
    cookie::Cookie,
    session::{By, Session},
};

fn bond() -> Secret {
    Secret::new("what the session was opened by")
}

/// A session of a client, signed.
#[must_use]
pub fn signed(keys: &ServerKeys, client: &str, opened: u64) -> String {
    let session = Session {
        id: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        by: By::Client(client.to_owned()),
        opened,
        used: opened,
    };
    session.sign(keys, &bond())
}

/// The client and the time of a session, if the text is one.
#[must_use]
pub fn opened(keys: &ServerKeys, text: &str) -> Option<(String, u64)> {
    let session = Session::verify(keys, text, |_, _| Some(bond()))?;
    match session.by {
        By::Client(id) => Some((id, session.opened)),
        By::Admin | By::Viewer => None,
    }
}

/// What the cookie of a session holds in a header with this value.
#[must_use]
pub fn cookie(value: &[u8], public_url: &str) -> Option<String> {
    let value = HeaderValue::from_bytes(value).ok()?;
    let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
    Cookie::at(public_url).read(&headers).map(str::to_owned)
}
