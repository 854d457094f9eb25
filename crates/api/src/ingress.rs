//! `/cloudevents`: real events as `CloudEvents`.
//!
//! The type of an event is the id of its trigger. Source and id are its identity:
//! the same event twice starts nothing new.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use triggerfish_core::{InvocationId, Origin, SubscriptionId};
use triggerfish_registry::Snapshot;
use triggerfish_wire::{
    cloudevents::{self, Binding, CloudEvent, CloudEventError, ContentMode},
    traceparent,
};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, scope::StartInvocations},
    body::RawBody,
    cause::{Cause, check_depth},
    error::ApiError,
    openapi::Errors,
    ports::{Start, StartError, StartIdentity, StartInput},
    state::{Inner, Shared},
};

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventResult {
    /// Its source.
    source: String,
    /// Its id.
    id: String,
    /// The invocations of it, new ones and those it had; none if nobody is
    /// subscribed or no filter matches.
    invocations: Vec<StartedInvocation>,
    /// Why it was not taken, though the others of its batch were.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// An invocation of an event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartedInvocation {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: InvocationId,
    /// The subscription it is for.
    #[schema(value_type = String, format = "uuid")]
    subscription_id: SubscriptionId,
}

/// Send events
///
/// As `CloudEvents` 1.0, in structured, batched or binary mode; the data must be a JSON object. `type` is the id of the
/// trigger, `source` and `id` make the event the same when it comes twice, the
/// extension `partitionkey` is what its order is kept by. The whole batch is checked
/// before any of it is taken. An addition to the reference.
#[utoipa::path(
    post, path = "/cloudevents", operation_id = "sendCloudEvents", tag = "CloudEvents",
    request_body(content(
        (Object = "application/cloudevents+json", example = json!({
            "specversion": "1.0", "id": "e-1", "source": "/hr", "type": "test:fire-and-forget",
            "partitionkey": "identity-7", "data": {"identityId": "7", "approved": true}
        })),
        (Vec<Object> = "application/cloudevents-batch+json"),
        (Object = "application/json"),
    )),
    responses((status = 202, description = "Taken; one result per event, in order.", body = Vec<EventResult>), Errors),
    security(("oauth2" = ["triggerfish:invocations:start"])),
)]
pub(crate) async fn receive(
    State(state): State<Shared>,
    _caller: Caller<StartInvocations>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, ApiError> {
    let cause = Cause::of(&headers, state.settings.depth_max)?;
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let events = match ContentMode::of(content_type) {
        Some(ContentMode::Batched) => {
            let events = cloudevents::batched(&body).map_err(|error| refused(&error))?;
            check_size(&state, events.len())?;
            valid(&state, &cause, events)?
        }
        Some(ContentMode::Structured) => valid_one(&state, &cause, cloudevents::structured(&body))?,
        Some(ContentMode::Binary) => {
            let headers = headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes()));
            valid_one(
                &state,
                &cause,
                cloudevents::binary(Binding::Http, headers, body),
            )?
        }
        None => {
            return Err(ApiError::unsupported_media_type(
                "application/cloudevents+json, application/cloudevents-batch+json, or \
                 application/json with ce- headers",
            ));
        }
    };
    let results = take(&state, &cause, events).await?;
    Ok((StatusCode::ACCEPTED, Json(results)).into_response())
}

fn check_size(state: &Inner, events: usize) -> Result<(), ApiError> {
    let limit = state.settings.batch_events_max;
    if events > limit {
        return Err(ApiError::bad_request(format!(
            "the batch has {events} events, the limit is {limit}"
        )));
    }
    Ok(())
}

fn refused(error: &CloudEventError) -> ApiError {
    ApiError::bad_request(error.to_string())
}

fn valid_one(
    state: &Inner,
    cause: &Cause,
    event: Result<CloudEvent, CloudEventError>,
) -> Result<Vec<CloudEvent>, ApiError> {
    let event = event.map_err(|error| refused(&error))?;
    check(state, &state.registry.snapshot(), cause, &event).map_err(ApiError::bad_request)?;
    Ok(vec![event])
}

/// All events, if all can be taken; else every reason, with the index of its event.
fn valid(
    state: &Inner,
    cause: &Cause,
    events: Vec<Result<CloudEvent, CloudEventError>>,
) -> Result<Vec<CloudEvent>, ApiError> {
    let snapshot = state.registry.snapshot();
    let mut taken = Vec::with_capacity(events.len());
    let mut problems = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        let checked = event
            .map_err(|error| error.to_string())
            .and_then(|event| check(state, &snapshot, cause, &event).map(|()| event));
        match checked {
            Ok(event) => taken.push(event),
            Err(problem) => problems.push(format!("event {index}: {problem}")),
        }
    }
    match problems.first() {
        None => Ok(taken),
        Some(first) => {
            let text = format!("no event of the batch was taken; {first}");
            Err(ApiError::bad_request(text).with_causes(problems))
        }
    }
}

fn check(
    state: &Inner,
    snapshot: &Snapshot,
    cause: &Cause,
    event: &CloudEvent,
) -> Result<(), String> {
    let text = |error: ApiError| error.text().to_owned();
    check_depth(depth(cause, event), state.settings.depth_max).map_err(text)?;
    let trigger = snapshot
        .trigger(&event.event_type)
        .ok_or_else(|| StartError::UnknownTrigger(event.event_type.clone()).to_string())?;
    let value = serde_json::from_slice(&event.data)
        .map_err(|_| "data must be a JSON object, nested at most 128 deep".to_owned())?;
    trigger
        .check_input(&value)
        .map_err(|violation| StartError::InvalidInput(violation.to_string()).to_string())
}

/// The deeper of what the event and the request say.
fn depth(cause: &Cause, event: &CloudEvent) -> u32 {
    event.depth.unwrap_or(0).max(cause.depth)
}

async fn take(
    state: &Inner,
    cause: &Cause,
    events: Vec<CloudEvent>,
) -> Result<Vec<EventResult>, ApiError> {
    let is_batch = events.len() > 1;
    let mut results = Vec::with_capacity(events.len());
    for event in events {
        let (source, id) = (event.source.clone(), event.id.clone());
        let (invocations, error) = match state.ingest.start(start(cause, event)).await {
            Ok(started) => (started, None),
            // The sender repeats the whole batch; what was taken is not taken twice.
            Err(error @ StartError::Unavailable { .. }) => return Err(error.into()),
            Err(error) if is_batch => (vec![], Some(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        let invocations = invocations.into_iter().map(|started| StartedInvocation {
            id: started.id,
            subscription_id: started.subscription_id,
        });
        results.push(EventResult {
            source,
            id,
            invocations: invocations.collect(),
            error,
        });
    }
    Ok(results)
}

fn start(cause: &Cause, event: CloudEvent) -> Start {
    Start {
        depth: depth(cause, &event),
        traceparent: event
            .traceparent
            .filter(|text| traceparent::is_valid(text))
            .or_else(|| cause.traceparent.clone()),
        trigger_id: event.event_type,
        input: StartInput::Json(event.data),
        content_json: event.content_json.unwrap_or(event.attributes),
        origin: Origin::RealTime,
        subscription_ids: None,
        event_id: Some(event.id.clone()),
        identity: StartIdentity::Key {
            scope: event.source,
            key: event.id,
        },
        time: event.time,
        ordering_key: event.ordering_key,
    }
}
