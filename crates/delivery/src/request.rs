//! What is sent: headers and body of one call.

use std::fmt::Display;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reqwest::{
    Method, Request, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use triggerfish_core::{
    Failure, FailureKind,
    callback::ACTION_HEADER,
    subscription::{AuthenticationType, HttpConfig},
};

use crate::{
    caller::{Call, Lifecycle},
    failure::failure,
    guard::UrlError,
    metadata::{Metadata, splice},
    targets::Targets,
    trace::traceparent,
    webhook,
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HEADERS: usize = 8;
/// Whether a callback is asked before an action or told after one.
const TIMING_HEADER: HeaderName = HeaderName::from_static("triggerfish-timing");

fn unfit(message: impl Display) -> Failure {
    failure(FailureKind::Configuration, message)
}

/// Puts the HTTP request of `call` together.
pub(crate) fn compose(
    call: &Call<'_>,
    targets: &Targets,
    depth_header: &HeaderName,
) -> Result<Request, Failure> {
    let http = call.http;
    let url = url_of(http, targets)?;
    let body = body(call)?;
    let mut headers = HeaderMap::with_capacity(HEADERS);
    if let Some(lifecycle) = &call.lifecycle {
        add_own(&mut headers, lifecycle)?;
        let timing = HeaderValue::from_static(call.request.mode.as_str());
        headers.insert(TIMING_HEADER, timing);
    }
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(ACCEPT, JSON);
    if let Some(value) = authorization(http)? {
        headers.insert(AUTHORIZATION, value);
    }
    sign(&mut headers, call, &body)?;
    let parent = traceparent(call.request.traceparent.as_deref(), call.id, call.attempt);
    headers.insert("traceparent", header(parent));
    headers.insert(depth_header.clone(), call.request.depth.into());
    let mut request = Request::new(Method::POST, url);
    *request.headers_mut() = headers;
    *request.body_mut() = Some(body.into());
    Ok(request)
}

/// The headers that the callback was set up with. Ours come later and win.
fn add_own(headers: &mut HeaderMap, lifecycle: &Lifecycle<'_>) -> Result<(), Failure> {
    for (name, value) in lifecycle.headers {
        if name.eq_ignore_ascii_case(ACTION_HEADER) {
            continue;
        }
        let unusable = || unfit(format_args!("request header {name:?} can't be sent"));
        let value = HeaderValue::try_from(value).map_err(|_| unusable())?;
        let name = HeaderName::try_from(name).map_err(|_| unusable())?;
        headers.insert(name, value);
    }
    Ok(())
}

fn header(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits, hex and base64 are header values")
}

fn url_of(http: &HttpConfig, targets: &Targets) -> Result<Url, Failure> {
    targets.find(&http.url).map_err(|error| match error {
        UrlError::Blocked { .. } => failure(FailureKind::Blocked, error),
        _ => unfit(error),
    })
}

fn body(call: &Call<'_>) -> Result<Bytes, Failure> {
    let request = call.request;
    if !request.mode.has_callback() {
        return Ok(request.input.clone());
    }
    let callback = call
        .callback
        .ok_or_else(|| unfit("callback URL is missing, set [api] public_url"))?;
    let metadata = Metadata {
        callback_url: callback.url,
        secret: callback.secret.expose(),
        response_mode: "async",
        trigger_id: &request.trigger_id,
        trigger_type: request.trigger_type.metadata_name(),
    };
    splice(&request.input, &metadata)
        .map_err(|_| unfit("input is not a JSON object, so it can't hold _metadata"))
}

fn authorization(http: &HttpConfig) -> Result<Option<HeaderValue>, Failure> {
    let text = match http.http_authentication_type {
        AuthenticationType::NoAuth => return Ok(None),
        AuthenticationType::BasicAuth => basic(http)?,
        AuthenticationType::BearerToken => bearer(http)?,
    };
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| unfit("bearerToken has characters that a header can't hold"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn basic(http: &HttpConfig) -> Result<String, Failure> {
    let config = http.basic_auth_config.as_ref();
    let config = config.ok_or_else(|| unfit("basicAuthConfig is missing"))?;
    if config.user_name.is_empty() || config.user_name.contains(':') {
        return Err(unfit("userName of basicAuthConfig is empty or has a colon"));
    }
    let password = config
        .password
        .as_ref()
        .map_or("", |secret| secret.expose());
    if password.is_empty() {
        return Err(unfit("password of basicAuthConfig is missing"));
    }
    let pair = format!("{}:{password}", config.user_name);
    Ok(format!("Basic {}", STANDARD.encode(pair)))
}

fn bearer(http: &HttpConfig) -> Result<String, Failure> {
    let config = http.bearer_token_auth_config.as_ref();
    let token = config.and_then(|config| config.bearer_token.as_ref());
    let token = token.map_or("", |secret| secret.expose());
    if token.is_empty() {
        return Err(unfit("bearerToken of bearerTokenAuthConfig is missing"));
    }
    Ok(format!("Bearer {token}"))
}

fn sign(headers: &mut HeaderMap, call: &Call<'_>, body: &[u8]) -> Result<(), Failure> {
    let id = call.id.to_string();
    let timestamp = call.now.as_millis() / 1000;
    let signature = webhook::sign(call.signing, &id, timestamp, body).map_err(unfit)?;
    headers.insert(webhook::ID, header(id));
    headers.insert(webhook::TIMESTAMP, timestamp.into());
    headers.insert(webhook::SIGNATURE, header(signature));
    Ok(())
}
