//! `/object-events`: a platform asks before its actions, and tells after them.

use std::time::Duration;

use axum::{Json, extract::State, http::HeaderMap};
use triggerfish_core::{InvocationId, Origin, Timing};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{
        Caller,
        scope::{AskAboutActions, ReadInvocations},
    },
    body::JsonBody,
    cause::Cause,
    error::ApiError,
    model::action::{ActionView, DecisionView, ObjectEvent, ReportView},
    openapi::Errors,
    path::PathId,
    ports::{Ask, Asked, StartIdentity},
    starts::{check_key, idempotency_key},
    state::{Inner, Shared},
};

/// The routes of `/object-events`.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(before))
        .routes(routes!(after))
        .routes(routes!(get))
}

/// Ask before an action
///
/// Calls all before-callbacks of the object type side by side and answers with the
/// decision, never later than the budget and 50 ms. The same `Idempotency-Key` again gets
/// the same decision.
#[utoipa::path(
    post, path = "/before", operation_id = "askBeforeActionV1", tag = "Callbacks",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Unique per action and client, 1 to 255 characters."),
        ("triggerfish-depth" = Option<u32>, Header, description = "Passed on from the call that caused this action."),
    ),
    request_body = ObjectEvent,
    responses(
        (status = 200, description = "The decision.", body = DecisionView),
        (status = 409, description = "The key was used for another action.", body = crate::error::ErrorResponseDto),
        Errors,
    ),
    security(("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
async fn before(
    State(state): State<Shared>,
    caller: Caller<AskAboutActions>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<ObjectEvent>,
) -> Result<Json<ActionView>, ApiError> {
    let ask = ask(Timing::Before, caller.client_id, &headers, body)?;
    answer(&state, ask).await
}

/// Tell after an action
///
/// Calls all after-callbacks of the object type, each once, and answers with what has come
/// of it after `waitMs` at the latest. A failure is a warning.
#[utoipa::path(
    post, path = "/after", operation_id = "tellAfterActionV1", tag = "Callbacks",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Unique per action and client, 1 to 255 characters."),
        ("triggerfish-depth" = Option<u32>, Header, description = "Passed on from the call that caused this action."),
    ),
    request_body = ObjectEvent,
    responses(
        (status = 200, description = "What has come of it so far.", body = ReportView),
        (status = 409, description = "The key was used for another action.", body = crate::error::ErrorResponseDto),
        Errors,
    ),
    security(("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
async fn after(
    State(state): State<Shared>,
    caller: Caller<AskAboutActions>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<ObjectEvent>,
) -> Result<Json<ActionView>, ApiError> {
    let ask = ask(Timing::After, caller.client_id, &headers, body)?;
    answer(&state, ask).await
}

/// Get a decision or report
#[utoipa::path(
    get, path = "/{id}", operation_id = "getObjectEventV1", tag = "Callbacks",
    params(("id" = String, Path, description = "The id of the decision or report.")),
    responses((status = 200, description = "How the action stands.", body = ActionView), Errors),
    security(("oauth2" = ["sp:trigger-service-invocation-status:read"]), ("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
async fn get(
    State(state): State<Shared>,
    _caller: Caller<ReadInvocations>,
    PathId(id): PathId,
) -> Result<Json<ActionView>, ApiError> {
    let unknown =
        || ApiError::not_found("there is no action with this id, or it is not kept any more");
    let id: InvocationId = id.parse().map_err(|_| unknown())?;
    let action = state.gate.action(id).await?.ok_or_else(unknown)?;
    Ok(Json(ActionView::of(&action)))
}

async fn answer(state: &Inner, ask: Ask) -> Result<Json<ActionView>, ApiError> {
    Ok(Json(match state.gate.ask(ask).await? {
        Asked::Known(action) => ActionView::of(&action),
        Asked::Untold { action, reason } => ActionView::untold(&action, reason),
    }))
}

fn ask(
    timing: Timing,
    client_id: String,
    headers: &HeaderMap,
    body: ObjectEvent,
) -> Result<Ask, ApiError> {
    // A loop is stopped where it shows in the history, not here.
    let cause = Cause::of(headers, u32::MAX)?;
    let named = idempotency_key(headers)?;
    if let Some(id) = &body.id {
        check_key("id", id)?;
    }
    let key = named.as_ref().or(body.id.as_ref()).cloned();
    let decided_by = body.action_id.map(|id| id.parse()).transpose();
    let decided_by =
        decided_by.map_err(|_| ApiError::bad_request("actionId is not the id of a decision"))?;
    let millis = match timing {
        Timing::Before => body.budget_ms,
        Timing::After => body.wait_ms,
    };
    Ok(Ask {
        timing,
        object_type: body.object_type,
        action: body.action,
        entity: body.entity.into_bytes(),
        user: body.user,
        object_id: body.object_id,
        patience: millis.map(|millis| Duration::from_millis(u64::from(millis))),
        identity: key.map_or(StartIdentity::Unique, |key| StartIdentity::Key {
            scope: client_id,
            key,
        }),
        correlation: body.id.or(named),
        decided_by,
        origin: if body.test {
            Origin::Test
        } else {
            Origin::RealTime
        },
        time: None,
        depth: cause.depth,
        traceparent: cause.traceparent,
    })
}
