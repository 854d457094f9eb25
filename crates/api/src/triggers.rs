//! `/triggers`: what can be subscribed to (reference 3.1), and triggers of one's own.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use triggerfish_registry::{ChangeError, CompiledTrigger};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{
        Caller,
        scope::{ManageTriggers, ReadTriggers},
    },
    body::JsonBody,
    collection::{
        CollectionParams, Field, Page,
        field::{Kind, Usage},
    },
    error::ApiError,
    model::trigger::{TriggerPutRequest, TriggerView},
    openapi::Errors,
    path::PathId,
    state::Shared,
};

static FIELDS: [Field<Arc<CompiledTrigger>>; 2] = [
    Field {
        name: "id",
        kind: Kind::Exact,
        usage: Usage::Both,
        value: |trigger| trigger.trigger.id.as_str().into(),
    },
    Field {
        name: "name",
        kind: Kind::Text,
        usage: Usage::Sort,
        value: |trigger| trigger.trigger.name.as_str().into(),
    },
];

/// The routes of the resource.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
}

/// List triggers
///
/// All triggers that can be subscribed to. Filter fields: `id`. Sorters: `id`, `name`.
#[utoipa::path(
    get, path = "", operation_id = "listTriggersV1", tag = "Triggers",
    params(CollectionParams),
    responses(
        (status = 200, description = "The triggers.", body = Vec<TriggerView>,
            headers(("X-Total-Count" = u64, description = "Number of all rows, with `count=true`."))),
        Errors,
    ),
    security(("oauth2" = ["sp:trigger-service-subscriptions:read"])),
)]
async fn list(
    State(state): State<Shared>,
    _caller: Caller<ReadTriggers>,
    params: CollectionParams,
) -> Result<Page<TriggerView>, ApiError> {
    let query = params.query(&FIELDS, state.settings.page_rows_max)?;
    let snapshot = state.registry.snapshot();
    let page = query.page(snapshot.triggers().cloned());
    Ok(page.map(|trigger| TriggerView::from(&trigger.trigger)))
}

/// Get a trigger
///
/// An addition to the reference.
#[utoipa::path(
    get, path = "/{id}", operation_id = "getTriggerV1", tag = "Triggers",
    params(("id" = String, Path, description = "The id of the trigger.")),
    responses((status = 200, description = "The trigger.", body = TriggerView), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:read"])),
)]
async fn get(
    State(state): State<Shared>,
    _caller: Caller<ReadTriggers>,
    PathId(id): PathId,
) -> Result<Json<TriggerView>, ApiError> {
    let snapshot = state.registry.snapshot();
    let trigger = snapshot.trigger(&id).ok_or_else(no_trigger)?;
    Ok(Json((&trigger.trigger).into()))
}

/// Declare a trigger of one's own
///
/// Makes or replaces the trigger with this id. Triggers of the catalogue can't be
/// changed. An addition to the reference.
#[utoipa::path(
    put, path = "/{id}", operation_id = "putTriggerV1", tag = "Triggers",
    params(("id" = String, Path, description = "The id of the trigger, e.g. `acme:order-cancelled`.")),
    request_body = TriggerPutRequest,
    responses((status = 200, description = "The trigger as it is kept.", body = TriggerView), Errors),
    security(("oauth2" = ["triggerfish:triggers:manage"])),
)]
async fn put(
    State(state): State<Shared>,
    _caller: Caller<ManageTriggers>,
    PathId(id): PathId,
    JsonBody(body): JsonBody<TriggerPutRequest>,
) -> Result<Json<TriggerView>, ApiError> {
    let trigger = body.into_trigger(id)?;
    let kept = state.registry.put_trigger(trigger).await?;
    Ok(Json((&kept.trigger).into()))
}

/// Delete a trigger of one's own
///
/// Refused while it has subscriptions. An addition to the reference.
#[utoipa::path(
    delete, path = "/{id}", operation_id = "deleteTriggerV1", tag = "Triggers",
    params(("id" = String, Path, description = "The id of the trigger.")),
    responses((status = 204, description = "Deleted."), Errors),
    security(("oauth2" = ["triggerfish:triggers:manage"])),
)]
async fn delete(
    State(state): State<Shared>,
    _caller: Caller<ManageTriggers>,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    match state.registry.delete_trigger(&id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(ChangeError::UnknownTrigger(_)) => Err(no_trigger()),
        Err(error) => Err(error.into()),
    }
}

fn no_trigger() -> ApiError {
    ApiError::not_found("there is no trigger with this id")
}
