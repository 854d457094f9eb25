//! The record that carries a decision to the `decisions` topic.

use bytes::Bytes;
use serde::Serialize;
use triggerfish_core::{ActionRequest, ActionState, Timing, action::MemberState};

use crate::completion::CAUSE_HEADER;

/// `type` of the `CloudEvents` in `decisions`.
pub const CLOUDEVENTS_TYPE: &str = "triggerfish.action.decided.v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Decision<'a> {
    id: String,
    #[serde(rename = "decision")]
    verdict: &'static str,
    reason: Option<&'a str>,
    object_type: &'a str,
    action: &'static str,
    object_id: Option<&'a str>,
    user: Option<&'a str>,
    asked: String,
    decided: String,
    budget_ms: u64,
    depth: u32,
    callbacks: Vec<Answer<'a>>,
    r#final: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    callback_id: String,
    name: &'a str,
    invocation_id: String,
    verdict: &'static str,
    outcome: &'static str,
    http_status: Option<u16>,
    duration_ms: Option<u64>,
    failure_policy: &'static str,
    error: Option<&'a str>,
}

/// The JSON value of the decision about an action. `None` while there is none.
#[must_use]
pub fn value(action: &ActionState) -> Option<Bytes> {
    let decided = action.decision.as_ref()?;
    let request = &*action.request;
    let budget = request.asked.until(request.deadline);
    let decision = Decision {
        id: action.id.to_string(),
        verdict: decided.verdict.as_str(),
        reason: decided.reason.as_deref(),
        object_type: &request.object_type,
        action: request.action.as_str(),
        object_id: request.object_id.as_deref(),
        user: request.user.as_deref(),
        asked: request.asked.to_string(),
        decided: decided.at.to_string(),
        budget_ms: u64::try_from(budget.as_millis()).unwrap_or(u64::MAX),
        depth: request.depth,
        callbacks: answers(request, &action.members),
        r#final: true,
    };
    serde_json::to_vec(&decision).ok().map(Into::into)
}

fn answers<'a>(request: &'a ActionRequest, members: &'a [MemberState]) -> Vec<Answer<'a>> {
    let pairs = request.parts.iter().zip(members);
    let answers = pairs.map(|(part, member)| {
        let closed = member.closed.as_ref();
        Answer {
            callback_id: part.callback.to_string(),
            name: &part.name,
            invocation_id: member.invocation.to_string(),
            verdict: closed.map_or("PENDING", |closed| closed.verdict.as_str()),
            outcome: closed.map_or("PENDING", |closed| closed.outcome.as_str()),
            http_status: closed.and_then(|closed| closed.status),
            duration_ms: closed
                .and_then(|closed| closed.took)
                .map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            failure_policy: part.policy.as_str(),
            error: closed.and_then(|closed| closed.error.as_deref()),
        }
    });
    answers.collect()
}

/// What the record is known by: what the platform knows the action by, else the action's
/// own id.
#[must_use]
pub fn key(action: &ActionState) -> Bytes {
    let correlation = action.request.correlation.as_deref();
    correlation.map_or_else(
        || Bytes::from(action.id.to_string()),
        |key| Bytes::copy_from_slice(key.as_bytes()),
    )
}

/// The headers of the record: `CloudEvents` in binary mode, the cause and the trace.
#[must_use]
pub fn headers(action: &ActionState) -> Vec<(String, Bytes)> {
    let text = |name: &str, value: String| (name.to_owned(), Bytes::from(value));
    let request = &action.request;
    let timing = match request.timing {
        Timing::Before => "before",
        Timing::After => "after",
    };
    let mut headers = vec![
        text("content-type", "application/json".to_owned()),
        text("ce_specversion", "1.0".to_owned()),
        text("ce_type", CLOUDEVENTS_TYPE.to_owned()),
        text(
            "ce_source",
            format!("/callbacks/{timing}/{}", request.object_type),
        ),
        text("ce_id", action.id.to_string()),
    ];
    if let Some(object_id) = &request.object_id {
        headers.push(text("ce_subject", object_id.as_ref().to_owned()));
    }
    if let Some(decision) = &action.decision {
        headers.push(text("ce_time", decision.at.to_string()));
        headers.push(text(CAUSE_HEADER, decision.offset.to_string()));
    }
    if let Some(traceparent) = &request.traceparent {
        headers.push(text("traceparent", traceparent.as_ref().to_owned()));
    }
    headers
}
