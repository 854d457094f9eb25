//! The query string of a list.

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{field::Field, filter::Filter, sorter::Sorter};
use crate::{error::ApiError, state::Shared};

/// The parameters that every list takes.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CollectionParams {
    /// Rows at most.
    #[param(minimum = 0, maximum = 250, default = 250, example = 250, value_type = Option<i32>)]
    limit: Option<String>,
    /// Rows to skip.
    #[param(minimum = 0, default = 0, example = 0, value_type = Option<i32>)]
    offset: Option<String>,
    /// Whether to answer with `X-Total-Count`, the number of rows without `limit`
    /// and `offset`.
    #[param(default = false, example = true, value_type = Option<bool>)]
    count: Option<String>,
    /// A condition, e.g. `id eq "..."`; see the operation for its fields.
    filters: Option<String>,
    /// Fields to sort by, separated by commas, `-` in front for descending.
    sorters: Option<String>,
}

/// The parameters of one list, checked.
#[derive(Debug)]
pub(crate) struct Query<T: 'static> {
    /// Rows at most.
    pub(crate) limit: usize,
    /// Rows to skip.
    pub(crate) offset: usize,
    /// Whether to answer with the number of all rows.
    pub(crate) count: bool,
    /// Which rows.
    pub(crate) filter: Option<Filter<T>>,
    /// In which order; `None` is the list's own.
    pub(crate) sorter: Option<Sorter<T>>,
}

impl FromRequestParts<Shared> for CollectionParams {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        axum::extract::Query::<Self>::from_request_parts(parts, state)
            .await
            .map(|query| query.0)
            .map_err(|_| ApiError::bad_request("the query string can't be read"))
    }
}

impl CollectionParams {
    /// Checks the parameters against the fields of a list.
    pub(crate) fn query<T>(
        &self,
        fields: &'static [Field<T>],
        limit_max: usize,
    ) -> Result<Query<T>, ApiError> {
        let limit = whole_number("limit", self.limit.as_deref())?.unwrap_or(limit_max);
        if limit > limit_max {
            return Err(ApiError::bad_request(format!(
                "limit must be between 0 and {limit_max}"
            )));
        }
        let filter = Filter::parse(self.filters.as_deref().unwrap_or_default(), fields)
            .map_err(|error| ApiError::bad_request(format!("filters: {error}")))?;
        let sorter = Sorter::parse(self.sorters.as_deref().unwrap_or_default(), fields)
            .map_err(|error| ApiError::bad_request(format!("sorters: {error}")))?;
        Ok(Query {
            limit,
            offset: whole_number("offset", self.offset.as_deref())?.unwrap_or(0),
            count: boolean("count", self.count.as_deref())?,
            filter,
            sorter,
        })
    }
}

/// A non-negative int32, as the reference declares it.
fn whole_number(name: &str, text: Option<&str>) -> Result<Option<usize>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number = text
        .parse::<i32>()
        .ok()
        .and_then(|n| usize::try_from(n).ok());
    number.map(Some).ok_or_else(|| {
        ApiError::bad_request(format!("{name} must be a whole number, zero or more"))
    })
}

fn boolean(name: &str, text: Option<&str>) -> Result<bool, ApiError> {
    match text {
        None | Some("") => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(ApiError::bad_request(format!(
            "{name} must be true or false"
        ))),
    }
}
