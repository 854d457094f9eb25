//! What became of invocations: the status list (reference 3.8), those in progress and
//! the backlog (reference 4), and one in detail.

use axum::{Json, extract::State};
use triggerfish_core::{Invocation, InvocationId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{Caller, scope::ReadInvocations},
    collection::{
        CollectionParams, Field, Page, Query, Value,
        field::{Kind, Usage},
    },
    error::ApiError,
    model::status::{ActiveInvocation, InvocationDetail, InvocationStatus, PendingEvents},
    openapi::Errors,
    path::{PathId, parse_subscription_id},
    ports::ListQuery,
    state::{Inner, Shared},
};

static STATUS_FIELDS: [Field<Invocation>; 6] = [
    Field {
        name: "triggerId",
        kind: Kind::Exact,
        usage: Usage::Both,
        value: |row| Value::from(&*row.request.trigger_id),
    },
    Field {
        name: "subscriptionId",
        kind: Kind::Text,
        usage: Usage::Filter,
        value: |row| row.request.subscription_id.to_string().into(),
    },
    Field {
        name: "id",
        kind: Kind::Text,
        usage: Usage::Filter,
        value: |row| row.id.to_string().into(),
    },
    Field {
        name: "subscriptionName",
        kind: Kind::Text,
        usage: Usage::Sort,
        value: |row| Value::from(&*row.request.subscription_name),
    },
    Field {
        name: "created",
        kind: Kind::Time,
        usage: Usage::Sort,
        value: |row| Value::Time(row.request.created),
    },
    Field {
        name: "completed",
        kind: Kind::Time,
        usage: Usage::Sort,
        value: |row| {
            row.closing()
                .map_or(Value::Null, |closing| Value::Time(closing.at))
        },
    },
];

static ACTIVE_FIELDS: [Field<Invocation>; 2] = [
    Field {
        name: "id",
        kind: Kind::Text,
        usage: Usage::Filter,
        value: |row| row.id.to_string().into(),
    },
    Field {
        name: "triggerId",
        kind: Kind::Exact,
        usage: Usage::Both,
        value: |row| Value::from(&*row.request.trigger_id),
    },
];

static PENDING_FIELDS: [Field<PendingEvents>; 1] = [Field {
    name: "topic",
    kind: Kind::Text,
    usage: Usage::Both,
    value: |row| row.topic.as_str().into(),
}];

/// The routes of `/trigger-invocations`.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(active))
        .routes(routes!(list))
        .routes(routes!(pending))
        .routes(routes!(crate::starts::test))
        .routes(routes!(crate::starts::start))
        .routes(routes!(detail))
        .routes(routes!(crate::timeline::timeline))
        .routes(routes!(crate::resend::resend))
        .routes(routes!(crate::complete::complete))
}

/// List latest invocation statuses
///
/// Open and closed ones, newest first; at most 2000 can be reached. Filter fields:
/// `triggerId`, `subscriptionId`, `id`. Sorters: `triggerId`, `subscriptionName`,
/// `created`, `completed`.
#[utoipa::path(
    get, path = "/status", operation_id = "listTriggerInvocationStatusV1", tag = "Triggers",
    params(CollectionParams),
    responses(
        (status = 200, description = "The invocations.", body = Vec<InvocationStatus>,
            headers(("X-Total-Count" = u64, description = "Number of all rows, with `count=true`."))),
        Errors,
    ),
    security(("oauth2" = ["sp:trigger-service-invocation-status:read"]), ("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
async fn list(
    State(state): State<Shared>,
    _caller: Caller<ReadInvocations>,
    params: CollectionParams,
) -> Result<Page<InvocationStatus>, ApiError> {
    let query = params.query(&STATUS_FIELDS, state.settings.page_rows_max)?;
    let page = page(&state, &query, false).await?;
    Ok(page.map(|invocation| InvocationStatus::of(&invocation, &state.settings.secret_fields)))
}

/// List invocations in progress
///
/// Those without an outcome, newest first; at most 2000 can be reached. Filter
/// fields: `id`, `triggerId`. Sorter: `triggerId`.
#[utoipa::path(
    get, path = "", operation_id = "listTriggerInvocationsV1", tag = "Triggers",
    params(CollectionParams),
    responses(
        (status = 200, description = "The invocations.", body = Vec<ActiveInvocation>,
            headers(("X-Total-Count" = u64, description = "Number of all rows, with `count=true`."))),
        Errors,
    ),
    security(("oauth2" = ["sp:trigger-service-invocation-status:read"]), ("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
async fn active(
    State(state): State<Shared>,
    _caller: Caller<ReadInvocations>,
    params: CollectionParams,
) -> Result<Page<ActiveInvocation>, ApiError> {
    let query = params.query(&ACTIVE_FIELDS, state.settings.page_rows_max)?;
    let page = page(&state, &query, true).await?;
    Ok(page.map(|invocation| ActiveInvocation::from(&invocation)))
}

/// List pending events
///
/// How many events of each topic are persisted and not yet processed. Filter field
/// and sorter: `topic`.
#[utoipa::path(
    get, path = "/pending-events", operation_id = "listPendingEventsV1", tag = "Triggers",
    params(CollectionParams),
    responses(
        (status = 200, description = "One row per topic.", body = Vec<PendingEvents>,
            headers(("X-Total-Count" = u64, description = "Number of all rows, with `count=true`."))),
        Errors,
    ),
    security(("oauth2" = ["sp:trigger-service-invocation-status:read"]), ("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
async fn pending(
    State(state): State<Shared>,
    _caller: Caller<ReadInvocations>,
    params: CollectionParams,
) -> Result<Page<PendingEvents>, ApiError> {
    let query = params.query(&PENDING_FIELDS, state.settings.page_rows_max)?;
    let rows = state.invocations.pending().await?;
    Ok(query.page(rows.into_iter().map(|row| PendingEvents {
        count: row.count,
        topic: row.topic,
    })))
}

/// Get an invocation
///
/// With its outcome, attempts and last failure. An addition to the reference.
#[utoipa::path(
    get, path = "/{id}", operation_id = "getTriggerInvocationV1", tag = "Triggers",
    params(("id" = String, Path, description = "The id of the invocation.")),
    responses((status = 200, description = "The invocation.", body = InvocationDetail), Errors),
    security(("oauth2" = ["sp:trigger-service-invocation-status:read"]), ("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
async fn detail(
    State(state): State<Shared>,
    _caller: Caller<ReadInvocations>,
    id: PathId,
) -> Result<Json<InvocationDetail>, ApiError> {
    let invocation = known(&state, &id).await?;
    let secrets = &state.settings.secret_fields;
    Ok(Json(InvocationDetail::of(&invocation, secrets)))
}

/// The invocation with the id in the path.
pub(crate) async fn known(state: &Inner, PathId(id): &PathId) -> Result<Invocation, ApiError> {
    let unknown =
        || ApiError::not_found("there is no invocation with this id, or it is not kept any more");
    let id: InvocationId = id.parse().map_err(|_| unknown())?;
    state.invocations.get(id).await?.ok_or_else(unknown)
}

/// The page of invocations that was asked for. What the filter pins down is looked
/// up by the owner of the invocations; the rest is filtered and sorted here, over
/// as many rows as can be reached at all.
async fn page(
    state: &Inner,
    query: &Query<Invocation>,
    open_only: bool,
) -> Result<Page<Invocation>, ApiError> {
    let reach = state.settings.status_rows_max;
    let Some(mut lookup) = lookup(query) else {
        return Ok(query.page_of(vec![], 0));
    };
    lookup.open_only = open_only;
    // To count is to go through all of them.
    lookup.without_total = !query.count;
    let answers_as_is = query.sorter.is_none()
        && query
            .filter
            .as_ref()
            .is_none_or(|filter| filter.requires_only(&["triggerId", "subscriptionId", "id"]));
    lookup.limit = if answers_as_is {
        query.offset.saturating_add(query.limit).min(reach)
    } else {
        reach
    };
    let mut listing = state.invocations.list(lookup).await?;
    let created = |row: &Invocation| std::cmp::Reverse(row.request.created);
    listing.invocations.sort_by_key(created);
    if answers_as_is {
        return Ok(query.page_of(listing.invocations, listing.total.min(reach)));
    }
    Ok(query.page(listing.invocations))
}

/// What the filter pins down; `None` when it can't match anything.
fn lookup(query: &Query<Invocation>) -> Option<ListQuery> {
    let required = |field| {
        let filter = query.filter.as_ref()?;
        filter.required(field)
    };
    let subscription_id = match required("subscriptionId") {
        Some(text) => Some(parse_subscription_id(text)?),
        None => None,
    };
    let id = match required("id") {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    Some(ListQuery {
        trigger_id: required("triggerId").map(str::to_owned),
        subscription_id,
        id,
        ..ListQuery::default()
    })
}
