//! What a view keeps of an invocation: the envelope that requested it, byte for
//! byte, and beside it the part that changes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use triggerfish_core::{Called, Closing, Invocation, Observation, Outcome, Phase, Timestamp};

use crate::{
    Error,
    enums::{failure_kind_from, failure_kind_to},
    envelope,
    envelope::{excerpt_from, excerpt_to, failure_from, failure_to, micros, status_from},
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
        called: invocation.called.as_deref().map(called_to),
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
        called: state
            .called
            .map(|called| called_from(called).map(Arc::new))
            .transpose()?,
    })
}

fn called_to(called: &Called) -> v1::Called {
    v1::Called {
        started_us: called.started.as_micros(),
        took_us: micros(called.took),
        status: called.status.map(u32::from),
        failure: called.failure.map(failure_kind_to),
        body: called.body.as_ref().map(excerpt_to),
    }
}

fn called_from(wire: v1::Called) -> Result<Called, Error> {
    Ok(Called {
        started: Timestamp::from_micros(wire.started_us),
        took: Duration::from_micros(wire.took_us),
        status: status_from(wire.status)?,
        failure: wire.failure.map(failure_kind_from).transpose()?,
        body: wire.body.map(excerpt_from),
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
