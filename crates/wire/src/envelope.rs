//! The versioned envelope of the invocation log.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use triggerfish_core::{
    AttemptReport, CompletionReport, Excerpt, Failure, InvocationId, Observation, Reply, Request,
    RetryPolicy, SubscriptionId, Timestamp,
};
use uuid::Uuid;

use crate::{
    Error, action,
    enums::{
        failure_kind_from, failure_kind_to, mode_from, mode_to, origin_from, origin_to,
        trigger_type_from, trigger_type_to,
    },
    v1,
};

/// The newest version of the envelope that is written and read here.
pub const VERSION: u32 = 1;

/// The value of one record of the invocation log.
#[must_use]
pub fn encode(id: InvocationId, at: Timestamp, observation: &Observation) -> Bytes {
    use v1::envelope::Observation as Wire;
    let observation = match observation {
        Observation::Requested(request) => Wire::Requested(requested(request)),
        Observation::AttemptReported(report) => Wire::AttemptReported(attempt(report)),
        Observation::CompletionReported(report) => {
            Wire::CompletionReported(v1::CompletionReported {
                output: report.output.clone(),
                error: report.error.as_deref().map(str::to_owned),
            })
        }
        Observation::DeadlinePassed => Wire::DeadlinePassed(v1::DeadlinePassed {}),
        Observation::ActionAsked(request) => Wire::ActionAsked(action::asked_to(request)),
    };
    let envelope = v1::Envelope {
        version: VERSION,
        invocation_id: Bytes::copy_from_slice(id.as_bytes()),
        at_us: at.as_micros(),
        observation: Some(observation),
    };
    envelope.encode_to_vec().into()
}

/// Reads the value of one record. Payloads share the memory of `value`.
///
/// # Errors
/// Whatever is wrong with the bytes; they belong to dead-letters then.
pub fn decode(value: Bytes) -> Result<(InvocationId, Timestamp, Observation), Error> {
    use v1::envelope::Observation as Wire;
    let envelope = v1::Envelope::decode(value)?;
    if envelope.version == 0 || envelope.version > VERSION {
        return Err(Error::Version {
            found: envelope.version,
            known: VERSION,
        });
    }
    let id = invocation_id(&envelope.invocation_id)?;
    let observation = match envelope.observation.ok_or(Error::Field("observation"))? {
        Wire::Requested(requested) => Observation::Requested(Arc::new(request(requested)?)),
        Wire::AttemptReported(attempt) => Observation::AttemptReported(report(attempt)?),
        Wire::CompletionReported(completion) => Observation::CompletionReported(CompletionReport {
            output: completion.output,
            error: completion.error.map(Into::into),
        }),
        Wire::DeadlinePassed(v1::DeadlinePassed {}) => Observation::DeadlinePassed,
        Wire::ActionAsked(asked) => Observation::ActionAsked(Arc::new(action::asked_from(asked)?)),
    };
    Ok((id, Timestamp::from_micros(envelope.at_us), observation))
}

pub(crate) fn invocation_id(bytes: &Bytes) -> Result<InvocationId, Error> {
    <[u8; 16]>::try_from(bytes.as_ref())
        .ok()
        .and_then(InvocationId::from_bytes)
        .ok_or(Error::Field("invocation_id"))
}

fn requested(request: &Request) -> v1::Requested {
    v1::Requested {
        trigger_id: request.trigger_id.as_ref().to_owned(),
        trigger_type: trigger_type_to(request.trigger_type),
        subscription_id: Bytes::copy_from_slice(request.subscription_id.0.as_bytes()),
        subscription_name: request.subscription_name.as_ref().to_owned(),
        origin: origin_to(request.origin),
        mode: mode_to(request.mode),
        created_us: request.created.as_micros(),
        deadline_us: request.deadline.as_micros(),
        retry: Some(v1::RetryPolicy {
            max_attempts: request.retry.max_attempts,
            initial_delay_ms: request.retry.initial_delay_ms,
            max_delay_ms: request.retry.max_delay_ms,
        }),
        ordering_key: request.ordering_key.as_deref().map(str::to_owned),
        input: request.input.clone(),
        content_json: request.content_json.clone(),
        depth: request.depth,
        traceparent: request.traceparent.as_deref().map(str::to_owned),
        event_id: request.event_id.as_deref().map(str::to_owned),
        member: request.member.as_deref().map(action::member_to),
    }
}

fn request(wire: v1::Requested) -> Result<Request, Error> {
    let subscription = Uuid::from_slice(&wire.subscription_id)
        .map_err(|_| Error::Field("requested.subscription_id"))?;
    let retry = wire.retry.ok_or(Error::Field("requested.retry"))?;
    Ok(Request {
        trigger_id: wire.trigger_id.into(),
        trigger_type: trigger_type_from(wire.trigger_type)?,
        subscription_id: SubscriptionId(subscription),
        subscription_name: wire.subscription_name.into(),
        origin: origin_from(wire.origin)?,
        mode: mode_from(wire.mode)?,
        created: Timestamp::from_micros(wire.created_us),
        deadline: Timestamp::from_micros(wire.deadline_us),
        retry: RetryPolicy {
            max_attempts: retry.max_attempts,
            initial_delay_ms: retry.initial_delay_ms,
            max_delay_ms: retry.max_delay_ms,
        },
        ordering_key: wire.ordering_key.map(Into::into),
        input: wire.input,
        content_json: wire.content_json,
        depth: wire.depth,
        traceparent: wire.traceparent.map(Into::into),
        event_id: wire.event_id.map(Into::into),
        member: wire
            .member
            .map(|member| action::member_from(member).map(Arc::new))
            .transpose()?,
    })
}

fn attempt(report: &AttemptReport) -> v1::AttemptReported {
    use v1::attempt_reported::Reply as Wire;
    let reply = match &report.reply {
        Reply::Acknowledged => Wire::Acknowledged(v1::Nothing {}),
        Reply::Answered(output) => Wire::Answered(output.clone()),
        Reply::Delivered => Wire::Delivered(v1::Nothing {}),
        Reply::Refused(reason) => Wire::Refused(failure_to(reason)),
        Reply::Unavailable {
            failure,
            retry_after,
        } => Wire::Unavailable(v1::Unavailable {
            failure: Some(failure_to(failure)),
            retry_after_ms: retry_after.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        }),
    };
    v1::AttemptReported {
        attempt: report.attempt,
        started_us: report.started.as_micros(),
        took_us: micros(report.took),
        status: report.status.map(u32::from),
        reply: Some(reply),
        body: report.body.as_ref().map(excerpt_to),
    }
}

fn report(wire: v1::AttemptReported) -> Result<AttemptReport, Error> {
    use v1::attempt_reported::Reply as Wire;
    let reply = match wire.reply.ok_or(Error::Field("attempt_reported.reply"))? {
        Wire::Acknowledged(v1::Nothing {}) => Reply::Acknowledged,
        Wire::Answered(output) => Reply::Answered(output),
        Wire::Delivered(v1::Nothing {}) => Reply::Delivered,
        Wire::Refused(reason) => Reply::Refused(failure_from(reason)?),
        Wire::Unavailable(unavailable) => Reply::Unavailable {
            failure: failure_from(
                unavailable
                    .failure
                    .ok_or(Error::Field("attempt_reported.unavailable.failure"))?,
            )?,
            retry_after: unavailable.retry_after_ms.map(Duration::from_millis),
        },
    };
    Ok(AttemptReport {
        attempt: wire.attempt,
        started: Timestamp::from_micros(wire.started_us),
        took: Duration::from_micros(wire.took_us),
        status: status_from(wire.status)?,
        reply,
        body: wire.body.map(excerpt_from),
    })
}

pub(crate) fn status_from(status: Option<u32>) -> Result<Option<u16>, Error> {
    let status = status.map(|status| u16::try_from(status).map_err(|_| Error::Field("status")));
    status.transpose()
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn excerpt_to(excerpt: &Excerpt) -> v1::Excerpt {
    v1::Excerpt {
        text: excerpt.text.as_ref().to_owned(),
        truncated: excerpt.truncated,
    }
}

pub(crate) fn excerpt_from(wire: v1::Excerpt) -> Excerpt {
    Excerpt {
        text: wire.text.into(),
        truncated: wire.truncated,
    }
}

pub(crate) fn failure_to(failure: &Failure) -> v1::Failure {
    v1::Failure {
        kind: failure_kind_to(failure.kind),
        message: failure.message.as_ref().to_owned(),
    }
}

pub(crate) fn failure_from(wire: v1::Failure) -> Result<Failure, Error> {
    Ok(Failure {
        kind: failure_kind_from(wire.kind)?,
        message: wire.message.into(),
    })
}
