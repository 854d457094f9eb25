//! Looks at everything that happens and says which invariant it breaks.
//!
//! What can be seen at one moment is checked at that moment (`watch`, `calls`, `spared`,
//! `pace`), the rest when the world has come to rest (`rest`), and secrets in all that anybody
//! can read (`secrets`).
//! `oracle` folds the log with the core, `referee` says without it how things have to end.
//! Every finding names its invariant by the id of `triggerfish_core::invariant`.

mod calls;
mod lists;
mod oracle;
mod pace;
mod referee;
mod requests;
mod rest;
mod secrets;
mod spared;
mod switches;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use triggerfish_api::ports::Verdict as Told;
use triggerfish_core::{
    ActionState, CompletionReport, Invocation, InvocationId, Outcome, SubscriptionId, Timestamp,
    action::Verdict,
    invariant::{Invariant, Violation},
};
use triggerfish_log::{Offset, Partition, Record, Topic};
use triggerfish_runtime::Topics;

use crate::{cast, history::History, life::Life};
use calls::Out;
pub(crate) use lists::is_newest_first;
use oracle::Oracle;
use pace::Pace;
pub(crate) use requests::{Asked, Meaning};
use spared::Guards;
use switches::Switches;

/// Who dispatches in which group.
pub(crate) const DISPATCHERS: &str = "dispatchers";
/// Who emits results where the roles are apart.
pub(crate) const CONSUMERS: &str = "completion-consumers";
/// Who does both where they are together.
pub(crate) const WORKERS: &str = "workers";

/// What has to follow from something that was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// One invocation for each of these.
    Event {
        /// What upstream calls it.
        id: String,
        /// Who is to be told, if he is switched on.
        told: Vec<SubscriptionId>,
        /// It is a test, of which all are told.
        is_test: bool,
        /// When it came, in milliseconds.
        since: u64,
    },
    /// One action.
    Question {
        /// What the platform calls it.
        id: String,
    },
    /// A dead letter.
    Garbage,
}

/// A partition in the hands of one life of a process.
struct Hold {
    /// Where the partition ended when it was assigned.
    end: Offset,
    is_released: bool,
    /// Since when it is to be given up, and until when its calls are waited for, in
    /// milliseconds.
    leaves: Option<(u64, u64)>,
}

/// A time in which something was wrong on purpose, in milliseconds.
#[derive(Clone, Copy)]
struct Trouble {
    from: u64,
    until: u64,
    /// Nothing was but that partitions changed hands.
    is_orderly: bool,
}

/// How long before something trouble can have made it late, in milliseconds.
const AFTERMATH: u64 = 3_000;

#[derive(Default)]
struct Seen {
    oracle: Oracle,
    holds: BTreeMap<(String, String), BTreeMap<Partition, Hold>>,
    /// The completions and decisions that were written, by the id in them.
    results: BTreeMap<(Topic, String), Vec<Record>>,
    /// Where the records are from that have become dead letters, and how often.
    letters: BTreeMap<(Topic, Partition, Offset), usize>,
    upstream: BTreeMap<(Topic, Partition, Offset), Expected>,
    acknowledged: Vec<Expected>,
    told: BTreeMap<InvocationId, Verdict>,
    /// Calls that are being made, by a number of their own.
    under_way: BTreeMap<u64, Out>,
    /// How many there have been.
    calls: u64,
    /// What was answered to calls for each invocation.
    answers: BTreeMap<InvocationId, Vec<Meaning>>,
    /// When which of its calls was answered last.
    answered: BTreeMap<(InvocationId, u32), u64>,
    pace: Pace,
    guards: Guards,
    /// The partition of each ordering key.
    keys: BTreeMap<String, u16>,
    /// What stands in topics of others and can't be read.
    raw: BTreeMap<(Topic, Partition, Offset), Bytes>,
    /// The clock of a host was set.
    clock_was_set: bool,
    switches: Switches,
    /// Groups had to begin without their positions.
    forgot_positions: bool,
    troubles: Vec<Trouble>,
    /// When the world began.
    began: Timestamp,
    broken: Vec<Violation>,
}

/// See the head of the file.
pub(crate) struct Checks {
    history: Arc<History>,
    topics: Topics,
    seen: Mutex<Seen>,
}

impl Seen {
    fn broken(&mut self, invariant: Invariant, detail: String) {
        self.broken.push(Violation { invariant, detail });
    }

    /// Since when nothing is wrong any more at `now`, nor makes itself felt.
    fn calm_since(&self, now: u64) -> Option<u64> {
        let ends = self.troubles.iter().map(|trouble| trouble.until);
        let last = ends.max().map_or(0, |last| last + AFTERMATH);
        (last <= now).then_some(last)
    }

    /// Whether nothing was wrong from well before `from` until `until`.
    fn is_calm(&self, from: u64, until: u64) -> bool {
        let mut troubles = self.troubles.iter();
        !troubles.any(|trouble| trouble.is_within(from, until))
    }

    /// The same, but that partitions may have changed hands.
    fn is_orderly(&self, from: u64, until: u64) -> bool {
        let mut troubles = self.troubles.iter();
        !troubles.any(|trouble| !trouble.is_orderly && trouble.is_within(from, until))
    }

    /// Partitions change hands.
    fn changes_hands(&mut self, now: u64) {
        self.troubles.push(Trouble {
            from: now,
            until: now,
            is_orderly: true,
        });
    }

    /// Whether what was expected is in the log.
    fn is_taken(&self, expected: &Expected, at: &(Topic, Partition, Offset), now: u64) -> bool {
        match expected {
            Expected::Event {
                id,
                told,
                is_test,
                since,
            } => {
                let must = |told: &SubscriptionId| {
                    (*is_test && !cast::is_selective(*told))
                        || self.must_be_told(*told, *since, now)
                };
                let mut told = told.iter().filter(|told| must(told));
                told.all(|told| self.oracle.of_event(id, *told) > 0)
            }
            Expected::Question { id } => self.oracle.of_question(id) > 0,
            Expected::Garbage => self.letters.contains_key(at),
        }
    }
}

impl Trouble {
    const fn is_within(&self, from: u64, until: u64) -> bool {
        self.until >= from.saturating_sub(AFTERMATH) && self.from <= until
    }
}

impl Checks {
    /// Tells `history` what it sees of `topics`.
    #[must_use]
    pub(crate) fn new(history: Arc<History>, topics: Topics) -> Self {
        Self {
            history,
            topics,
            seen: Mutex::default(),
        }
    }

    /// The first broken invariant, if there is one.
    #[must_use]
    pub(crate) fn broken(&self) -> Option<Violation> {
        self.seen.lock().broken.first().cloned()
    }

    /// An invariant was seen to be broken elsewhere.
    pub(crate) fn report(&self, invariant: Invariant, detail: String) {
        self.seen.lock().broken(invariant, detail);
    }

    /// `value` stands in a topic, and this has to follow from it.
    pub(crate) fn expect(
        &self,
        topic: &Topic,
        partition: Partition,
        offset: Offset,
        value: &Bytes,
        expected: Expected,
    ) {
        let place = (topic.clone(), partition, offset);
        let seen = &mut *self.seen.lock();
        if expected == Expected::Garbage {
            seen.raw.insert(place.clone(), value.clone());
        }
        seen.upstream.insert(place, expected);
    }

    /// From now on for so many milliseconds something is wrong on purpose.
    pub(crate) fn trouble(&self, millis: u64) {
        self.disturb(millis, false);
    }

    /// For so many milliseconds partitions change hands.
    pub(crate) fn hand_over(&self, millis: u64) {
        self.disturb(millis, true);
    }

    fn disturb(&self, millis: u64, is_orderly: bool) {
        let from = self.history.now();
        self.seen.lock().troubles.push(Trouble {
            from,
            until: from + millis,
            is_orderly,
        });
    }

    /// A process is to give up those of its partitions, and waits so long for their calls.
    pub(crate) fn leaves(&self, by: &str, wait: Duration, which: impl Fn(Partition) -> bool) {
        let now = self.history.now();
        let seen = &mut *self.seen.lock();
        seen.changes_hands(now);
        let own = seen.holds.iter_mut().filter(|((of, _), _)| of == by);
        for (partition, hold) in own.flat_map(|(_, holds)| holds) {
            if which(*partition) {
                hold.leaves = hold.leaves.or(Some((now, now + pace::millis(wait))));
            }
        }
    }

    /// Somebody was told that what he handed in is taken.
    pub(crate) fn acknowledged(&self, expected: Expected) {
        let mut seen = self.seen.lock();
        let nowhere = (self.topics.registry.clone(), Partition(0), Offset::ZERO);
        if !seen.is_taken(&expected, &nowhere, self.history.now()) {
            let detail = format!("{expected:?} was acknowledged and is not in the log");
            seen.broken(Invariant::AcknowledgedIsKept, detail);
        }
        seen.acknowledged.push(expected);
    }

    /// Somebody who has asked a process at `began` has its answer, which was to come `soon`, or
    /// gets none.
    pub(crate) fn answered(&self, by: &Life, began: u64, soon: Option<Duration>) {
        let now = self.history.now();
        let took = now - began;
        let seen = &mut *self.seen.lock();
        let is_good = soon.is_some_and(|soon| took <= pace::millis(soon));
        if !is_good && seen.is_calm(began, now) {
            let words = if soon.is_some() {
                "answers"
            } else {
                "gives up"
            };
            let detail = format!("{} {words} after {took} ms", by.name());
            seen.broken(Invariant::AcknowledgedIsKept, detail);
        }
    }

    /// From now on timestamps say little.
    pub(crate) fn clock_is_set(&self) {
        self.seen.lock().clock_was_set = true;
    }

    /// From now on what is no result may be written again.
    pub(crate) fn positions_are_forgotten(&self) {
        self.seen.lock().forgot_positions = true;
    }

    /// Whether they ever were.
    pub(crate) fn are_positions_forgotten(&self) -> bool {
        self.seen.lock().forgot_positions
    }

    /// A subscriber was told what became of its result.
    pub(crate) fn judged(&self, id: InvocationId, report: &CompletionReport, verdict: &Told) {
        let seen = &mut *self.seen.lock();
        let closing = seen.oracle.newest(id).and_then(Invocation::closing);
        let outcome = closing.map(|closing| &closing.outcome);
        let counts = outcome.is_some_and(|outcome| match outcome {
            Outcome::Completed(output) => report.error.is_none() && *output == report.output,
            Outcome::Failed { error, .. } => report.error.as_ref() == Some(error),
            Outcome::Expired { .. } => false,
        });
        let is_right = match (verdict, outcome) {
            (Told::Accepted | Told::Repeated, _) => counts,
            (Told::AfterDeadline { .. }, None | Some(Outcome::Expired { .. })) => true,
            (Told::AlreadyClosed { outcome: told }, Some(outcome)) => {
                !counts && *told == outcome.as_str()
            }
            _ => false,
        };
        if !is_right {
            let detail = format!("a result of {id} was judged {verdict:?}, and it is {outcome:?}");
            seen.broken(Invariant::AcknowledgedIsKept, detail);
        }
    }

    /// A client was told that it has started these.
    pub(crate) fn started(&self, ids: &[InvocationId]) {
        let seen = &mut *self.seen.lock();
        let is_known = |id: &&InvocationId| {
            let known = seen.oracle.newest(**id);
            known.is_some_and(|known| known.id == **id)
        };
        if let Some(id) = ids.iter().find(|id| !is_known(id)) {
            let detail = format!("{id} was said to be started, and is not in the log");
            seen.broken(Invariant::AcknowledgedIsKept, detail);
        }
    }

    /// A platform was told what was decided.
    pub(crate) fn decided(&self, action: &ActionState) {
        let Some(decision) = &action.decision else {
            return;
        };
        let mut seen = self.seen.lock();
        let before = seen.told.insert(action.id, decision.verdict);
        if before.is_some_and(|before| before != decision.verdict) {
            let detail = format!("two decisions were told about {}", action.id);
            seen.broken(Invariant::OneDecision, detail);
        }
    }

    /// Ids of everything that has a secret.
    fn ids(&self) -> BTreeSet<InvocationId> {
        let seen = self.seen.lock();
        seen.oracle.invocations().map(|one| one.id).collect()
    }
}
