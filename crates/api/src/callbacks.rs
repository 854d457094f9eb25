//! `/callbacks`: who is asked before, and told after, objects of a platform change.

use axum::{Json, extract::State, http::StatusCode};
use triggerfish_registry::{ChangeError, CompiledCallback};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{
        Caller,
        scope::{ManageSubscriptions, ReadSubscriptions},
    },
    body::{JsonBody, PatchBody},
    collection::{
        CollectionParams, Field, Page,
        field::{Kind, Usage, Value},
    },
    error::ApiError,
    model::callback::{CallbackPostRequest, CallbackPutRequest, CallbackView, Patchable},
    openapi::Errors,
    patch::{Patch, PatchOperation, changed},
    path::{PathId, no_callback, parse_subscription_id},
    state::{Inner, Shared},
};

static FIELDS: [Field<CallbackView>; 6] = [
    Field {
        name: "id",
        kind: Kind::Text,
        usage: Usage::Filter,
        value: |row| row.id.to_string().into(),
    },
    Field {
        name: "objectType",
        kind: Kind::Exact,
        usage: Usage::Both,
        value: |row| row.object_type.as_str().into(),
    },
    Field {
        name: "timing",
        kind: Kind::Text,
        usage: Usage::Both,
        value: |row| row.timing.as_str().into(),
    },
    Field {
        name: "enabled",
        kind: Kind::Text,
        usage: Usage::Filter,
        value: |row| if row.enabled { "true" } else { "false" }.into(),
    },
    Field {
        name: "name",
        kind: Kind::Text,
        usage: Usage::Both,
        value: |row| row.name.as_str().into(),
    },
    Field {
        name: "created",
        kind: Kind::Time,
        usage: Usage::Sort,
        value: |row| Value::Time(row.created),
    },
];

/// The routes of the resource.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put, patch, delete))
        .routes(routes!(crate::signing::rotate_for_callback))
}

/// List callbacks
///
/// Credentials come back as `null`. Filter fields: `id`, `objectType`, `timing`,
/// `enabled`, `name`. Sorters: `name`, `objectType`, `timing`, `created`.
#[utoipa::path(
    get, path = "", operation_id = "listCallbacksV1", tag = "Callbacks",
    params(CollectionParams),
    responses(
        (status = 200, description = "The callbacks.", body = Vec<CallbackView>,
            headers(("X-Total-Count" = u64, description = "Number of all rows, with `count=true`."))),
        Errors,
    ),
    security(("oauth2" = ["sp:trigger-service-subscriptions:read"]), ("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn list(
    State(state): State<Shared>,
    _caller: Caller<ReadSubscriptions>,
    params: CollectionParams,
) -> Result<Page<CallbackView>, ApiError> {
    let query = params.query(&FIELDS, state.settings.page_rows_max)?;
    let snapshot = state.registry.snapshot();
    let rows = snapshot.callbacks().map(|callback| view(callback));
    let mut page = query.page(rows);
    add_last_calls(&state, page.rows_mut()).await;
    Ok(page)
}

/// Create a callback
///
/// It is called from then on.
#[utoipa::path(
    post, path = "", operation_id = "createCallbackV1", tag = "Callbacks",
    request_body = CallbackPostRequest,
    responses((status = 201, description = "The callback.", body = CallbackView), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn create(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    JsonBody(body): JsonBody<CallbackPostRequest>,
) -> Result<(StatusCode, Json<CallbackView>), ApiError> {
    let created = state.registry.create_callback(body.into()).await?;
    Ok((StatusCode::CREATED, Json(view(&created))))
}

/// Get a callback
#[utoipa::path(
    get, path = "/{id}", operation_id = "getCallbackV1", tag = "Callbacks",
    params(("id" = String, Path, description = "The id of the callback.")),
    responses((status = 200, description = "The callback.", body = CallbackView), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:read"]), ("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn get(
    State(state): State<Shared>,
    _caller: Caller<ReadSubscriptions>,
    id: PathId,
) -> Result<Json<CallbackView>, ApiError> {
    let snapshot = state.registry.snapshot();
    let callback = snapshot.callback(id.callback()?).ok_or_else(no_callback)?;
    Ok(Json(with_last_call(&state, callback).await))
}

/// Replace a callback
///
/// Id, timing and object type can't be changed.
#[utoipa::path(
    put, path = "/{id}", operation_id = "updateCallbackV1", tag = "Callbacks",
    params(("id" = String, Path, description = "The id of the callback.")),
    request_body = CallbackPutRequest,
    responses((status = 200, description = "The callback.", body = CallbackView), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn put(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    id: PathId,
    JsonBody(body): JsonBody<CallbackPutRequest>,
) -> Result<Json<CallbackView>, ApiError> {
    let id = id.callback()?;
    let is_other = |own: &str| parse_subscription_id(own) != Some(id);
    if body.id.as_deref().is_some_and(is_other) {
        return Err(ChangeError::Immutable { field: "id" }.into());
    }
    let replaced = state
        .registry
        .update_callback(id, move |present| Ok(body.clone().replacement(&present)))
        .await?;
    Ok(Json(with_last_call(&state, &replaced).await))
}

/// Patch a callback
///
/// JSON Patch (RFC 6902) without `test`. Patchable: `name`, `description`, `url`,
/// `authentication`, `expectedStatus`, `requestHeaders`, `enabled`, `timeoutMs`,
/// `failurePolicy`.
#[utoipa::path(
    patch, path = "/{id}", operation_id = "patchCallbackV1", tag = "Callbacks",
    params(("id" = String, Path, description = "The id of the callback.")),
    request_body(content = Vec<PatchOperation>, content_type = "application/json-patch+json"),
    responses((status = 200, description = "The callback.", body = CallbackView), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn patch(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    id: PathId,
    PatchBody(patch): PatchBody<Patch>,
) -> Result<Json<CallbackView>, ApiError> {
    let id = id.callback()?;
    let patched = state
        .registry
        .update_callback(id, move |present| {
            let text = Patchable::from(present);
            changed(&patch, &text, &Patchable::FIELDS).map(Into::into)
        })
        .await?;
    Ok(Json(with_last_call(&state, &patched).await))
}

/// Delete a callback
///
/// Calls that are due fail; the answers to calls already made are still taken.
#[utoipa::path(
    delete, path = "/{id}", operation_id = "deleteCallbackV1", tag = "Callbacks",
    params(("id" = String, Path, description = "The id of the callback.")),
    responses((status = 204, description = "Deleted."), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn delete(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    id: PathId,
) -> Result<StatusCode, ApiError> {
    state.registry.delete_callback(id.callback()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What clients see of a callback.
fn view(callback: &CompiledCallback) -> CallbackView {
    callback.public().into()
}

async fn with_last_call(state: &Inner, callback: &CompiledCallback) -> CallbackView {
    let mut row = view(callback);
    add_last_calls(state, std::slice::from_mut(&mut row)).await;
    row
}

/// Adds when each was called last. What is set up can be seen and changed though a part of
/// the history is away for a moment.
async fn add_last_calls(state: &Inner, rows: &mut [CallbackView]) {
    let ids = rows.iter().map(|row| row.id).collect();
    let newest = match state.gate.last_activations(ids).await {
        Ok(newest) => newest,
        Err(error) => {
            tracing::warn!(reason = %error.reason, "when callbacks were called last can't be told");
            return;
        }
    };
    for row in rows {
        let mut newest = newest.iter();
        let own = newest.find(|newest| newest.request.subscription_id == row.id);
        if let Some(own) = own {
            row.called_last(own);
        }
    }
}
