//! Rules that a test of the whole switches off, to see that it would notice.
//!
//! Only in builds with the feature `faults`; what is shipped has none of this. A simulated
//! world breaks a rule on the thread that it runs on, a program that is built for it in its
//! whole process.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use triggerfish_core::{Invocation, Observation, Phase, Timestamp};
use triggerfish_log::Offset;

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The view is saved first and the log committed second, and a view that leads the
    /// committed position is believed.
    ViewFirst,
    /// A request that was folded already is folded again.
    NoDedupe,
    /// A deadline that has passed is noted and never reported.
    TimerLost,
    /// After a restore the view goes on one record further than the log was committed.
    ViewAhead,
    /// The secret of an invocation is in the log line of its call.
    SecretInLogLine,
    /// Neither the calls of an action nor its deadlines keep to its budget.
    LateDecisions,
    /// A result that comes after the outcome takes its place.
    OutcomeOverwritten,
    /// Calls are made before the fold has reached the end of the log.
    ActsWhileCatchingUp,
    /// The report of a call is appended although the partition was released.
    AppendAfterRelease,
    /// The position of an event is committed before what follows from it is durable.
    PositionBeforeAppend,
    /// Completions and decisions are appended before the commit, beside it.
    ResultsBesideCommit,
    /// A partition stands still at a record that can't be read.
    UnreadableStops,
    /// A record that can't be read is passed over without a dead letter.
    UnreadableForgotten,
    /// A rebuild begins at the committed position, whatever is still open before it.
    RebuildTooLate,
    /// A client is told that its event was taken before it is durable.
    EventAcknowledgedFirst,
    /// A subscriber is told that its result counts before it is durable.
    ResultAcknowledgedFirst,
    /// A list leaves out what the owner of a partition did not tell.
    ShortLists,
    /// Calls of one ordering key are made side by side.
    KeysOverlap,
    /// A failed call is made again without waiting.
    RetriesAtOnce,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::ViewFirst,
        Self::NoDedupe,
        Self::TimerLost,
        Self::ViewAhead,
        Self::SecretInLogLine,
        Self::LateDecisions,
        Self::OutcomeOverwritten,
        Self::ActsWhileCatchingUp,
        Self::AppendAfterRelease,
        Self::PositionBeforeAppend,
        Self::ResultsBesideCommit,
        Self::UnreadableStops,
        Self::UnreadableForgotten,
        Self::RebuildTooLate,
        Self::EventAcknowledgedFirst,
        Self::ResultAcknowledgedFirst,
        Self::ShortLists,
        Self::KeysOverlap,
        Self::RetriesAtOnce,
    ];

    /// The name by which it is chosen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ViewFirst => "view-first",
            Self::NoDedupe => "no-dedupe",
            Self::TimerLost => "timer-lost",
            Self::ViewAhead => "view-ahead",
            Self::SecretInLogLine => "secret-in-log-line",
            Self::LateDecisions => "late-decisions",
            Self::OutcomeOverwritten => "outcome-overwritten",
            Self::ActsWhileCatchingUp => "acts-while-catching-up",
            Self::AppendAfterRelease => "append-after-release",
            Self::PositionBeforeAppend => "position-before-append",
            Self::ResultsBesideCommit => "results-beside-commit",
            Self::UnreadableStops => "unreadable-stops",
            Self::UnreadableForgotten => "unreadable-forgotten",
            Self::RebuildTooLate => "rebuild-too-late",
            Self::EventAcknowledgedFirst => "event-acknowledged-first",
            Self::ResultAcknowledgedFirst => "result-acknowledged-first",
            Self::ShortLists => "short-lists",
            Self::KeysOverlap => "keys-overlap",
            Self::RetriesAtOnce => "retries-at-once",
        }
    }

    /// The fault of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

/// How long a process can die between two steps that are one.
pub(crate) const BETWEEN: Duration = Duration::from_millis(100);
/// How much later than they should be deadlines are looked at, in microseconds.
const LATE: i64 = 8_000_000;

thread_local! {
    static BROKEN: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// Breaks a rule on this thread, until what is returned is dropped.
#[must_use]
pub fn broken(fault: Option<Fault>) -> Broken {
    BROKEN.set(fault);
    Broken(())
}

/// See [`broken`].
pub struct Broken(());

impl Drop for Broken {
    fn drop(&mut self) {
        BROKEN.set(None);
    }
}

static OF_PROCESS: OnceLock<Fault> = OnceLock::new();

/// Breaks the rule of this name in the whole process, from here on.
///
/// # Panics
/// If there is no such fault: a test that breaks nothing would prove nothing.
pub fn break_everywhere(name: &str) {
    let fault = Fault::named(name).unwrap_or_else(|| panic!("there is no fault {name}"));
    let _ = OF_PROCESS.set(fault);
}

/// Whether the rule is broken here.
#[must_use]
pub fn is_on(fault: Fault) -> bool {
    BROKEN.get().or(OF_PROCESS.get().copied()) == Some(fault)
}

/// What time it is to whoever looks at deadlines.
#[must_use]
pub fn seen_late(now: Timestamp) -> Timestamp {
    if is_on(Fault::LateDecisions) {
        Timestamp::from_micros(now.as_micros().saturating_sub(LATE))
    } else {
        now
    }
}

/// From where a view goes on that was saved up to `saved`, with `committed` in the log.
pub(crate) fn believed(saved: Offset, committed: Offset) -> Offset {
    if is_on(Fault::ViewFirst) {
        committed.max(saved)
    } else if is_on(Fault::ViewAhead) && committed > Offset::ZERO {
        committed.next()
    } else {
        committed
    }
}

/// What counts as known of an invocation when this is observed.
pub(crate) fn known(before: Option<Invocation>, observation: &Observation) -> Option<Invocation> {
    let is_request = matches!(observation, Observation::Requested(_));
    if is_request && is_on(Fault::NoDedupe) {
        return None;
    }
    let mut before = before?;
    let is_result = matches!(observation, Observation::CompletionReported(_));
    if is_result && !before.is_open() && is_on(Fault::OutcomeOverwritten) {
        before.phase = Phase::Waiting;
    }
    Some(before)
}
