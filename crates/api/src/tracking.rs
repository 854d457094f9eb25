//! The outermost layer: gives every answer a tracking id, writes the bodies of
//! errors, and turns a panic into a 500.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;

use crate::error::ApiError;

/// The header that carries the tracking id.
pub(crate) const TRACKING_ID: HeaderName = HeaderName::from_static("x-tracking-id");

/// See the module.
pub(crate) async fn track(request: Request, next: Next) -> Response {
    let tracking_id = tracking_id();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let outcome = std::panic::AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .await;
    let response = outcome.unwrap_or_else(|_| ApiError::internal().into_response());
    let mut response = match response.extensions().get::<ApiError>() {
        Some(error) => {
            if response.status().is_server_error() {
                tracing::error!(%method, path, tracking_id, status = %response.status(), "answered with an error");
            }
            let mut rendered = error.render(&tracking_id);
            for name in [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
                if let Some(value) = response.headers().get(&name) {
                    rendered.headers_mut().insert(name, value.clone());
                }
            }
            rendered
        }
        None => response,
    };
    if let Ok(value) = HeaderValue::from_str(&tracking_id) {
        response.headers_mut().insert(TRACKING_ID, value);
    }
    response
}

/// 32 hexadecimal digits. All zeros if the system gives no random numbers: an
/// answer without a telling id is better than none.
fn tracking_id() -> String {
    random_hex(16).unwrap_or_else(|| "0".repeat(32))
}

/// `bytes` random bytes as lower-case hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> Option<String> {
    use std::fmt::Write as _;
    let mut buffer = vec![0_u8; bytes];
    getrandom::fill(&mut buffer).ok()?;
    Some(buffer.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
