//! What lies in the log and in views.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use triggerfish_core::{
    ActionState, Invocation, Observation, Seen, action::expand, apply, invariant,
};
use triggerfish_wire::{
    action as action_wire, completion, decision, envelope, event, state as state_wire,
};

use crate::parts;

/// A record of the invocation log: it reads back the same, and the fold makes something of it
/// that reads back the same.
pub(super) fn observation(input: &[u8]) -> bool {
    let Ok((id, at, observation)) = envelope::decode(Bytes::copy_from_slice(input)) else {
        return false;
    };
    let written = envelope::encode(id, at, &observation);
    let again = envelope::decode(written.clone()).expect("what was written can be read");
    assert_eq!(again, (id, at, observation.clone()));
    let seen = Seen { id, offset: 1, at };
    match observation {
        Observation::ActionAsked(request) => {
            let expansion = expand(seen, Arc::clone(&request));
            check_action(&written, &expansion.action);
            for member in expansion.members.into_iter().filter_map(|step| step.state) {
                let requested = Observation::Requested(Arc::clone(&member.request));
                check_state(&envelope::encode(member.id, at, &requested), &member);
            }
        }
        other => {
            if let Some(opened) = apply(None, seen, other).state {
                check_state(&written, &opened);
            }
        }
    }
    true
}

/// The envelope of an invocation and the part of its state that changes.
pub(super) fn state(input: &[u8]) -> bool {
    let (envelope, state) = parts::pieces(input);
    let envelope = Bytes::copy_from_slice(envelope);
    let Ok(known) = state_wire::decode(&envelope, state) else {
        return false;
    };
    check_state(&envelope, &known);
    true
}

/// The envelope of an action and the part of its state that changes.
pub(super) fn action(input: &[u8]) -> bool {
    let (envelope, state) = parts::pieces(input);
    let envelope = Bytes::copy_from_slice(envelope);
    let Ok(known) = action_wire::decode(&envelope, state) else {
        return false;
    };
    check_action(&envelope, &known);
    true
}

/// An upstream event as protobuf.
pub(super) fn trigger_event(input: &[u8]) -> bool {
    let Ok(read) = event::decode(Bytes::copy_from_slice(input)) else {
        return false;
    };
    assert_eq!(event::decode(event::encode(&read)).as_ref(), Ok(&read));
    true
}

fn check_state(envelope: &Bytes, known: &Invocation) {
    let written = state_wire::encode(known);
    let again = state_wire::decode(envelope, &written);
    assert_eq!(
        again.as_ref(),
        Ok(known),
        "a state reads back as another one"
    );
    let seen = Seen {
        id: known.id,
        offset: known.offset.saturating_add(1),
        at: known.request.deadline,
    };
    let step = apply(Some(known.clone()), seen, Observation::DeadlinePassed);
    invariant::check_step(Some(known), &step).expect("a step of the fold");
    let closed = step.state.expect("an invocation stays known");
    let value = completion::value(&closed).expect("past its deadline it is closed");
    serde_json::from_slice::<Value>(&value).expect("a completion is JSON");
    let closing = closed.closing().expect("past its deadline it is closed");
    let headers = completion::headers(&closed, closing);
    assert_eq!(completion::cause(&headers), Some(closing.offset));
}

fn check_action(envelope: &Bytes, known: &ActionState) {
    let written = action_wire::encode(known);
    let again = action_wire::decode(envelope, &written);
    assert_eq!(
        again.as_ref(),
        Ok(known),
        "an action reads back as another one"
    );
    if let Some(value) = decision::value(known) {
        serde_json::from_slice::<Value>(&value).expect("a decision is JSON");
    }
}
