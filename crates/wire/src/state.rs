//! What a view keeps of an invocation: the envelope that requested it, byte for
//! byte, and beside it the part that changes.

use bytes::Bytes;
use prost::Message;
use triggerfish_core::{Closing, Invocation, Observation, Outcome, Phase, Timestamp};

use crate::{
    Error, envelope,
    envelope::{failure_from, failure_to},
    v1,
};

/// The part of `invocation` that changes.
#[must_use]
pub fn encode(invocation: &Invocation) -> Vec<u8> {
    use v1::invocation_state::Phase as Wire;
    let phase = match &invocation.phase {
        Phase::Due { attempt, due } => Wire::Due(v1::Due {
            attempt: *attempt,
            due_us: due.as_micros(),
        }),
        Phase::Waiting => Wire::Waiting(v1::Nothing {}),
        Phase::Closed(closing) => Wire::Closed(closed(closing)),
    };
    let state = v1::InvocationState {
        offset: invocation.offset,
        attempts: invocation.attempts,
        last_failure: invocation.last_failure.as_ref().map(failure_to),
        phase: Some(phase),
    };
    state.encode_to_vec()
}

fn closed(closing: &Closing) -> v1::Closed {
    use v1::closed::Outcome as Wire;
    let outcome = match &closing.outcome {
        Outcome::Completed(output) => Wire::Completed(v1::Completed {
            output: output.clone(),
        }),
        Outcome::Failed { error, output } => Wire::Failed(v1::Failed {
            error: error.as_ref().to_owned(),
            output: output.clone(),
        }),
        Outcome::Expired { error } => Wire::Expired(error.as_ref().to_owned()),
    };
    v1::Closed {
        at_us: closing.at.as_micros(),
        offset: closing.offset,
        outcome: Some(outcome),
    }
}

/// Puts an invocation together again from the `Requested` envelope and its state.
///
/// # Errors
/// When either does not read back; the view is to be wiped then.
pub fn decode(envelope: &Bytes, state: &[u8]) -> Result<Invocation, Error> {
    use v1::invocation_state::Phase as Wire;
    let (id, _, observation) = envelope::decode(envelope.clone())?;
    let Observation::Requested(request) = observation else {
        return Err(Error::Field("observation"));
    };
    let state = v1::InvocationState::decode(state)?;
    let phase = match state.phase.ok_or(Error::Field("state.phase"))? {
        Wire::Due(due) => Phase::Due {
            attempt: due.attempt,
            due: Timestamp::from_micros(due.due_us),
        },
        Wire::Waiting(v1::Nothing {}) => Phase::Waiting,
        Wire::Closed(wire) => Phase::Closed(closing(wire)?),
    };
    Ok(Invocation {
        id,
        request,
        offset: state.offset,
        attempts: state.attempts,
        last_failure: state.last_failure.map(failure_from).transpose()?,
        phase,
    })
}

fn closing(wire: v1::Closed) -> Result<Closing, Error> {
    use v1::closed::Outcome as Wire;
    let outcome = match wire.outcome.ok_or(Error::Field("state.closed.outcome"))? {
        Wire::Completed(completed) => Outcome::Completed(completed.output),
        Wire::Failed(failed) => Outcome::Failed {
            error: failed.error.into(),
            output: failed.output,
        },
        Wire::Expired(error) => Outcome::Expired {
            error: error.into(),
        },
    };
    Ok(Closing {
        outcome,
        at: Timestamp::from_micros(wire.at_us),
        offset: wire.offset,
    })
}
