//! Starting invocations: the test of the reference (reference 3.9) and `start`
//! (reference 4).

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode},
    response::{IntoResponse, Response},
};
use triggerfish_core::{Origin, SubscriptionId};

use crate::{
    auth::{
        Caller,
        scope::{StartInvocations, StartTests},
    },
    body::JsonBody,
    cause::Cause,
    error::ApiError,
    model::{
        invocation::{StartInvocation, StartedView, TestInvocation},
        raw::RawObject,
    },
    openapi::Errors,
    path::parse_subscription_id,
    ports::{Start, StartIdentity, StartInput, Started},
    state::Shared,
};

/// Makes a repeated request start nothing new.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

/// Start a test invocation
///
/// Sends a test event to all subscribers of the trigger, enabled or not, or only to
/// those named. Filters count. 204 if there is nobody to send it to.
#[utoipa::path(
    post, path = "/test", operation_id = "startTestTriggerInvocationV1", tag = "Triggers",
    params(("triggerfish-depth" = Option<u32>, Header, description = "Passed on from the call that caused this one.")),
    request_body = TestInvocation,
    responses(
        (status = 200, description = "The invocations that were started, one per subscription.", body = Vec<StartedView>),
        (status = 204, description = "Nothing to start."),
        Errors,
    ),
    security(("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
pub(crate) async fn test(
    State(state): State<Shared>,
    _caller: Caller<StartTests>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<TestInvocation>,
) -> Result<Response, ApiError> {
    let cause = Cause::of(&headers, state.settings.depth_max)?;
    let subscription_ids = body.subscription_ids.map(subscription_ids).transpose()?;
    let started = state
        .ingest
        .start(Start {
            trigger_id: body.trigger_id,
            input: body.input.map_or(StartInput::Example, |input| {
                StartInput::Json(input.into_bytes())
            }),
            content_json: body.content_json.into_bytes(),
            origin: Origin::Test,
            subscription_ids,
            identity: StartIdentity::Unique,
            time: None,
            ordering_key: None,
            depth: cause.depth,
            traceparent: cause.traceparent,
            event_id: None,
        })
        .await?;
    Ok(answer(started))
}

/// Start an invocation
///
/// Sends a real event to all enabled subscribers of the trigger. 204 if there is
/// nobody to send it to. Repeat a request with the same `Idempotency-Key` and it
/// starts nothing new.
#[utoipa::path(
    post, path = "/start", operation_id = "startInvocationV1", tag = "Triggers",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Unique per event and client, 1 to 255 characters."),
        ("triggerfish-depth" = Option<u32>, Header, description = "Passed on from the call that caused this one."),
    ),
    request_body = StartInvocation,
    responses(
        (status = 200, description = "The invocations that were started, one per subscription.", body = Vec<StartedView>),
        (status = 204, description = "Nothing to start."),
        Errors,
    ),
    security(("oauth2" = ["triggerfish:invocations:start"])),
)]
pub(crate) async fn start(
    State(state): State<Shared>,
    caller: Caller<StartInvocations>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<StartInvocation>,
) -> Result<Response, ApiError> {
    let cause = Cause::of(&headers, state.settings.depth_max)?;
    let identity = identity(&headers, caller.client_id)?;
    let started = state
        .ingest
        .start(Start {
            trigger_id: body.trigger_id,
            input: StartInput::Json(body.input.into_bytes()),
            content_json: body
                .content_json
                .map_or_else(|| "{}".into(), RawObject::into_bytes),
            origin: Origin::RealTime,
            subscription_ids: None,
            identity,
            time: None,
            ordering_key: body.ordering_key.filter(|key| !key.is_empty()),
            depth: cause.depth,
            traceparent: cause.traceparent,
            event_id: None,
        })
        .await?;
    Ok(answer(started))
}

/// What makes a request of this client the same as another.
pub(crate) fn identity(headers: &HeaderMap, scope: String) -> Result<StartIdentity, ApiError> {
    let key = idempotency_key(headers)?;
    Ok(key.map_or(StartIdentity::Unique, |key| StartIdentity::Key {
        scope,
        key,
    }))
}

pub(crate) fn answer(started: Vec<Started>) -> Response {
    if started.is_empty() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let started: Vec<_> = started.into_iter().map(StartedView::from).collect();
    Json(started).into_response()
}

fn subscription_ids(texts: Vec<String>) -> Result<Vec<SubscriptionId>, ApiError> {
    let parse = |(index, text): (usize, String)| {
        parse_subscription_id(&text)
            .ok_or_else(|| ApiError::bad_request(format!("subscriptionIds[{index}] is not an id")))
    };
    texts.into_iter().enumerate().map(parse).collect()
}

pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = value.to_str().map(str::trim).unwrap_or_default();
    check_key("Idempotency-Key", key)?;
    Ok(Some(key.to_owned()))
}

/// Whether `key` can be what an event is known by.
pub(crate) fn check_key(field: &str, key: &str) -> Result<(), ApiError> {
    if key.is_empty() || key.chars().count() > IDEMPOTENCY_KEY_CHARS_MAX || !key.is_ascii() {
        return Err(ApiError::bad_request(format!(
            "{field} must have 1 to {IDEMPOTENCY_KEY_CHARS_MAX} ASCII characters"
        )));
    }
    Ok(())
}
