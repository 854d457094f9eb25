//! `/topics/{topic}/records`: what is on the topics; an addition to the reference.

use std::time::Duration;

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    auth::{Caller, scope::ReadRecords},
    error::ApiError,
    openapi::Errors,
    path::PathId,
    ports::{RecordsError, RecordsFrom, RecordsPage, RecordsQuery},
    state::Shared,
};

const LIMIT_DEFAULT: u64 = 100;
const LIMIT_MAX: u64 = 1000;
/// Shorter than what proxies usually allow an answer to take.
const WAIT_SECONDS_MAX: u64 = 30;

/// The query string.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecordsParams {
    /// `beginning`, `end`, or the cursor of a page before.
    #[param(default = "end", example = "beginning")]
    from: Option<String>,
    /// Records at most.
    #[param(minimum = 1, maximum = 1000, default = 100, example = 100, value_type = Option<i32>)]
    limit: Option<String>,
    /// Seconds to wait for the first record.
    #[param(minimum = 0, maximum = 30, default = 0, example = 0, value_type = Option<i32>)]
    wait: Option<String>,
}

impl FromRequestParts<Shared> for RecordsParams {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        axum::extract::Query::<Self>::from_request_parts(parts, state)
            .await
            .map(|query| query.0)
            .map_err(|_| ApiError::bad_request("the query string can't be read"))
    }
}

impl RecordsParams {
    fn query(self, topic: String) -> Result<RecordsQuery, ApiError> {
        let limit = number("limit", self.limit.as_deref(), 1, LIMIT_MAX)?;
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        let wait = number("wait", self.wait.as_deref(), 0, WAIT_SECONDS_MAX)?;
        let from = match self.from.as_deref() {
            None | Some("" | "end") => RecordsFrom::End,
            Some("beginning") => RecordsFrom::Beginning,
            Some(cursor) => RecordsFrom::Cursor(cursor.to_owned()),
        };
        Ok(RecordsQuery {
            topic,
            from,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            wait: Duration::from_secs(wait.unwrap_or(0)),
        })
    }
}

fn number(name: &str, text: Option<&str>, min: u64, max: u64) -> Result<Option<u64>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number = text.parse().ok().filter(|n| (min..=max).contains(n));
    number.map(Some).ok_or_else(|| {
        ApiError::bad_request(format!("{name} must be a whole number from {min} to {max}"))
    })
}

/// Read a topic
///
/// Records of `completions`, `decisions`, `dead-letters` or `invocation-log`. Ask
/// again with the answer's `cursor` to follow the topic; `wait` makes the answer
/// wait for the first record. An addition to the reference.
#[utoipa::path(
    get, path = "/topics/{topic}/records", operation_id = "listRecords", tag = "Topics",
    params(("topic" = String, Path, description = "The name of the topic."), RecordsParams),
    responses((status = 200, description = "The records, and where to read on.", body = RecordsPage), Errors),
    security(("oauth2" = ["triggerfish:records:read"])),
)]
pub(crate) async fn list(
    State(state): State<Shared>,
    _caller: Caller<ReadRecords>,
    PathId(topic): PathId,
    params: RecordsParams,
) -> Result<Json<RecordsPage>, ApiError> {
    let page = state.records.read(params.query(topic)?).await?;
    Ok(Json(page))
}

impl From<RecordsError> for ApiError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::UnknownTopic(..) => Self::not_found(error.to_string()),
            RecordsError::Cursor => Self::bad_request(error.to_string()),
            RecordsError::Unavailable(error) => error.into(),
        }
    }
}
