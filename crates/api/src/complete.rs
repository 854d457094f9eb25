//! Completing an invocation (reference 3.10).
//!
//! The secret is verified before anything is looked up, so what does not exist and
//! what is not the caller's can't be told apart, neither by answer nor by time.

use axum::{extract::State, http::StatusCode};
use triggerfish_core::{
    CompletionReport, Invocation, InvocationId, Secret, Timestamp, TriggerType, id::InvocationKey,
};

use crate::{
    body::JsonBody,
    error::ApiError,
    model::{invocation::CompleteInvocation, raw::RawJson},
    openapi::Errors,
    path::PathId,
    ports::Verdict,
    state::{Inner, Shared},
};

/// Characters of an error text that are kept.
const ERROR_CHARS_MAX: usize = 4000;

/// Complete an invocation
///
/// Only for `REQUEST_RESPONSE` triggers. The secret of the invocation
/// authenticates; no token is needed. The same result may be sent again; another
/// one after the outcome, or any after the deadline, is refused.
#[utoipa::path(
    post, path = "/{id}/complete", operation_id = "completeTriggerInvocationV1", tag = "Triggers",
    params(("id" = String, Path, description = "The id of the invocation.")),
    request_body = CompleteInvocation,
    responses((status = 204, description = "Taken."), Errors),
    security(()),
)]
pub(crate) async fn complete(
    State(state): State<Shared>,
    PathId(id): PathId,
    JsonBody(body): JsonBody<CompleteInvocation>,
) -> Result<StatusCode, ApiError> {
    let id = verified(&state, &id, &body.secret)?;
    let invocation = state.invocations.get(id).await?.ok_or_else(not_kept)?;
    if invocation.request.trigger_type == TriggerType::FireAndForget {
        return Err(nothing_owed());
    }
    let report = report(&state, &invocation, body.output, body.error)?;
    match state.invocations.complete(invocation, report).await? {
        Verdict::Accepted | Verdict::Repeated => Ok(StatusCode::NO_CONTENT),
        Verdict::Unknown => Err(not_kept()),
        Verdict::NothingOwed => Err(nothing_owed()),
        Verdict::AlreadyClosed { outcome } => Err(ApiError::bad_request(format!(
            "the invocation has ended before, with outcome {outcome}, and not by this result"
        ))),
        Verdict::AfterDeadline { deadline } => Err(ApiError::bad_request(format!(
            "the deadline of the invocation was {deadline}"
        ))),
    }
}

/// The id, if the secret is its own. An id that can't be one costs as much as one
/// that can.
fn verified(state: &Inner, id: &str, secret: &Secret) -> Result<InvocationId, ApiError> {
    let parsed = id.parse::<InvocationId>();
    let candidate =
        parsed.unwrap_or_else(|_| InvocationId::new(Timestamp::EPOCH, 0, InvocationKey(0)));
    let is_secret = state.keys.is_secret_of(candidate, secret.expose());
    match parsed {
        Ok(id) if is_secret => Ok(id),
        _ => Err(ApiError::forbidden(
            "the secret is not the secret of this invocation",
        )),
    }
}

/// What is reported: an output that fits the trigger's schema, or an error.
fn report(
    state: &Inner,
    invocation: &Invocation,
    output: Option<RawJson>,
    error: Option<String>,
) -> Result<CompletionReport, ApiError> {
    let error = error.filter(|text| !text.trim().is_empty());
    if let Some(error) = error {
        let error: String = error.chars().take(ERROR_CHARS_MAX).collect();
        return Ok(CompletionReport {
            output: output
                .filter(|output| !output.is_null())
                .map(RawJson::into_bytes),
            error: Some(error.into()),
        });
    }
    let output = output
        .ok_or_else(|| ApiError::bad_request("output is missing; send the output, or an error"))?;
    let snapshot = state.registry.snapshot();
    if let Some(trigger) = snapshot.trigger(&invocation.request.trigger_id) {
        let value = serde_json::from_str(output.get())
            .map_err(|_| ApiError::bad_request("output is not valid JSON"))?;
        trigger.check_output(&value).map_err(|violation| {
            ApiError::bad_request(format!(
                "output does not fit the trigger's output schema: {violation}"
            ))
        })?;
    }
    Ok(CompletionReport {
        output: Some(output.into_bytes()),
        error: None,
    })
}

fn nothing_owed() -> ApiError {
    ApiError::bad_request("an invocation of a FIRE_AND_FORGET trigger can't be completed")
}

fn not_kept() -> ApiError {
    ApiError::bad_request("the invocation is not known any more")
}
