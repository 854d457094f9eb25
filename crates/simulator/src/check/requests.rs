//! What an invocation is asked for has to be what its subscription says, and what a call is
//! reported to have brought has to be what the subscriber said.

use std::time::Duration;

use serde_json::{Value, json};
use triggerfish_core::{
    ActionRequest, AttemptReport, Invocation, InvocationId, Mode, Reply, Request, RetryPolicy,
    Timing, callback::FailurePolicy, invariant::Invariant,
};

use super::Seen;
use crate::cast::{self, Kind};

/// What an answer of a subscriber means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Done, or taken.
    Good,
    /// The same call may be good later, not sooner than that many seconds.
    MayPass(Option<u64>),
    /// It never will.
    Bad,
}

/// What a subscriber is told by a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) subscriber: u128,
    pub(crate) depth: u32,
    /// The body, without what the service has put in.
    pub(crate) input: Value,
    pub(crate) is_signed: bool,
    pub(crate) is_to_call_back: bool,
}

/// What the subscription of this number asks for.
struct Terms {
    mode: Mode,
    lifetime: Duration,
    retry: RetryPolicy,
    is_ordered: bool,
}

fn terms(number: u128) -> Option<Terms> {
    let retry = |max_attempts, initial_delay_ms, max_delay_ms| RetryPolicy {
        max_attempts,
        initial_delay_ms,
        max_delay_ms,
    };
    let (own, told) = (retry(3, 400, 3_000), retry(4, 300, 4_000));
    let (mode, seconds, retry) = match number {
        1 => (Mode::Sync, 20, RetryPolicy::ONCE),
        2 => (Mode::Async, 25, RetryPolicy::ONCE),
        3 => (Mode::Dynamic, 15, own),
        4 | 6 | 11 | 12 => (Mode::FireAndForget, 30, told),
        5 => (Mode::FireAndForget, 30, own),
        _ => return None,
    };
    Some(Terms {
        mode,
        lifetime: Duration::from_secs(seconds),
        retry,
        is_ordered: number == 5,
    })
}

/// The number in the name of an event or an action.
fn number_of(name: &str) -> Option<u32> {
    name.rsplit_once('-')?.1.parse().ok()
}

/// Checks a request of an invocation that is not the call of a callback.
pub(super) fn check(seen: &mut Seen, id: InvocationId, request: &Request, now: u64) {
    let number = request.subscription_id.0.as_u128();
    let event = request.event_id.as_deref().unwrap_or_default();
    let Some(event_number) = number_of(event) else {
        let detail = format!("{id} is of event {event:?}, which there was not");
        return seen.broken(Invariant::AcknowledgedIsKept, detail);
    };
    let is_posted = event.starts_with("posted-");
    let mut wrong = Vec::new();
    if let Some(terms) = terms(number) {
        let key = cast::ordering_key(event_number);
        let key = terms.is_ordered.then_some(key);
        let asked = (
            request.mode,
            request.deadline,
            request.retry,
            request.ordering_key.as_deref(),
        );
        let expected = (
            terms.mode,
            request.created.after(terms.lifetime),
            terms.retry,
            key.as_deref(),
        );
        if asked != expected {
            wrong.push(format!("{asked:?} in place of {expected:?}"));
        }
    } else {
        wrong.push(format!("there is no subscription {number}"));
    }
    if request.origin != cast::origin(event_number, is_posted) {
        wrong.push(format!("it is {:?}", request.origin));
    }
    let parsed = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap_or_default();
    let content = if is_posted {
        json!({})
    } else {
        json!({ "number": event_number })
    };
    if parsed(&request.input) != cast::input(event_number)
        || parsed(&request.content_json) != content
    {
        wrong.push("its input or contentJson is another one".to_owned());
    }
    let mut kinds = Kind::ALL.into_iter();
    let kind = kinds.find(|kind| kind.trigger() == &*request.trigger_id);
    let told = kind.map_or_else(Vec::new, |kind| kind.told(event_number));
    let whom = request.subscription_id;
    if !told.contains(&whom) || !seen.may_be_told(whom, request.origin, now) {
        wrong.push("it is not to be told".to_owned());
    }
    if request.depth != cast::depth(event_number) {
        wrong.push(format!("its depth is {}", request.depth));
    }
    let partition = seen
        .keys
        .entry(cast::ordering_key(event_number))
        .or_insert_with(|| id.partition());
    if *partition != id.partition() {
        wrong.push("its ordering key is in two partitions".to_owned());
    }
    for wrong in wrong {
        let detail = format!("{id} of {event} for subscription {number}: {wrong}");
        seen.broken(Invariant::AcknowledgedIsKept, detail);
    }
}

/// Checks that those are asked about an action who are to be.
pub(super) fn check_action(seen: &mut Seen, id: InvocationId, request: &ActionRequest) {
    let parts = request.parts.iter();
    let asked: Vec<_> = parts
        .map(|part| (part.callback.0.as_u128(), part.policy, part.expected_status))
        .collect();
    let expected: &[_] = match request.timing {
        Timing::Before => &[
            (7, FailurePolicy::Deny, Some(200)),
            (8, FailurePolicy::Allow, Some(200)),
            (9, FailurePolicy::Audit, Some(200)),
        ],
        Timing::After => &[(10, FailurePolicy::Deny, None)],
    };
    let number = number_of(request.correlation.as_deref().unwrap_or_default());
    let depth = number.map(cast::depth_of_action);
    if (asked.as_slice(), Some(request.depth)) != (expected, depth) {
        let asked = (asked, request.depth);
        let detail = format!("{id} asks {asked:?} in place of {expected:?}, {depth:?}");
        seen.broken(Invariant::AcknowledgedIsKept, detail);
    }
}

/// Checks that a subscriber is told what was asked for.
pub(super) fn check_call(seen: &mut Seen, call: &Invocation, told: &Asked) {
    let request = &call.request;
    let expected = Asked {
        subscriber: request.subscription_id.0.as_u128(),
        depth: request.depth,
        input: serde_json::from_slice(&request.input).unwrap_or_default(),
        is_signed: true,
        is_to_call_back: matches!(request.mode, Mode::Async | Mode::Dynamic),
    };
    if *told != expected {
        let detail = format!(
            "{} is called with {told:?} in place of {expected:?}",
            call.id
        );
        seen.broken(Invariant::CauseBeforeEffect, detail);
    }
}

/// Checks a report against what was answered to calls for `id`. One without a status was not
/// answered, or not in time.
pub(super) fn check_report(seen: &mut Seen, id: InvocationId, report: &AttemptReport) {
    if report.status.is_none() {
        return;
    }
    let meaning = match &report.reply {
        Reply::Acknowledged | Reply::Answered(_) | Reply::Delivered => Meaning::Good,
        Reply::Unavailable { retry_after, .. } => {
            Meaning::MayPass(retry_after.map(|wish| wish.as_secs()))
        }
        Reply::Refused(_) => Meaning::Bad,
    };
    let answers = seen.answers.get(&id).map_or(&[][..], Vec::as_slice);
    if !answers.contains(&meaning) {
        let detail = format!("a call for {id} is reported as {meaning:?}, and was {answers:?}");
        seen.broken(Invariant::CauseBeforeEffect, detail);
    }
}
