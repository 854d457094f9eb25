//! `/object-types`: what callbacks can be about.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use triggerfish_registry::{ChangeError, CompiledObjectType};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{
        Caller,
        scope::{ManageSubscriptions, ReadSubscriptions},
    },
    body::JsonBody,
    collection::{
        CollectionParams, Field, Page,
        field::{Kind, Usage},
    },
    error::ApiError,
    model::object_type::{ObjectTypePutRequest, ObjectTypeView},
    openapi::Errors,
    path::PathId,
    state::Shared,
};

static FIELDS: [Field<Arc<CompiledObjectType>>; 2] = [
    Field {
        name: "id",
        kind: Kind::Exact,
        usage: Usage::Both,
        value: |row| row.object_type.id.as_str().into(),
    },
    Field {
        name: "name",
        kind: Kind::Text,
        usage: Usage::Both,
        value: |row| row.object_type.name.as_str().into(),
    },
];

/// The routes of the resource.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
}

/// List object types
///
/// All kinds of objects that callbacks can be about. Filter fields: `id`, `name`.
/// Sorters: `id`, `name`.
#[utoipa::path(
    get, path = "", operation_id = "listObjectTypesV1", tag = "Callbacks",
    params(CollectionParams),
    responses(
        (status = 200, description = "The object types.", body = Vec<ObjectTypeView>,
            headers(("X-Total-Count" = u64, description = "Number of all rows, with `count=true`."))),
        Errors,
    ),
    security(("oauth2" = ["sp:trigger-service-subscriptions:read"]), ("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn list(
    State(state): State<Shared>,
    _caller: Caller<ReadSubscriptions>,
    params: CollectionParams,
) -> Result<Page<ObjectTypeView>, ApiError> {
    let query = params.query(&FIELDS, state.settings.page_rows_max)?;
    let snapshot = state.registry.snapshot();
    let page = query.page(snapshot.object_types().cloned());
    Ok(page.map(|object_type| ObjectTypeView::from(&*object_type)))
}

/// Get an object type
#[utoipa::path(
    get, path = "/{id}", operation_id = "getObjectTypeV1", tag = "Callbacks",
    params(("id" = String, Path, description = "The id of the object type.")),
    responses((status = 200, description = "The object type.", body = ObjectTypeView), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:read"]), ("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn get(
    State(state): State<Shared>,
    _caller: Caller<ReadSubscriptions>,
    PathId(id): PathId,
) -> Result<Json<ObjectTypeView>, ApiError> {
    let snapshot = state.registry.snapshot();
    let object_type = snapshot.object_type(&id).ok_or_else(no_object_type)?;
    Ok(Json((&**object_type).into()))
}

/// Declare an object type of one's own
///
/// Makes or replaces the object type with this id. Built-in ones can't be changed.
#[utoipa::path(
    put, path = "/{id}", operation_id = "putObjectTypeV1", tag = "Callbacks",
    params(("id" = String, Path, description = "The id of the object type, e.g. `invoice`.")),
    request_body = ObjectTypePutRequest,
    responses((status = 200, description = "The object type as it is kept.", body = ObjectTypeView), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn put(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    PathId(id): PathId,
    JsonBody(body): JsonBody<ObjectTypePutRequest>,
) -> Result<Json<ObjectTypeView>, ApiError> {
    let object_type = body.into_object_type(id)?;
    let kept = state.registry.put_object_type(object_type).await?;
    Ok(Json((&*kept).into()))
}

/// Delete an object type of one's own
///
/// Refused while callbacks use it.
#[utoipa::path(
    delete, path = "/{id}", operation_id = "deleteObjectTypeV1", tag = "Callbacks",
    params(("id" = String, Path, description = "The id of the object type.")),
    responses((status = 204, description = "Deleted."), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn delete(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    match state.registry.delete_object_type(&id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(ChangeError::UnknownObjectType(_)) => Err(no_object_type()),
        Err(error) => Err(error.into()),
    }
}

fn no_object_type() -> ApiError {
    ApiError::not_found("there is no object type with this id")
}
