//! Actions: what is in the log of them, and what a view keeps.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use triggerfish_core::{
    ActionRequest, ActionState, Member, Observation, Part, SubscriptionId, Timestamp,
    action::{Decision, MemberClosed, MemberState, PARTS_MAX},
};
use uuid::Uuid;

use crate::{
    Error,
    enums::{
        action_from, action_to, activation_from, activation_to, origin_from, origin_to,
        policy_from, policy_to, timing_from, timing_to, verdict_from, verdict_to,
    },
    envelope::{self, invocation_id, micros, status_from},
    v1,
};

pub(crate) fn asked_to(request: &ActionRequest) -> v1::ActionAsked {
    let text = |text: &std::sync::Arc<str>| text.as_ref().to_owned();
    let id = |id: &triggerfish_core::InvocationId| Bytes::copy_from_slice(id.as_bytes());
    v1::ActionAsked {
        timing: timing_to(request.timing),
        object_type: text(&request.object_type),
        action: action_to(request.action),
        object_id: request.object_id.as_ref().map(text),
        user: request.user.as_ref().map(text),
        origin: origin_to(request.origin),
        input: request.input.clone(),
        asked_us: request.asked.as_micros(),
        deadline_us: request.deadline.as_micros(),
        depth: request.depth,
        depth_max: request.depth_max,
        correlation: request.correlation.as_ref().map(text),
        decided_by: request.decided_by.as_ref().map(id),
        traceparent: request.traceparent.as_ref().map(text),
        parts: request.parts.iter().map(part_to).collect(),
    }
}

pub(crate) fn asked_from(wire: v1::ActionAsked) -> Result<ActionRequest, Error> {
    if wire.parts.len() > PARTS_MAX {
        return Err(Error::Field("action_asked.parts"));
    }
    Ok(ActionRequest {
        timing: timing_from(wire.timing)?,
        object_type: wire.object_type.into(),
        action: action_from(wire.action)?,
        object_id: wire.object_id.map(Into::into),
        user: wire.user.map(Into::into),
        origin: origin_from(wire.origin)?,
        input: wire.input,
        asked: Timestamp::from_micros(wire.asked_us),
        deadline: Timestamp::from_micros(wire.deadline_us),
        depth: wire.depth,
        depth_max: wire.depth_max,
        correlation: wire.correlation.map(Into::into),
        decided_by: wire.decided_by.as_ref().map(invocation_id).transpose()?,
        traceparent: wire.traceparent.map(Into::into),
        parts: wire
            .parts
            .into_iter()
            .map(part_from)
            .collect::<Result<_, _>>()?,
    })
}

fn part_to(part: &Part) -> v1::ActionPart {
    v1::ActionPart {
        callback_id: Bytes::copy_from_slice(part.callback.0.as_bytes()),
        name: part.name.as_ref().to_owned(),
        expected_status: part.expected_status.map(u32::from),
        timeout_us: micros(part.timeout),
        policy: policy_to(part.policy),
    }
}

fn part_from(wire: v1::ActionPart) -> Result<Part, Error> {
    let callback = Uuid::from_slice(&wire.callback_id)
        .map_err(|_| Error::Field("action_asked.parts.callback_id"))?;
    Ok(Part {
        callback: SubscriptionId(callback),
        name: wire.name.into(),
        expected_status: status_from(wire.expected_status)?,
        timeout: Duration::from_micros(wire.timeout_us),
        policy: policy_from(wire.policy)?,
    })
}

pub(crate) fn member_to(member: &Member) -> v1::Member {
    v1::Member {
        action_id: Bytes::copy_from_slice(member.action_id.as_bytes()),
        part: u32::from(member.part),
        expected_status: member.expected_status.map(u32::from),
        timeout_us: micros(member.timeout),
        object_type: member.object_type.as_ref().to_owned(),
        action: action_to(member.action),
        object_id: member.object_id.as_deref().map(str::to_owned),
        user: member.user.as_deref().map(str::to_owned),
    }
}

pub(crate) fn member_from(wire: v1::Member) -> Result<Member, Error> {
    let part = u16::try_from(wire.part).ok();
    let part = part.filter(|part| (1..=PARTS_MAX).contains(&usize::from(*part)));
    Ok(Member {
        action_id: invocation_id(&wire.action_id)?,
        part: part.ok_or(Error::Field("requested.member.part"))?,
        expected_status: status_from(wire.expected_status)?,
        timeout: Duration::from_micros(wire.timeout_us),
        object_type: wire.object_type.into(),
        action: action_from(wire.action)?,
        object_id: wire.object_id.map(Into::into),
        user: wire.user.map(Into::into),
    })
}

/// The part of `action` that changes.
#[must_use]
pub fn encode(action: &ActionState) -> Vec<u8> {
    let state = v1::ActionState {
        offset: action.offset,
        members: action.members.iter().map(member_state_to).collect(),
        decision: action.decision.as_ref().map(|decision| v1::Decision {
            verdict: verdict_to(decision.verdict),
            reason: decision.reason.as_deref().map(str::to_owned),
            at_us: decision.at.as_micros(),
            offset: decision.offset,
        }),
        finished_us: action.finished.map(Timestamp::as_micros),
    };
    state.encode_to_vec()
}

/// Puts an action together again from the `ActionAsked` envelope and its state.
///
/// # Errors
/// When either does not read back.
pub fn decode(envelope: &Bytes, state: &[u8]) -> Result<ActionState, Error> {
    let (id, _, observation) = envelope::decode(envelope.clone())?;
    let Observation::ActionAsked(request) = observation else {
        return Err(Error::Field("observation"));
    };
    let state = v1::ActionState::decode(state)?;
    if state.members.len() != request.parts.len() {
        return Err(Error::Field("members"));
    }
    let members = state.members.into_iter().map(member_state_from);
    let decision = state.decision.map(|wire| {
        Ok::<_, Error>(Decision {
            verdict: verdict_from(wire.verdict)?,
            reason: wire.reason.map(Into::into),
            at: Timestamp::from_micros(wire.at_us),
            offset: wire.offset,
        })
    });
    Ok(ActionState {
        id,
        request,
        offset: state.offset,
        members: members.collect::<Result<_, _>>()?,
        decision: decision.transpose()?,
        finished: state.finished_us.map(Timestamp::from_micros),
    })
}

fn member_state_to(member: &MemberState) -> v1::MemberState {
    let closed = member.closed.as_ref().map(|closed| v1::MemberClosed {
        outcome: activation_to(closed.outcome),
        verdict: verdict_to(closed.verdict),
        status: closed.status.map(u32::from),
        took_us: closed.took.map(micros),
        error: closed.error.as_deref().map(str::to_owned),
        at_us: closed.at.as_micros(),
    });
    v1::MemberState {
        invocation_id: Bytes::copy_from_slice(member.invocation.as_bytes()),
        closed,
    }
}

fn member_state_from(wire: v1::MemberState) -> Result<MemberState, Error> {
    let closed = wire.closed.map(|closed| {
        Ok::<_, Error>(MemberClosed {
            outcome: activation_from(closed.outcome)?,
            verdict: verdict_from(closed.verdict)?,
            status: status_from(closed.status)?,
            took: closed.took_us.map(Duration::from_micros),
            error: closed.error.map(Into::into),
            at: Timestamp::from_micros(closed.at_us),
        })
    });
    Ok(MemberState {
        invocation: invocation_id(&wire.invocation_id)?,
        closed: closed.transpose()?,
    })
}
