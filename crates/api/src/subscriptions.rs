//! `/trigger-subscriptions`: who is told (reference 3.2 to 3.6).

use axum::{Json, extract::State, http::StatusCode};
use triggerfish_registry::{
    ChangeError, CompiledSubscription, NewSubscription, Replacement, Settings, Snapshot,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{
        Caller,
        scope::{ManageSubscriptions, ReadSubscriptions},
    },
    body::{JsonBody, PatchBody},
    collection::{
        CollectionParams, Field, Page,
        field::{Kind, Usage},
    },
    error::ApiError,
    model::subscription::{SubscriptionPostRequest, SubscriptionPutRequest, SubscriptionView},
    openapi::Errors,
    patch::{Patch, PatchOperation, patched},
    path::{PathId, no_subscription, parse_subscription_id},
    state::Shared,
};

static FIELDS: [Field<SubscriptionView>; 5] = [
    Field {
        name: "id",
        kind: Kind::Text,
        usage: Usage::Filter,
        value: |row| row.id().into(),
    },
    Field {
        name: "triggerId",
        kind: Kind::Exact,
        usage: Usage::Both,
        value: |row| row.trigger_id().into(),
    },
    Field {
        name: "type",
        kind: Kind::Text,
        usage: Usage::Filter,
        value: |row| row.type_name().into(),
    },
    Field {
        name: "name",
        kind: Kind::Text,
        usage: Usage::Filter,
        value: |row| row.name().into(),
    },
    Field {
        name: "triggerName",
        kind: Kind::Text,
        usage: Usage::Sort,
        value: |row| row.trigger_name().into(),
    },
];

/// The routes of the resource.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(crate::validate_filter::validate))
        .routes(routes!(get, put, patch, delete))
        .routes(routes!(crate::signing::rotate))
}

/// List subscriptions
///
/// Credentials come back as `null`. Filter fields: `id`, `triggerId`, `type`,
/// `name`. Sorters: `triggerId`, `triggerName`.
#[utoipa::path(
    get, path = "", operation_id = "listSubscriptionsV1", tag = "Triggers",
    params(CollectionParams),
    responses(
        (status = 200, description = "The subscriptions.", body = Vec<SubscriptionView>,
            headers(("X-Total-Count" = u64, description = "Number of all rows, with `count=true`."))),
        Errors,
    ),
    security(("oauth2" = ["sp:trigger-service-subscriptions:read"]), ("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn list(
    State(state): State<Shared>,
    _caller: Caller<ReadSubscriptions>,
    params: CollectionParams,
) -> Result<Page<SubscriptionView>, ApiError> {
    let query = params.query(&FIELDS, state.settings.page_rows_max)?;
    let snapshot = state.registry.snapshot();
    let rows = snapshot
        .subscriptions()
        .map(|subscription| view(&snapshot, subscription));
    Ok(query.page(rows))
}

/// Create a subscription
///
/// Events are sent to it from then on.
#[utoipa::path(
    post, path = "", operation_id = "createSubscriptionV1", tag = "Triggers",
    request_body = SubscriptionPostRequest,
    responses((status = 201, description = "The subscription.", body = SubscriptionView), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn create(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    JsonBody(body): JsonBody<SubscriptionPostRequest>,
) -> Result<(StatusCode, Json<SubscriptionView>), ApiError> {
    let new = NewSubscription {
        trigger_id: body.trigger_id,
        settings: Settings {
            name: body.name,
            description: body.description,
            subscription_type: body.subscription_type,
            response_deadline: body.response_deadline,
            http_config: body.http_config,
            event_bridge_config: body.event_bridge_config,
            enabled: body.enabled.unwrap_or(true),
            filter: body.filter,
            delivery: body.delivery,
        },
    };
    let created = state.registry.create_subscription(new).await?;
    let snapshot = state.registry.snapshot();
    Ok((StatusCode::CREATED, Json(view(&snapshot, &created))))
}

/// Get a subscription
///
/// An addition to the reference.
#[utoipa::path(
    get, path = "/{id}", operation_id = "getSubscriptionV1", tag = "Triggers",
    params(("id" = String, Path, description = "The id of the subscription.")),
    responses((status = 200, description = "The subscription.", body = SubscriptionView), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:read"]), ("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn get(
    State(state): State<Shared>,
    _caller: Caller<ReadSubscriptions>,
    id: PathId,
) -> Result<Json<SubscriptionView>, ApiError> {
    let id = id.subscription()?;
    let snapshot = state.registry.snapshot();
    let subscription = snapshot.subscription(id).ok_or_else(no_subscription)?;
    Ok(Json(view(&snapshot, subscription)))
}

/// Replace a subscription
///
/// Id and trigger can't be changed.
#[utoipa::path(
    put, path = "/{id}", operation_id = "updateSubscriptionV1", tag = "Triggers",
    params(("id" = String, Path, description = "The id of the subscription.")),
    request_body = SubscriptionPutRequest,
    responses((status = 200, description = "The subscription.", body = SubscriptionView), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn put(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    id: PathId,
    JsonBody(body): JsonBody<SubscriptionPutRequest>,
) -> Result<Json<SubscriptionView>, ApiError> {
    let id = id.subscription()?;
    if body
        .id
        .as_deref()
        .is_some_and(|own| parse_subscription_id(own) != Some(id))
    {
        return Err(ChangeError::Immutable { field: "id" }.into());
    }
    let snapshot = state.registry.snapshot();
    let current = &snapshot
        .subscription(id)
        .ok_or_else(no_subscription)?
        .subscription;
    let replacement = Replacement {
        trigger_id: body.trigger_id,
        settings: Settings {
            name: body.name.unwrap_or_else(|| current.name.clone()),
            description: body.description,
            subscription_type: body.subscription_type.unwrap_or(current.subscription_type),
            response_deadline: body.response_deadline,
            http_config: body.http_config,
            event_bridge_config: body.event_bridge_config,
            enabled: body.enabled.unwrap_or(true),
            filter: body.filter,
            delivery: body.delivery,
        },
    };
    let replaced = state.registry.replace_subscription(id, replacement).await?;
    Ok(Json(view(&state.registry.snapshot(), &replaced)))
}

/// Patch a subscription
///
/// JSON Patch (RFC 6902) without `test`. Patchable: `name`, `description`,
/// `enabled`, `type`, `filter`, `responseDeadline`, `httpConfig`,
/// `eventBridgeConfig` and, as an addition to the reference, `delivery`.
#[utoipa::path(
    patch, path = "/{id}", operation_id = "patchSubscriptionV1", tag = "Triggers",
    params(("id" = String, Path, description = "The id of the subscription.")),
    request_body(content = Vec<PatchOperation>, content_type = "application/json-patch+json"),
    responses((status = 200, description = "The subscription.", body = SubscriptionView), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn patch(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    id: PathId,
    PatchBody(patch): PatchBody<Patch>,
) -> Result<Json<SubscriptionView>, ApiError> {
    let id = id.subscription()?;
    let changed = state
        .registry
        .update_subscription(id, move |subscription| patched(&patch, subscription))
        .await?;
    Ok(Json(view(&state.registry.snapshot(), &changed)))
}

/// Delete a subscription
///
/// Calls that are due fail; the results of calls already made are still taken.
#[utoipa::path(
    delete, path = "/{id}", operation_id = "deleteSubscriptionV1", tag = "Triggers",
    params(("id" = String, Path, description = "The id of the subscription.")),
    responses((status = 204, description = "Deleted."), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
async fn delete(
    State(state): State<Shared>,
    _caller: Caller<ManageSubscriptions>,
    id: PathId,
) -> Result<StatusCode, ApiError> {
    state
        .registry
        .delete_subscription(id.subscription()?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What clients see of a subscription.
fn view(snapshot: &Snapshot, subscription: &CompiledSubscription) -> SubscriptionView {
    let subscription = subscription.public();
    let trigger = snapshot.trigger(&subscription.trigger_id);
    let name = trigger.map(|trigger| trigger.trigger.name.clone());
    SubscriptionView::new(subscription, name.as_deref())
}
