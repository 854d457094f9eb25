//! The fold: what an observation means, in log order.
//!
//! Total and deterministic. Every observation is applied or ignored with a
//! reason; nothing that decodes can make it fail. The first terminal observation
//! in log order decides the outcome.

use std::sync::Arc;

use crate::{
    effect::Effect,
    id::InvocationId,
    invocation::{Called, Closing, Invocation, Outcome, Phase},
    observation::{AttemptReport, CompletionReport, Failure, Observation, Reply, Request},
    time::Timestamp,
    trigger::{Mode, TriggerType},
};

/// Where and when an observation stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The invocation it is about.
    pub id: InvocationId,
    /// Its offset in the partition.
    pub offset: u64,
    /// When the observer made it. The fold never asks what time it is.
    pub at: Timestamp,
}

/// What came of one observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state afterwards.
    pub state: Option<Invocation>,
    /// What is to be done.
    pub effects: Vec<Effect>,
    /// Why nothing changed, if so.
    pub ignored: Option<Ignored>,
}

/// Why an observation changed nothing. All of these are normal: observations come
/// late and come twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// There is no such invocation.
    UnknownInvocation,
    /// The event came again.
    AlreadyRequested,
    /// It has an outcome.
    AlreadyClosed,
    /// The report is not about the call that is owed.
    StaleAttempt,
    /// Made after the deadline.
    AfterDeadline,
    /// A deadline was reported before it was there.
    BeforeDeadline,
    /// Fire and forget owes no result.
    NothingOwed,
}

impl Ignored {
    /// Label for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownInvocation => "unknown_invocation",
            Self::AlreadyRequested => "already_requested",
            Self::AlreadyClosed => "already_closed",
            Self::StaleAttempt => "stale_attempt",
            Self::AfterDeadline => "after_deadline",
            Self::BeforeDeadline => "before_deadline",
            Self::NothingOwed => "nothing_owed",
        }
    }
}

/// Applies one observation to the state of the invocation it is about.
///
/// `state` is what is known under the observation's [`crate::InvocationKey`]; an
/// id that differs from the known one in its time is another, unknown invocation.
#[must_use]
pub fn apply(state: Option<Invocation>, seen: Seen, observation: Observation) -> Step {
    let Some(state) = state else {
        return match observation {
            Observation::Requested(request) => open(seen, request),
            _ => ignore(None, Ignored::UnknownInvocation),
        };
    };
    if let Observation::Requested(_) = observation {
        return ignore(Some(state), Ignored::AlreadyRequested);
    }
    if state.id != seen.id {
        return ignore(Some(state), Ignored::UnknownInvocation);
    }
    if !state.is_open() {
        return ignore(Some(state), Ignored::AlreadyClosed);
    }
    match observation {
        Observation::AttemptReported(report) => on_attempt(state, seen, report),
        Observation::CompletionReported(report) => on_completion(state, seen, report),
        Observation::DeadlinePassed => on_deadline(state, seen),
        // Actions have ids of their own.
        Observation::Requested(_) | Observation::ActionAsked(_) => {
            ignore(Some(state), Ignored::AlreadyRequested)
        }
    }
}

pub(crate) fn open(seen: Seen, request: Arc<Request>) -> Step {
    let due = request.created;
    let deadline = request.deadline;
    let state = Invocation {
        id: seen.id,
        request,
        offset: seen.offset,
        attempts: 0,
        last_failure: None,
        phase: Phase::Due { attempt: 1, due },
        called: None,
    };
    let effects = vec![
        Effect::Call { attempt: 1, due },
        Effect::WatchDeadline { at: deadline },
    ];
    Step {
        state: Some(state),
        effects,
        ignored: None,
    }
}

fn on_attempt(mut state: Invocation, seen: Seen, report: AttemptReport) -> Step {
    match state.phase {
        Phase::Due { attempt, .. } if attempt == report.attempt => {}
        _ => return ignore(Some(state), Ignored::StaleAttempt),
    }
    state.attempts = report.attempt;
    if state.request.member.is_some() {
        state.called = Some(Arc::new(Called::of(&report)));
    }
    match report.reply {
        Reply::Acknowledged if state.request.mode.has_callback() => {
            state.phase = Phase::Waiting;
            state.last_failure = None;
            Step {
                state: Some(state),
                effects: vec![],
                ignored: None,
            }
        }
        Reply::Answered(output) if answers_at_once(state.request.mode) => {
            close(state, seen, Outcome::Completed(Some(output)))
        }
        Reply::Delivered if state.request.mode.is_settled_by_status() => {
            close(state, seen, Outcome::Completed(None))
        }
        Reply::Acknowledged | Reply::Answered(_) | Reply::Delivered => fail(
            state,
            seen,
            "the subscriber's reply does not fit its response mode".into(),
        ),
        Reply::Refused(failure) => fail(state, seen, failure.message),
        Reply::Unavailable {
            failure,
            retry_after,
        } => retry(state, seen, report.attempt, failure, retry_after),
    }
}

const fn answers_at_once(mode: Mode) -> bool {
    matches!(mode, Mode::Sync | Mode::Dynamic)
}

/// Schedules the next call, unless the policy or the deadline leaves none.
fn retry(
    mut state: Invocation,
    seen: Seen,
    attempt: u32,
    failure: Failure,
    retry_after: Option<std::time::Duration>,
) -> Step {
    let Some(delay) = state
        .request
        .retry
        .delay_after(state.id, attempt, retry_after)
    else {
        return fail(state, seen, failure.message);
    };
    let due = seen.at.after(delay);
    if due >= state.request.deadline {
        return fail(state, seen, failure.message);
    }
    let attempt = attempt.saturating_add(1);
    state.last_failure = Some(failure);
    state.phase = Phase::Due { attempt, due };
    Step {
        state: Some(state),
        effects: vec![Effect::Call { attempt, due }],
        ignored: None,
    }
}

fn on_completion(state: Invocation, seen: Seen, report: CompletionReport) -> Step {
    if state.request.trigger_type == TriggerType::FireAndForget {
        return ignore(Some(state), Ignored::NothingOwed);
    }
    if seen.at > state.request.deadline {
        return ignore(Some(state), Ignored::AfterDeadline);
    }
    let outcome = match report.error {
        Some(error) => Outcome::Failed {
            error,
            output: report.output,
        },
        None => Outcome::Completed(report.output),
    };
    close(state, seen, outcome)
}

fn on_deadline(state: Invocation, seen: Seen) -> Step {
    if seen.at < state.request.deadline {
        return ignore(Some(state), Ignored::BeforeDeadline);
    }
    let error = match &state.last_failure {
        Some(failure) => {
            format!(
                "no result by the deadline {}; last call: {}",
                state.request.deadline, failure.message
            )
        }
        None => format!("no result by the deadline {}", state.request.deadline),
    };
    close(
        state,
        seen,
        Outcome::Expired {
            error: error.into(),
        },
    )
}

fn fail(state: Invocation, seen: Seen, error: Arc<str>) -> Step {
    close(
        state,
        seen,
        Outcome::Failed {
            error,
            output: None,
        },
    )
}

pub(crate) fn close(mut state: Invocation, seen: Seen, outcome: Outcome) -> Step {
    state.phase = Phase::Closed(Closing {
        outcome,
        at: closing_time(&state, seen),
        offset: seen.offset,
    });
    Step {
        state: Some(state),
        effects: vec![Effect::EmitCompletion],
        ignored: None,
    }
}

/// Clocks of different hosts differ: an invocation never closes before it began.
fn closing_time(state: &Invocation, seen: Seen) -> Timestamp {
    seen.at.max(state.request.created)
}

fn ignore(state: Option<Invocation>, why: Ignored) -> Step {
    Step {
        state,
        effects: vec![],
        ignored: Some(why),
    }
}
