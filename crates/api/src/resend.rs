//! Sending a fire-and-forget event once more; an addition to the reference.

use axum::{extract::State, http::HeaderMap, response::Response};
use triggerfish_core::{Origin, TriggerType};

use crate::{
    auth::{Caller, scope::StartInvocations},
    error::ApiError,
    model::invocation::StartedView,
    openapi::Errors,
    path::PathId,
    ports::{Start, StartInput},
    starts::{answer, identity},
    state::Shared,
    status::known,
};

/// Resend an event
///
/// Starts a new invocation with the input of a `FIRE_AND_FORGET` one, for the same
/// subscription. 204 if the event does not pass the subscription's filter any more. Repeat
/// a request with the same `Idempotency-Key` and it starts nothing new. An addition to the
/// reference.
#[utoipa::path(
    post, path = "/{id}/resend", operation_id = "resendTriggerInvocationV1", tag = "Triggers",
    params(
        ("id" = String, Path, description = "The id of the invocation."),
        ("Idempotency-Key" = Option<String>, Header, description = "Unique per event and client, 1 to 255 characters."),
    ),
    responses(
        (status = 200, description = "The new invocation.", body = Vec<StartedView>),
        (status = 204, description = "Nothing to start."),
        Errors,
    ),
    security(("oauth2" = ["triggerfish:invocations:start"])),
)]
pub(crate) async fn resend(
    State(state): State<Shared>,
    caller: Caller<StartInvocations>,
    headers: HeaderMap,
    id: PathId,
) -> Result<Response, ApiError> {
    let identity = identity(&headers, caller.client_id)?;
    let invocation = known(&state, &id).await?;
    let request = &invocation.request;
    if request.member.is_some() {
        return Err(ApiError::bad_request(
            "calls of callbacks can't be resent: they belong to an action; ask or tell about it \
             again instead",
        ));
    }
    if request.trigger_type != TriggerType::FireAndForget {
        return Err(ApiError::bad_request(
            "only FIRE_AND_FORGET invocations can be resent: a REQUEST_RESPONSE one has its \
             result already, or will; start the event again instead",
        ));
    }
    let snapshot = state.registry.snapshot();
    let subscription = snapshot
        .subscription(request.subscription_id)
        .ok_or_else(|| ApiError::bad_request("the subscription does not exist any more"))?;
    if request.origin == Origin::RealTime && !subscription.subscription.enabled {
        return Err(ApiError::bad_request(
            "the subscription is disabled; enable it, then resend",
        ));
    }
    let started = state
        .ingest
        .start(Start {
            trigger_id: request.trigger_id.to_string(),
            input: StartInput::Json(request.input.clone()),
            content_json: request.content_json.clone(),
            origin: request.origin,
            subscription_ids: Some(vec![request.subscription_id]),
            identity,
            time: None,
            ordering_key: request.ordering_key.as_deref().map(str::to_owned),
            depth: request.depth,
            traceparent: request.traceparent.as_deref().map(str::to_owned),
            event_id: request.event_id.as_deref().map(str::to_owned),
        })
        .await?;
    Ok(answer(started))
}
