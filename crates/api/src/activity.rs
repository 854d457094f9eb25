//! `/activity`: what happened lately, as far back as it is kept; an addition to the
//! reference.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use serde::Deserialize;
use triggerfish_core::{Invocation, SubscriptionId};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{Caller, scope::ReadInvocations},
    error::ApiError,
    model::activity::{ActivityPage, ActivityRow, StateName, error_of, state_of},
    openapi::Errors,
    path::parse_subscription_id,
    ports::ListQuery,
    state::{Inner, Shared},
};

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1000;
/// Invocations that one answer looks at; where few of them fit, it has few rows and says
/// where to go on.
const EXAMINED_MAX: usize = 5000;

/// The query string.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct ActivityParams {
    /// Where to go on: the `cursor` of the page before.
    cursor: Option<String>,
    /// Rows at most.
    #[param(minimum = 1, maximum = 1000, default = 100, example = 100, value_type = Option<i32>)]
    limit: Option<String>,
    /// Only of this trigger.
    #[param(example = "test:fire-and-forget")]
    trigger_id: Option<String>,
    /// Only of this subscription.
    subscription_id: Option<String>,
    /// Only those that stand so: `OPEN`, `COMPLETED`, `FAILED` or `EXPIRED`.
    #[param(value_type = Option<StateName>)]
    state: Option<String>,
    /// `TEST` or `REAL_TIME`.
    #[param(value_type = Option<crate::model::names::InvocationStatusType>)]
    r#type: Option<String>,
    /// Only those with this text in their id, their names or their error.
    text: Option<String>,
}

impl FromRequestParts<Shared> for ActivityParams {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        axum::extract::Query::<Self>::from_request_parts(parts, state)
            .await
            .map(|query| query.0)
            .map_err(|_| ApiError::bad_request("the query string can't be read"))
    }
}

/// What is wanted, checked.
struct Wanted {
    limit: usize,
    trigger_id: Option<String>,
    subscription_id: Option<SubscriptionId>,
    state: Option<String>,
    origin: Option<String>,
    text: Option<String>,
}

impl ActivityParams {
    fn checked(self) -> Result<(Wanted, BTreeMap<u32, u64>), ApiError> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let one_of = |name: &str, text: Option<String>, names: &[&str]| match given(text) {
            Some(text) if !names.contains(&&*text) => Err(ApiError::bad_request(format!(
                "{name} must be one of {}",
                names.join(", ")
            ))),
            text => Ok(text),
        };
        let limit = given(self.limit).map_or(Ok(LIMIT_DEFAULT), |text| {
            let number = text.parse().ok().filter(|n| (1..=LIMIT_MAX).contains(n));
            number.ok_or_else(|| {
                ApiError::bad_request(format!(
                    "limit must be a whole number from 1 to {LIMIT_MAX}"
                ))
            })
        })?;
        let subscription_id = given(self.subscription_id)
            .map(|text| {
                parse_subscription_id(&text)
                    .ok_or_else(|| ApiError::bad_request("subscriptionId is not an id"))
            })
            .transpose()?;
        let before = given(self.cursor).map_or(Ok(BTreeMap::new()), |text| {
            read_cursor(&text).ok_or_else(|| {
                ApiError::bad_request("cursor is not one of this list; leave it out to begin anew")
            })
        })?;
        let wanted = Wanted {
            limit,
            trigger_id: given(self.trigger_id),
            subscription_id,
            state: one_of("state", self.state, &StateName::ALL)?,
            origin: one_of("type", self.r#type, &["TEST", "REAL_TIME"])?,
            text: given(self.text).map(|text| text.to_lowercase()),
        };
        Ok((wanted, before))
    }
}

impl Wanted {
    fn takes(&self, row: &Invocation) -> bool {
        let has = |text: &str, part: &str| text.to_lowercase().contains(part);
        self.state
            .as_deref()
            .is_none_or(|state| state == state_of(row))
            && self
                .origin
                .as_deref()
                .is_none_or(|origin| origin == row.request.origin.as_str())
            && self.text.as_deref().is_none_or(|part| {
                has(&row.id.to_string(), part)
                    || has(&row.request.trigger_id, part)
                    || has(&row.request.subscription_name, part)
                    || error_of(row).is_some_and(|error| has(error, part))
            })
    }

    fn is_filtered(&self) -> bool {
        self.state.is_some() || self.origin.is_some() || self.text.is_some()
    }
}

/// The routes of the resource.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List activity
///
/// Invocations, open and closed, newest first, page after page by `cursor`, as far back
/// as they are kept. A page may have fewer rows than `limit` and yet not be the last one:
/// ask on while there is a `cursor`. An addition to the reference.
#[utoipa::path(
    get, path = "", operation_id = "listActivityV1", tag = "Triggers",
    params(ActivityParams),
    responses((status = 200, description = "The invocations.", body = ActivityPage), Errors),
    security(("oauth2" = ["sp:trigger-service-invocation-status:read"]), ("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
async fn list(
    State(state): State<Shared>,
    _caller: Caller<ReadInvocations>,
    params: ActivityParams,
) -> Result<Json<ActivityPage>, ApiError> {
    let (wanted, before) = params.checked()?;
    Ok(Json(page(&state, &wanted, before).await?))
}

async fn page(
    state: &Inner,
    wanted: &Wanted,
    mut before: BTreeMap<u32, u64>,
) -> Result<ActivityPage, ApiError> {
    let mut rows: Vec<ActivityRow> = Vec::new();
    let mut examined = 0;
    loop {
        let limit = if wanted.is_filtered() {
            LIMIT_MAX
        } else {
            wanted.limit - rows.len()
        };
        let listing = state
            .invocations
            .list(ListQuery {
                trigger_id: wanted.trigger_id.clone(),
                subscription_id: wanted.subscription_id,
                open_only: wanted.state.as_deref() == Some(StateName::OPEN),
                before: before.clone(),
                without_total: true,
                limit,
                ..ListQuery::default()
            })
            .await?;
        let is_end = listing.invocations.len() < limit;
        examined += listing.invocations.len();
        let mut is_full = false;
        for row in &listing.invocations {
            if rows.len() == wanted.limit {
                is_full = true;
                break;
            }
            before.insert(u32::from(row.id.partition()), row.place());
            if wanted.takes(row) {
                rows.push(row.into());
            }
        }
        if is_full || !is_end && (rows.len() == wanted.limit || examined >= EXAMINED_MAX) {
            let cursor = Some(written(&before));
            return Ok(ActivityPage { rows, cursor });
        }
        if is_end {
            let cursor = None;
            return Ok(ActivityPage { rows, cursor });
        }
    }
}

/// Where to go on: for each partition the place of the last row that was looked at.
fn written(before: &BTreeMap<u32, u64>) -> String {
    let parts = before
        .iter()
        .map(|(partition, offset)| format!("{partition}-{offset}"));
    parts.collect::<Vec<_>>().join(".")
}

fn read_cursor(text: &str) -> Option<BTreeMap<u32, u64>> {
    let part = |part: &str| {
        let (partition, offset) = part.split_once('-')?;
        Some((partition.parse().ok()?, offset.parse().ok()?))
    };
    text.split('.').map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let before = BTreeMap::from([(0, 12), (7, u64::MAX)]);
        assert_eq!(read_cursor(&written(&before)), Some(before));
        for bad in ["", "0", "0-", "x-1", "0-1..", "0-1.2", "-1-2"] {
            assert_eq!(read_cursor(bad), None, "{bad}");
        }
    }
}
