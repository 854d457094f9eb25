//! `/dead-letters`: what could not be read, byte for byte, and putting it back; an
//! addition to the reference.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{
        Caller,
        scope::{ReadRecords, RedriveDeadLetters},
    },
    body::JsonBody,
    error::ApiError,
    openapi::Errors,
    path::PathId,
    ports::{DeadLetterView, Place, Redrive, RedriveResult},
    state::Shared,
};

/// Places in one request at most.
const PLACES_MAX: usize = 1000;

/// Dead letters to put back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedriveInput {
    /// Their places, `partition@offset`; 1 to 1000 of them.
    #[schema(example = json!(["0@12", "0@13"]))]
    places: Vec<String>,
    /// Only say what would be done.
    #[serde(default)]
    dry_run: bool,
}

pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(get))
        .routes(routes!(redrive))
}

/// Read a dead letter
///
/// With key, value and headers byte for byte. `GET /topics/dead-letters/records` lists
/// the letters. An addition to the reference.
#[utoipa::path(
    get, path = "/{place}", operation_id = "getDeadLetter", tag = "Topics",
    params(("place" = String, Path, description = "`partition@offset`.", example = "0@12")),
    responses((status = 200, description = "The letter.", body = DeadLetterView), Errors),
    security(("oauth2" = ["triggerfish:records:read"])),
)]
pub(crate) async fn get(
    State(state): State<Shared>,
    _caller: Caller<ReadRecords>,
    PathId(place): PathId,
) -> Result<Json<DeadLetterView>, ApiError> {
    let place = parsed(&place)?;
    let letter = state.dead_letters.get(place).await?;
    letter
        .map(Json)
        .ok_or_else(|| ApiError::not_found(format!("there is no dead letter at {place}")))
}

/// Put dead letters back
///
/// Each on the topic it came from, if events are read from there, as it was. An event
/// without an id of its own stays the one that was read first, so putting a letter back
/// twice starts nothing twice. An addition to the reference.
#[utoipa::path(
    post, path = "/redrive", operation_id = "redriveDeadLetters", tag = "Topics",
    request_body = RedriveInput,
    responses(
        (status = 200, description = "What became of each, in order.", body = Vec<RedriveResult>),
        Errors,
    ),
    security(("oauth2" = ["triggerfish:dead-letters:redrive"])),
)]
pub(crate) async fn redrive(
    State(state): State<Shared>,
    _caller: Caller<RedriveDeadLetters>,
    JsonBody(body): JsonBody<RedriveInput>,
) -> Result<Json<Vec<RedriveResult>>, ApiError> {
    if !(1..=PLACES_MAX).contains(&body.places.len()) {
        return Err(ApiError::bad_request(format!(
            "places must have 1 to {PLACES_MAX} entries"
        )));
    }
    let places = body.places.iter().map(|place| parsed(place));
    let redrive = Redrive {
        places: places.collect::<Result<_, _>>()?,
        dry_run: body.dry_run,
    };
    Ok(Json(state.dead_letters.redrive(redrive).await?))
}

fn parsed(text: &str) -> Result<Place, ApiError> {
    text.parse().map_err(|error| {
        let text: String = text.chars().take(60).collect();
        ApiError::bad_request(format!("{text:?} is {error}"))
    })
}
