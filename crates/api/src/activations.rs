//! `/callbacks/{id}/activations`: the history of a callback.

use axum::extract::State;
use triggerfish_core::Invocation;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{Caller, scope::ReadInvocations},
    collection::{
        CollectionParams, Field, Page, Value,
        field::{Kind, Usage},
    },
    error::ApiError,
    model::activation::{ActivationView, outcome},
    openapi::Errors,
    path::{PathId, parse_subscription_id},
    ports::ListQuery,
    state::Shared,
};

static FIELDS: [Field<Invocation>; 3] = [
    Field {
        name: "outcome",
        kind: Kind::Text,
        usage: Usage::Filter,
        value: |row| Value::from(outcome(row)),
    },
    Field {
        name: "action",
        kind: Kind::Text,
        usage: Usage::Filter,
        value: |row| {
            let member = row.request.member.as_deref();
            member.map_or(Value::Null, |member| Value::from(member.action.as_str()))
        },
    },
    Field {
        name: "objectId",
        kind: Kind::Exact,
        usage: Usage::Filter,
        value: |row| {
            let member = row.request.member.as_deref();
            let id = member.and_then(|member| member.object_id.as_deref());
            id.map_or(Value::Null, Value::from)
        },
    },
];

/// The routes of `/callbacks` that are about its history.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List activations of a callback
///
/// Every call, newest first; at most 2000 can be reached. Values of secret fields are
/// masked. Filter fields: `outcome`, `action`, `objectId`.
#[utoipa::path(
    get, path = "/{id}/activations", operation_id = "listCallbackActivationsV1", tag = "Callbacks",
    params(("id" = String, Path, description = "The id of the callback."), CollectionParams),
    responses(
        (status = 200, description = "The calls.", body = Vec<ActivationView>,
            headers(("X-Total-Count" = u64, description = "Number of all rows, with `count=true`."))),
        Errors,
    ),
    security(("oauth2" = ["sp:trigger-service-invocation-status:read"]), ("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
async fn list(
    State(state): State<Shared>,
    _caller: Caller<ReadInvocations>,
    PathId(id): PathId,
    params: CollectionParams,
) -> Result<Page<ActivationView>, ApiError> {
    let unknown = || ApiError::not_found("there is no callback with this id");
    let id = parse_subscription_id(&id).ok_or_else(unknown)?;
    let query = params.query(&FIELDS, state.settings.page_rows_max)?;
    let reach = state.settings.status_rows_max;
    let is_plain = query.filter.is_none() && query.sorter.is_none();
    let listing = state.invocations.list(ListQuery {
        subscription_id: Some(id),
        limit: if is_plain {
            query.offset.saturating_add(query.limit).min(reach)
        } else {
            reach
        },
        ..ListQuery::default()
    });
    let listing = listing.await?;
    // The history of a callback outlives it.
    if listing.total == 0 && state.registry.snapshot().callback(id).is_none() {
        return Err(unknown());
    }
    let page = if is_plain {
        query.page_of(listing.invocations, listing.total.min(reach))
    } else {
        query.page(listing.invocations)
    };
    let secrets = &state.settings.secret_fields;
    Ok(page.filter_map(|invocation| ActivationView::of(&invocation, secrets)))
}
