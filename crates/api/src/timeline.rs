//! `/trigger-invocations/{id}/timeline`: everything that was observed of an invocation;
//! an addition to the reference.

use axum::{Json, extract::State};
use serde_json::value::RawValue;

use crate::{
    auth::{Caller, scope::ReadRecords},
    error::ApiError,
    mask::{self, SecretFields},
    openapi::Errors,
    path::PathId,
    ports::Timeline,
    state::Shared,
    status::known,
};

/// Get the timeline of an invocation
///
/// What the log has about it, in log order: the request, each call, callbacks, the
/// deadline; also what changed nothing, and why. An addition to the reference.
#[utoipa::path(
    get, path = "/{id}/timeline", operation_id = "getTriggerInvocationTimelineV1", tag = "Triggers",
    params(("id" = String, Path, description = "The id of the invocation.")),
    responses((status = 200, description = "The timeline.", body = Timeline), Errors),
    security(("oauth2" = ["triggerfish:records:read"])),
)]
pub(crate) async fn timeline(
    State(state): State<Shared>,
    _caller: Caller<ReadRecords>,
    id: PathId,
) -> Result<Json<Timeline>, ApiError> {
    let invocation = known(&state, &id).await?;
    let mut timeline = state.timelines.of(&invocation).await?;
    if invocation.request.member.is_some() {
        let secrets = &state.settings.secret_fields;
        for entry in &mut timeline.entries {
            entry.observation = without_secrets(&entry.observation, secrets)?;
        }
    }
    Ok(Json(timeline))
}

/// What callbacks are told is shown as in their history.
fn without_secrets(
    observation: &RawValue,
    secrets: &SecretFields,
) -> Result<Box<RawValue>, ApiError> {
    let masked = mask::masked(observation.get(), secrets);
    RawValue::from_string(masked).map_err(|_| ApiError::internal())
}
