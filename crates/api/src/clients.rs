//! `/api-clients`: who may call the API; an addition to the reference.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use triggerfish_core::Secret;
use triggerfish_registry::Client;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{
        Caller,
        scope::{ALL_SCOPES, ManageClients, Scope},
    },
    body::JsonBody,
    collection::{
        CollectionParams, Field, Page,
        field::{Kind, Usage},
    },
    error::ApiError,
    model::client::{ClientPostRequest, ClientView, NewApiClient},
    openapi::Errors,
    path::PathId,
    state::Shared,
    tracking::random_hex,
};

static FIELDS: [Field<ClientView>; 2] = [
    Field {
        name: "id",
        kind: Kind::Exact,
        usage: Usage::Both,
        value: |row| row.id().into(),
    },
    Field {
        name: "name",
        kind: Kind::Text,
        usage: Usage::Both,
        value: |row| row.name().into(),
    },
];

/// The routes of the resource.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
}

/// List API clients
///
/// Filter fields and sorters: `id`, `name`.
#[utoipa::path(
    get, path = "", operation_id = "listApiClientsV1", tag = "API clients",
    params(CollectionParams),
    responses(
        (status = 200, description = "The clients.", body = Vec<ClientView>,
            headers(("X-Total-Count" = u64, description = "Number of all rows, with `count=true`."))),
        Errors,
    ),
    security(("oauth2" = ["triggerfish:clients:manage"])),
)]
async fn list(
    State(state): State<Shared>,
    _caller: Caller<ManageClients>,
    params: CollectionParams,
) -> Result<Page<ClientView>, ApiError> {
    let query = params.query(&FIELDS, state.settings.page_rows_max)?;
    let snapshot = state.registry.snapshot();
    Ok(query.page(snapshot.clients().map(|client| ClientView::from(&**client))))
}

/// Create an API client
///
/// Id and secret are made by the service; the secret is shown this once.
#[utoipa::path(
    post, path = "", operation_id = "createApiClientV1", tag = "API clients",
    request_body = ClientPostRequest,
    responses((status = 201, description = "The client and its secret.", body = NewApiClient), Errors),
    security(("oauth2" = ["triggerfish:clients:manage"])),
)]
async fn create(
    State(state): State<Shared>,
    _caller: Caller<ManageClients>,
    JsonBody(body): JsonBody<ClientPostRequest>,
) -> Result<impl IntoResponse, ApiError> {
    check(&body)?;
    let id = random_hex(16).ok_or_else(ApiError::internal)?;
    let secret = Secret::new(random_hex(32).ok_or_else(ApiError::internal)?);
    let (claim, now) = (secret.clone(), state.now());
    let hashed =
        tokio::task::spawn_blocking(move || Client::new(id, body.name, &claim, body.scopes, now));
    let client = hashed.await.map_err(|_| ApiError::internal())??;
    let kept = state.registry.put_client(client).await?;
    let body = NewApiClient {
        client: ClientView::from(&*kept),
        secret,
    };
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, Json(body)))
}

/// Get an API client
#[utoipa::path(
    get, path = "/{id}", operation_id = "getApiClientV1", tag = "API clients",
    params(("id" = String, Path, description = "The id of the client.")),
    responses((status = 200, description = "The client.", body = ClientView), Errors),
    security(("oauth2" = ["triggerfish:clients:manage"])),
)]
async fn get(
    State(state): State<Shared>,
    _caller: Caller<ManageClients>,
    PathId(id): PathId,
) -> Result<Json<ClientView>, ApiError> {
    let snapshot = state.registry.snapshot();
    let client = snapshot
        .client(&id)
        .ok_or_else(|| ApiError::not_found("there is no API client with this id"))?;
    Ok(Json(ClientView::from(&**client)))
}

/// Delete an API client
///
/// Its tokens are refused from then on.
#[utoipa::path(
    delete, path = "/{id}", operation_id = "deleteApiClientV1", tag = "API clients",
    params(("id" = String, Path, description = "The id of the client.")),
    responses((status = 204, description = "Deleted."), Errors),
    security(("oauth2" = ["triggerfish:clients:manage"])),
)]
async fn delete(
    State(state): State<Shared>,
    _caller: Caller<ManageClients>,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    state.registry.delete_client(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check(body: &ClientPostRequest) -> Result<(), ApiError> {
    let name_chars = body.name.chars().count();
    if body.name.trim().is_empty() || name_chars > 255 {
        return Err(ApiError::bad_request("name: write 1 to 255 characters"));
    }
    if body.scopes.is_empty() {
        return Err(ApiError::bad_request("scopes: name at least one"));
    }
    for (index, name) in body.scopes.iter().enumerate() {
        if name != ALL_SCOPES && Scope::parse(name).is_none() {
            let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
            return Err(ApiError::bad_request(format!(
                "scopes[{index}] is not a scope; choose from {}, {ALL_SCOPES}",
                known.join(", ")
            )));
        }
    }
    Ok(())
}
