//! `/overview`: how the installation is doing, at one look; an addition to the reference.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use triggerfish_core::{Invocation, SubscriptionId};
use triggerfish_registry::Snapshot;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{Caller, scope::ReadInvocations},
    error::ApiError,
    model::{
        activity::error_of,
        overview::{DeadlineRow, FailingRow, Overview},
    },
    openapi::Errors,
    ports::{ListQuery, Unavailable},
    state::{Inner, Shared},
};

const DEADLINES: usize = 10;
/// The newest invocations, among which failures are looked for.
const NEWEST: usize = 500;

/// The routes of the resource.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Get an overview
///
/// How much there is to do and lately was, which deadlines come first, and which
/// subscriptions fail among the newest 500 invocations. An addition to the reference.
#[utoipa::path(
    get, path = "", operation_id = "getOverviewV1", tag = "Workers",
    responses((status = 200, description = "The overview.", body = Overview), Errors),
    security(("oauth2" = ["sp:trigger-service-invocation-status:read"]), ("oauth2" = ["sp:trigger-service-invocation-status:manage"])),
)]
async fn get(
    State(state): State<Shared>,
    _caller: Caller<ReadInvocations>,
) -> Result<Json<Overview>, ApiError> {
    let snapshot = state.registry.snapshot();
    let (unavailable, deadlines, failing) = match asked(&state).await {
        Ok((soonest, newest)) => {
            let deadlines = soonest.iter().map(DeadlineRow::from).collect();
            let failing = failing(&snapshot, &newest);
            (None, Some(deadlines), Some(failing))
        }
        Err(error) => (Some(error.to_string()), None, None),
    };
    let enabled = snapshot
        .subscriptions()
        .filter(|found| found.subscription.enabled);
    Ok(Json(Overview {
        at: state.now(),
        load: state.workers.load(),
        processes: state.workers.living().len(),
        subscriptions_enabled: enabled.count(),
        subscriptions: snapshot.subscriptions().count(),
        unavailable,
        deadlines,
        failing,
    }))
}

async fn asked(state: &Inner) -> Result<(Vec<Invocation>, Vec<Invocation>), Unavailable> {
    let soonest = state.invocations.list(ListQuery {
        soonest: true,
        open_only: true,
        without_total: true,
        limit: DEADLINES,
        ..ListQuery::default()
    });
    let newest = state.invocations.list(ListQuery {
        without_total: true,
        limit: NEWEST,
        ..ListQuery::default()
    });
    let (soonest, newest) = futures::future::try_join(soonest, newest).await?;
    Ok((soonest.invocations, newest.invocations))
}

/// Those with failures among `newest`, and those that the service has disabled; who fails
/// most comes first.
fn failing(snapshot: &Snapshot, newest: &[Invocation]) -> Vec<FailingRow> {
    let mut found: BTreeMap<SubscriptionId, FailingRow> = BTreeMap::new();
    for subscription in snapshot.subscriptions() {
        let subscription = &subscription.subscription;
        let row = FailingRow {
            subscription_id: subscription.id,
            subscription_name: subscription.name.clone(),
            trigger_id: subscription.trigger_id.clone(),
            enabled: subscription.enabled,
            disabled_reason: subscription.disabled_reason.clone(),
            failed: 0,
            of: 0,
            last_error: None,
            last_failed: None,
        };
        found.insert(subscription.id, row);
    }
    for invocation in newest {
        let request = &invocation.request;
        // Those of deleted subscriptions are nobody's trouble any more.
        let Some(row) = found.get_mut(&request.subscription_id) else {
            continue;
        };
        row.of += 1;
        let Some(error) = error_of(invocation) else {
            continue;
        };
        row.failed += 1;
        if row.last_failed.is_none_or(|last| last < request.created) {
            row.last_failed = Some(request.created);
            row.last_error = Some(error.to_owned());
        }
    }
    let mut rows: Vec<FailingRow> = found
        .into_values()
        .filter(|row| row.failed > 0 || row.disabled_reason.is_some())
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.disabled_reason.is_some(), row.failed)));
    rows
}
