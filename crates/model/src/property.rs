//! What must hold in every state, and what must be reached at all.

use crate::{Clock, Protocol, Record, State, View};

/// A statement about states.
#[derive(Clone, Copy, Debug)]
pub enum Claim {
    /// In every state.
    Always(fn(&Protocol, &State) -> bool),
    /// In at least one: a model in which it never happens would prove little.
    Sometimes(fn(&Protocol, &State) -> bool),
}

/// I1, the half that holds at every moment.
pub const AT_MOST_ONE: &str = "at most one completion can be read";
/// I1, the half that holds in the end.
pub const EXACTLY_ONE: &str = "when all is done, exactly one completion can be read";
/// I2.
pub const FINAL: &str = "an outcome never changes";
/// I3.
pub const REBUILT: &str = "a view equals one that is rebuilt from the log";
/// I4.
pub const NEVER_LEADS: &str = "a saved view never leads the committed position";
/// I7.
pub const CAUSED: &str = "no effect before its cause is in the log";
/// What the subscriber is promised.
pub const REPEATED_CALLS: &str = "a call comes again only if it was in flight at a fault";
/// The core's own checks of every step.
pub const STEPS: &str = "no step of the fold breaks an invariant of the core";

/// All claims by their names.
pub fn claims() -> impl Iterator<Item = (&'static str, Claim)> {
    use Claim::{Always, Sometimes};
    let claims: [(&str, Claim); 17] = [
        (AT_MOST_ONE, Always(|_, state| state.completions.len() <= 1)),
        (EXACTLY_ONE, Always(exactly_one)),
        (FINAL, Always(outcome_is_final)),
        (REBUILT, Always(views_are_rebuilt)),
        (NEVER_LEADS, Always(no_view_leads)),
        (CAUSED, Always(effects_have_causes)),
        (REPEATED_CALLS, Always(calls_are_repeated_with_reason)),
        (
            STEPS,
            Always(|_, state| views(state).all(|view| !view.broken)),
        ),
        (
            "completed by an answer",
            Sometimes(|_, state| ends(state, "COMPLETED", Some(b"0"))),
        ),
        (
            "completed by a callback",
            Sometimes(|_, state| ends(state, "COMPLETED", Some(b"1"))),
        ),
        ("failed", Sometimes(|_, state| ends(state, "FAILED", None))),
        (
            "expired",
            Sometimes(|_, state| ends(state, "EXPIRED", None)),
        ),
        (
            "a callback before the acknowledgement",
            Sometimes(callback_came_first),
        ),
        ("a second attempt", Sometimes(|_, state| state.calls[1] > 0)),
        (
            "a call comes again after a fault",
            Sometimes(|_, state| state.calls[0] > 1),
        ),
        ("a zombie has a transaction open", Sometimes(zombie_writes)),
        ("the next owner's view is behind", Sometimes(next_is_behind)),
    ];
    claims.into_iter()
}

fn views(state: &State) -> impl Iterator<Item = &View> {
    let workers = state.workers.iter();
    workers.flat_map(|worker| {
        let live = worker.memory.as_ref().map(|memory| &memory.view);
        live.into_iter().chain([&worker.saved])
    })
}

/// The steps that everybody takes sooner or later lead on in every state but these, and
/// [`crate::protocol`] has no way back, so every history in which nobody stops for ever ends
/// in one of them.
fn exactly_one(model: &Protocol, state: &State) -> bool {
    let was_accepted = state.log.records().contains(&Record::Requested);
    let expected = usize::from(was_accepted);
    !model.is_settled(state) || state.completions.len() == expected
}

fn outcome_is_final(_: &Protocol, state: &State) -> bool {
    let mut outcomes = state.log.rebuilding().map(View::outcome);
    let first = outcomes.find(Option::is_some).flatten();
    let stays = outcomes.all(|outcome| outcome == first);
    let told = state.completions.iter();
    let told = told.map(|completion| &completion.outcome);
    let mut known = told.chain(views(state).filter_map(View::outcome));
    stays && known.all(|outcome| first == Some(outcome))
}

fn views_are_rebuilt(_: &Protocol, state: &State) -> bool {
    views(state).all(|view| view == state.log.rebuilt(view.position))
}

fn no_view_leads(_: &Protocol, state: &State) -> bool {
    let mut saved = state.workers.iter().map(|worker| worker.saved.position);
    saved.all(|position| position <= state.group.committed)
}

fn effects_have_causes(_: &Protocol, state: &State) -> bool {
    let mut told = state.completions.iter();
    let have = told.all(|completion| {
        let before = state.log.rebuilt(completion.cause);
        let after = state.log.rebuilt(completion.cause + 1);
        before.outcome().is_none() && after.outcome() == Some(&completion.outcome)
    });
    have && !state.uncaused
}

fn calls_are_repeated_with_reason(_: &Protocol, state: &State) -> bool {
    let mut both = state.calls.iter().zip(state.excused);
    both.all(|(calls, excused)| *calls <= 1 + excused)
}

fn ends(state: &State, name: &str, output: Option<&[u8]>) -> bool {
    let mut told = state
        .completions
        .iter()
        .map(|completion| &completion.outcome);
    told.any(|outcome| {
        outcome.as_str() == name && outcome.output().map(|bytes| &bytes[..]) == output
    })
}

fn callback_came_first(_: &Protocol, state: &State) -> bool {
    let acknowledged = |record: &Record| matches!(record, Record::AttemptReported { .. });
    !state.log.records().iter().any(acknowledged) && ends(state, "COMPLETED", Some(b"1"))
}

fn zombie_writes(_: &Protocol, state: &State) -> bool {
    [0, 1]
        .iter()
        .any(|worker| state.is_zombie(*worker) && state.workers[*worker].transaction.is_some())
}

fn next_is_behind(_: &Protocol, state: &State) -> bool {
    let Some(owner) = state.group.owner else {
        return false;
    };
    let next = &state.workers[owner];
    let is_late = state.now == Clock::AfterDeadline;
    is_late && next.memory.is_none() && next.saved.position < state.group.committed
}
