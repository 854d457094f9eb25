//! An observation of the invocation log as JSON.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use triggerfish_core::{
    ActionRequest, AttemptReport, CompletionReport, Failure, Observation, Reply, Request,
    RetryPolicy,
};
use triggerfish_wire::envelope;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    invocation_id: String,
    at: String,
    observation: &'static str,
    #[serde(flatten)]
    details: Details<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Details<'a> {
    Requested(Box<Requested<'a>>),
    Attempt(Attempt<'a>),
    Completion(Completion<'a>),
    Action(Box<Question<'a>>),
    None {},
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Requested<'a> {
    trigger_id: &'a str,
    trigger_type: &'static str,
    subscription_id: String,
    subscription_name: &'a str,
    #[serde(rename = "type")]
    origin: &'static str,
    mode: &'static str,
    created: String,
    deadline: String,
    retry: RetryPolicy,
    ordering_key: Option<&'a str>,
    input: Option<&'a RawValue>,
    content_json: Option<&'a RawValue>,
    depth: u32,
    traceparent: Option<&'a str>,
    event_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attempt<'a> {
    #[serde(rename = "attempt")]
    number: u32,
    started: String,
    took_ms: f64,
    status: Option<u16>,
    reply: &'static str,
    output: Option<&'a RawValue>,
    error: Option<&'a str>,
    retry_after_ms: Option<u128>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Completion<'a> {
    output: Option<&'a RawValue>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    timing: &'static str,
    object_type: &'a str,
    action: &'static str,
    object_id: Option<&'a str>,
    user: Option<&'a str>,
    #[serde(rename = "type")]
    origin: &'static str,
    asked: String,
    deadline: String,
    callbacks: Vec<String>,
    input: Option<&'a RawValue>,
    depth: u32,
    correlation: Option<&'a str>,
    action_id: Option<String>,
    traceparent: Option<&'a str>,
}

/// The observation in `value`; `None` if it can't be read.
pub(crate) fn json(value: Bytes) -> Option<Box<RawValue>> {
    let (id, at, observation) = envelope::decode(value).ok()?;
    let details = match &observation {
        Observation::Requested(request) => Details::Requested(Box::new(requested(request))),
        Observation::AttemptReported(report) => Details::Attempt(attempt(report)),
        Observation::CompletionReported(report) => Details::Completion(completion(report)),
        Observation::DeadlinePassed => Details::None {},
        Observation::ActionAsked(request) => Details::Action(Box::new(action(request))),
    };
    let shown = Shown {
        invocation_id: id.to_string(),
        at: at.to_string(),
        observation: observation.kind(),
        details,
    };
    serde_json::value::to_raw_value(&shown).ok()
}

fn requested(request: &Request) -> Requested<'_> {
    Requested {
        trigger_id: &request.trigger_id,
        trigger_type: request.trigger_type.as_str(),
        subscription_id: request.subscription_id.to_string(),
        subscription_name: &request.subscription_name,
        origin: request.origin.as_str(),
        mode: request.mode.as_str(),
        created: request.created.to_string(),
        deadline: request.deadline.to_string(),
        retry: request.retry,
        ordering_key: request.ordering_key.as_deref(),
        input: raw(&request.input),
        content_json: raw(&request.content_json),
        depth: request.depth,
        traceparent: request.traceparent.as_deref(),
        event_id: request.event_id.as_deref(),
    }
}

fn attempt(report: &AttemptReport) -> Attempt<'_> {
    let (output, failure, retry_after): (_, Option<&Failure>, _) = match &report.reply {
        Reply::Acknowledged | Reply::Delivered => (None, None, None),
        Reply::Answered(output) => (raw(output), None, None),
        Reply::Refused(failure) => (None, Some(failure), None),
        Reply::Unavailable {
            failure,
            retry_after,
        } => (None, Some(failure), *retry_after),
    };
    Attempt {
        number: report.attempt,
        started: report.started.to_string(),
        took_ms: report.took.as_secs_f64() * 1000.0,
        status: report.status,
        reply: report.reply.class(),
        output,
        error: failure.map(|failure| &*failure.message),
        retry_after_ms: retry_after.map(|pause| pause.as_millis()),
    }
}

fn action(request: &ActionRequest) -> Question<'_> {
    let callbacks = request.parts.iter().map(|part| part.callback.to_string());
    Question {
        timing: request.timing.as_str(),
        object_type: &request.object_type,
        action: request.action.as_str(),
        object_id: request.object_id.as_deref(),
        user: request.user.as_deref(),
        origin: request.origin.as_str(),
        asked: request.asked.to_string(),
        deadline: request.deadline.to_string(),
        callbacks: callbacks.collect(),
        input: raw(&request.input),
        depth: request.depth,
        correlation: request.correlation.as_deref(),
        action_id: request.decided_by.map(|id| id.to_string()),
        traceparent: request.traceparent.as_deref(),
    }
}

fn completion(report: &CompletionReport) -> Completion<'_> {
    Completion {
        output: report.output.as_ref().and_then(raw),
        error: report.error.as_deref(),
    }
}

/// The bytes as JSON text; they were checked when they came in.
fn raw(json: &Bytes) -> Option<&RawValue> {
    serde_json::from_slice(json).ok()
}
