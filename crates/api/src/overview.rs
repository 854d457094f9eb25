//! `/overview`: how the installation is doing, at one look; an addition to the reference.

use std::collections::{BTreeMap, HashSet};

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
/// How many of the newest invocations are looked at.
const NEWEST: usize = 500;

/// The routes of the resource.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Get an overview
///
/// How much there is to do and lately was, which deadlines come first, and which
/// subscriptions fail among the newest invocations. An addition to the reference.
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
    let (unavailable, deadlines, failing) = match asked(&state, &snapshot).await {
        Ok((soonest, lately)) => {
            let deadlines = soonest.iter().map(DeadlineRow::from).collect();
            let failing = failing(&snapshot, &lately);
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

/// The open invocations whose deadlines come first, and those among which failures are
/// looked for: the newest, the newest open ones, and the newest of each subscription, so
/// that a busy one does not hide the others.
async fn asked(
    state: &Inner,
    snapshot: &Snapshot,
) -> Result<(Vec<Invocation>, Vec<Invocation>), Unavailable> {
    let soonest = state.invocations.list(ListQuery {
        soonest: true,
        open_only: true,
        without_total: true,
        limit: DEADLINES,
        ..ListQuery::default()
    });
    let newest = |open_only| {
        state.invocations.list(ListQuery {
            open_only,
            without_total: true,
            limit: NEWEST,
            ..ListQuery::default()
        })
    };
    let all = snapshot.subscriptions();
    let ids = all.map(|subscription| subscription.subscription.id);
    let of_each = state.gate.last_activations(ids.collect());
    let (soonest, newest, open, of_each) =
        futures::future::try_join4(soonest, newest(false), newest(true), of_each).await?;
    let lately = [newest.invocations, open.invocations, of_each].concat();
    Ok((soonest.invocations, lately))
}

/// Those with failures among `lately`, and those that the service has disabled; who fails
/// most comes first.
fn failing(snapshot: &Snapshot, lately: &[Invocation]) -> Vec<FailingRow> {
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
    let mut seen = HashSet::new();
    for invocation in lately.iter().filter(|row| seen.insert(row.id)) {
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
