//! `/workers`: the processes of the installation; an addition to the reference.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{Caller, scope::ReadInvocations},
    error::ApiError,
    openapi::Errors,
    ports::Worker,
    state::Shared,
};

/// The routes of `/workers`.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List workers
///
/// The processes that were heard of lately, by name, and the partitions that run in
/// each. While a partition changes hands, two can name it, or none. An addition to the
/// reference.
#[utoipa::path(
    get, path = "", operation_id = "listWorkersV1", tag = "Workers",
    responses((status = 200, description = "The processes.", body = Vec<Worker>), Errors),
    security(("oauth2" = ["sp:trigger-service-invocation-status:read"]), ("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
async fn list(
    State(state): State<Shared>,
    _caller: Caller<ReadInvocations>,
) -> Result<Json<Vec<Worker>>, ApiError> {
    Ok(Json(state.workers.living()))
}
