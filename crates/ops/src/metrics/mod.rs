//! What can be watched: every metric has its name here and a function that counts
//! it. Other crates never use the `metrics` macros themselves.
//!
//! Every metric is registered once, with all its label values, by [`install()`];
//! counting afterwards is an atomic addition, without a lookup of names. Labels are
//! bounded: what comes from outside is counted as `other` when it is not known.
//! Without [`install()`] nothing is counted.
//!
//! The metrics and their meanings are in [`specs`].

mod handles;
mod http;
mod install;
pub mod specs;

use std::time::Duration;

use triggerfish_core::{Ignored, Mode, Origin, TriggerType, action::Verdict, invariant::Invariant};

pub use http::track_http;
pub use install::{Exporter, InstallError, install};

use install::handles;

/// What a filter said about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterVerdict {
    /// It matches.
    Matched,
    /// It does not.
    NotMatched,
    /// It could not be evaluated.
    Failed,
}

impl FilterVerdict {
    /// Label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::NotMatched => "not_matched",
            Self::Failed => "failed",
        }
    }
}

/// An invocation was asked for and is durable.
pub fn invocation_requested(trigger_type: TriggerType, origin: Origin) {
    if let Some(handles) = handles() {
        handles
            .invocations_requested
            .get(&[trigger_type.as_str(), origin.as_str()])
            .increment(1);
    }
}

/// The fold applied an observation of this kind
/// ([`triggerfish_core::Observation::kind`]).
pub fn observation_applied(kind: &str) {
    if let Some(handles) = handles() {
        handles.observations_applied.get(&[kind]).increment(1);
    }
}

/// The fold ignored an observation.
pub fn observation_ignored(reason: Ignored) {
    if let Some(handles) = handles() {
        handles
            .observations_ignored
            .get(&[reason.as_str()])
            .increment(1);
    }
}

/// A completion was emitted with this outcome ([`triggerfish_core::Outcome::as_str`]),
/// so long after the invocation was created.
pub fn completion_emitted(outcome: &str, mode: Mode, since_created: Duration) {
    if let Some(handles) = handles() {
        handles.completions_emitted.get(&[outcome]).increment(1);
        handles
            .invocation_duration
            .get(&[mode.as_str()])
            .record(since_created);
    }
}

/// A decision was emitted, so long after the platform asked.
pub fn decision_emitted(verdict: Verdict, since_asked: Duration) {
    if let Some(handles) = handles() {
        handles
            .decisions_emitted
            .get(&[verdict.as_str()])
            .increment(1);
        handles.decision_duration.record(since_asked);
    }
}

/// A call has ended in this class ([`triggerfish_core::Reply::class`]).
pub fn attempt(class: &str, took: Duration) {
    if let Some(handles) = handles() {
        handles.attempts.get(&[class]).increment(1);
        handles.attempt_duration.record(took);
    }
}

/// How the calls of this process stand.
pub fn calls(in_flight: usize, queued: usize, open_breakers: usize) {
    if let Some(handles) = handles() {
        handles.calls_in_flight.set(gauge_value(in_flight));
        handles.calls_queued.set(gauge_value(queued));
        handles.breaker_open.set(gauge_value(open_breakers));
    }
}

/// How many records of the partition this group has not worked on yet. Zero when the
/// partition is released, as another process then says.
pub fn partition_lag(group: &str, partition: u32, records: u64) {
    if let Some(handles) = handles() {
        let records = usize::try_from(records).unwrap_or(usize::MAX);
        handles.set_partition_lag(group, partition, gauge_value(records));
    }
}

/// A session with the log ended early and was replaced.
pub fn session_reopened(reason: &str) {
    if let Some(handles) = handles() {
        handles.sessions_reopened.get(&[reason]).increment(1);
    }
}

/// Records and positions were committed.
pub fn commit_took(took: Duration) {
    if let Some(handles) = handles() {
        handles.commit_duration.record(took);
    }
}

/// A partition was restored to the end of the log.
pub fn restore_took(took: Duration) {
    if let Some(handles) = handles() {
        handles.restore_duration.record(took);
    }
}

/// A view was thrown away, to be rebuilt from the log.
pub fn view_wiped(reason: &str) {
    if let Some(handles) = handles() {
        handles.view_wipes.get(&[reason]).increment(1);
    }
}

/// A record went to dead-letters.
pub fn dead_letter(reason: &str) {
    if let Some(handles) = handles() {
        handles.dead_letters.get(&[reason]).increment(1);
    }
}

/// A filter was evaluated.
pub fn filter_evaluated(verdict: FilterVerdict) {
    if let Some(handles) = handles() {
        handles
            .filter_evaluations
            .get(&[verdict.as_str()])
            .increment(1);
    }
}

/// Another process was asked about partitions that it owns: `answered`, `not_mine` or
/// `failed`.
pub fn peer_call(result: &str, took: Duration) {
    if let Some(handles) = handles() {
        handles.peer_calls.get(&[result]).increment(1);
        handles.peer_call_duration.record(took);
    }
}

/// An append to the log was acknowledged.
pub fn log_append_took(took: Duration) {
    if let Some(handles) = handles() {
        handles.log_append_duration.record(took);
    }
}

/// An invariant was found broken; use [`crate::violation::report`].
pub(crate) fn invariant_violated(invariant: Invariant) {
    if let Some(handles) = handles() {
        handles
            .invariant_violations
            .get(&[invariant.id()])
            .increment(1);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact to 2^53, and a gauge is for looking at"
)]
const fn gauge_value(count: usize) -> f64 {
    count as f64
}
