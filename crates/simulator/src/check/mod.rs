//! Looks at everything that happens and says which invariant it breaks.
//!
//! What comes into the log is checked as it comes (`watch`, `requests`), calls as they begin and
//! end (`calls`, `spared`), that all this is in time (`pace`) unless something was wrong on
//! purpose (`troubles`), what anybody is told (`answers`, `lists`), the rest when the world has
//! come to rest (`rest`), and secrets in all that can be read (`secrets`).
//! `oracle` folds the log with the core, `referee` says without it how things have to end.
//! Every finding names its invariant by the id of `triggerfish_core::invariant`.

mod answers;
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
mod troubles;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use triggerfish_core::{
    InvocationId, SubscriptionId, Timestamp,
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
use troubles::Troubles;

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
    /// When which of its calls was answered last, and to whom.
    answered: BTreeMap<(InvocationId, u32), (u64, Life)>,
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
    troubles: Troubles,
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

    /// A process is over.
    pub(crate) fn over(&self, by: &Life) {
        self.seen.lock().guards.over(&by.name());
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

    /// Ids of everything that has a secret.
    fn ids(&self) -> BTreeSet<InvocationId> {
        let seen = self.seen.lock();
        seen.oracle.invocations().map(|one| one.id).collect()
    }
}
