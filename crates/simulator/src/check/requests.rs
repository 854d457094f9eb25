//! What an invocation is asked for has to be what its subscription says, and what a call is
//! reported to have brought has to be what the subscriber said.

use std::time::Duration;

use serde_json::{Value, json};
use triggerfish_core::{
    AttemptReport, InvocationId, Mode, Reply, Request, RetryPolicy, invariant::Invariant,
};

use super::Seen;
use crate::cast;

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
        4 | 6 => (Mode::FireAndForget, 30, told),
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

/// Checks a request of an invocation that is not the call of a callback.
pub(super) fn check(seen: &mut Seen, id: InvocationId, request: &Request) {
    let number = request.subscription_id.0.as_u128();
    let event = request.event_id.as_deref().unwrap_or_default();
    let Some(event_number) = event
        .rsplit_once('-')
        .and_then(|(_, text)| text.parse().ok())
    else {
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
