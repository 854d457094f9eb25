//! Rotation of the signing secrets of subscriptions and callbacks; an addition to the
//! reference.

use axum::{Json, extract::State, http::header, response::IntoResponse};
use serde::Serialize;
use triggerfish_core::{Secret, SubscriptionId, subscription::Signing};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, scope::ManageSubscriptions},
    error::ApiError,
    openapi::Errors,
    path::PathId,
    state::Shared,
};

/// A signing secret that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RotatedSecret {
    /// The secret, as Standard Webhooks writes it; shown this once.
    #[schema(value_type = String, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Secret,
    /// Until then calls are also signed with the secret before. UTC.
    #[schema(format = DateTime)]
    previous_valid_until: Option<String>,
}

/// Rotate the signing secret
///
/// Makes a new secret and shows it this once; call it for the first secret as
/// well. Until `previousValidUntil` calls carry signatures of both. An addition to
/// the reference.
#[utoipa::path(
    post, path = "/{id}/rotate-signing-secret", operation_id = "rotateSigningSecretV1", tag = "Triggers",
    params(("id" = String, Path, description = "The id of the subscription.")),
    responses((status = 200, description = "The new secret.", body = RotatedSecret), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
pub(crate) async fn rotate(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    id: PathId,
) -> Result<impl IntoResponse, ApiError> {
    let id = id.subscription()?;
    let rotated = state
        .registry
        .rotate_signing(id, state.settings.signing_overlap)
        .await?;
    Ok(shown_once(&state, id, rotated.subscription.signing))
}

/// Rotate the signing secret of a callback
///
/// Makes a new secret and shows it this once; call it for the first secret as
/// well. Until `previousValidUntil` calls carry signatures of both.
#[utoipa::path(
    post, path = "/{id}/rotate-signing-secret", operation_id = "rotateCallbackSigningSecretV1", tag = "Callbacks",
    params(("id" = String, Path, description = "The id of the callback.")),
    responses((status = 200, description = "The new secret.", body = RotatedSecret), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
pub(crate) async fn rotate_for_callback(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    id: PathId,
) -> Result<impl IntoResponse, ApiError> {
    let id = id.callback()?;
    let overlap = state.settings.signing_overlap;
    let rotated = state.registry.rotate_callback_signing(id, overlap).await?;
    Ok(shown_once(&state, id, rotated.callback.signing))
}

fn shown_once(state: &Shared, id: SubscriptionId, signing: Signing) -> impl IntoResponse + use<> {
    let body = RotatedSecret {
        secret: (state.signing_secret)(id, signing.generation),
        previous_valid_until: signing.previous_until.map(|until| until.to_string()),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(body))
}
