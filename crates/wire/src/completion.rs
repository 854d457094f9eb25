//! The record that carries an outcome and `contentJson` to the `completions` topic.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use triggerfish_core::{Closing, Invocation};

/// `type` of the `CloudEvents` in `completions`.
pub const CLOUDEVENTS_TYPE: &str = "triggerfish.invocation.completed.v1";

/// The header that names the record of the invocation log which ended the invocation, by
/// its offset; the partition has the same number in both topics. The positions of a group
/// can expire; this is proof of how far its completions have come.
pub const CAUSE_HEADER: &str = "triggerfish-cause";

/// The offset in [`CAUSE_HEADER`].
#[must_use]
pub fn cause(headers: &[(String, Bytes)]) -> Option<u64> {
    let (_, value) = headers.iter().find(|(name, _)| name == CAUSE_HEADER)?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Completion<'a> {
    id: String,
    #[serde(rename = "type")]
    origin: &'static str,
    trigger_id: &'a str,
    subscription_id: String,
    content_json: &'a RawValue,
    outcome: &'static str,
    output: Option<&'a RawValue>,
    error: Option<&'a str>,
    created: String,
    completed: String,
    attempts: u32,
}

/// Room for the members of a completion beside what it carries, names included: enough for most.
const MEMBERS_BYTES: usize = 384;

/// The JSON value of the completion of a closed invocation, with `contentJson` and
/// `output` byte for byte as they came. `None` while it is open.
#[must_use]
pub fn value(invocation: &Invocation) -> Option<Bytes> {
    let closing = invocation.closing()?;
    let completion = Completion {
        id: invocation.id.to_string(),
        origin: invocation.request.origin.as_str(),
        trigger_id: &invocation.request.trigger_id,
        subscription_id: invocation.request.subscription_id.to_string(),
        content_json: raw(&invocation.request.content_json).unwrap_or(RawValue::NULL),
        outcome: closing.outcome.as_str(),
        output: closing.outcome.output().and_then(raw),
        error: closing.outcome.error().map(AsRef::as_ref),
        created: invocation.request.created.to_string(),
        completed: closing.at.to_string(),
        attempts: invocation.attempts,
    };
    let output = closing.outcome.output().map_or(0, Bytes::len);
    let carried = invocation.request.content_json.len() + output;
    let mut value = Vec::with_capacity(carried + MEMBERS_BYTES);
    serde_json::to_writer(&mut value, &completion).ok()?;
    Some(value.into())
}

/// The headers of the completion of an invocation that ended with `closing`:
/// `CloudEvents` in binary mode, the cause and the trace.
#[must_use]
pub fn headers(invocation: &Invocation, closing: &Closing) -> Vec<(String, Bytes)> {
    let text = |name: &str, value: String| (name.to_owned(), Bytes::from(value));
    let mut headers = vec![
        text("content-type", "application/json".to_owned()),
        text("ce_specversion", "1.0".to_owned()),
        text("ce_type", CLOUDEVENTS_TYPE.to_owned()),
        text(
            "ce_source",
            format!("/triggers/{}", invocation.request.trigger_id),
        ),
        text("ce_id", invocation.id.to_string()),
        text("ce_subject", invocation.request.subscription_id.to_string()),
        text("ce_time", closing.at.to_string()),
        text(CAUSE_HEADER, closing.offset.to_string()),
    ];
    if let Some(traceparent) = &invocation.request.traceparent {
        headers.push(text("traceparent", traceparent.as_ref().to_owned()));
    }
    headers
}

/// The bytes as JSON text; they were checked when they came in.
fn raw(json: &Bytes) -> Option<&RawValue> {
    serde_json::from_slice(json).ok()
}
