//! What there is at one moment: the log, the group, the results, two workers.

use triggerfish_core::Outcome;

use crate::{Clock, Log, View};

/// The whole system at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The time everybody has.
    pub now: Clock,
    /// The request is in the hands of a producer and not in the log yet.
    pub intake: bool,
    /// The partition of the invocation log.
    pub log: Log,
    /// Who owns the partition, and how far the group has come.
    pub group: Group,
    /// The topic of completions, as `read_committed` shows it.
    pub completions: Vec<Completion>,
    /// The two processes.
    pub workers: [Worker; 2],
    /// How often the subscriber was called for each attempt.
    pub calls: [u8; 2],
    /// How often a call of each attempt was in flight when its process died or lost the
    /// partition.
    pub excused: [u8; 2],
    /// Whether a call was made that nothing in the log asked for.
    pub uncaused: bool,
    /// What went wrong so far.
    pub faults: u8,
    /// How often an append was repeated.
    pub repeats: u8,
    /// How often the subscriber posted a result.
    pub callbacks: u8,
}

/// What the group knows of its members.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// Grows with every change of the owner.
    pub generation: u8,
    /// Who owns the partition.
    pub owner: Option<usize>,
    /// The committed position.
    pub committed: usize,
}

/// A record of the topic of completions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// How the invocation ended.
    pub outcome: Outcome,
    /// The offset of the record that closed it.
    pub cause: usize,
}

impl std::hash::Hash for Completion {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        (self.outcome.as_str(), self.outcome.output(), self.cause).hash(hasher);
    }
}

/// A process, its disk, and its transaction at the brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Worker {
    /// What is lost with the process; `None` while it is no member.
    pub memory: Option<Memory>,
    /// The view as it was saved last.
    pub saved: View,
    /// How often it was saved.
    pub saves: u8,
    /// What it has begun to write to the topic of completions. Outlives the process.
    pub transaction: Option<Transaction>,
}

/// What a worker knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The generation in which it was given the partition.
    pub generation: u8,
    /// The live view.
    pub view: View,
    /// The end that the log had at the restore.
    pub end: usize,
    /// The position of which it knows that it is committed.
    pub committed: usize,
    /// Completions that wait for the next commit.
    pub outputs: Vec<Completion>,
    /// The call that is under way, its report not in the log yet.
    pub in_flight: Option<u32>,
    /// The last call that it began.
    pub called: u32,
    /// Whether it has reported the deadline.
    pub reported: bool,
}

/// Records and a position that are to become visible together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// The completions.
    pub records: Vec<Completion>,
    /// The position that goes with them. The group has accepted it.
    pub position: usize,
}

impl State {
    /// Whether the worker believes to own the partition and is wrong.
    #[must_use]
    pub fn is_zombie(&self, worker: usize) -> bool {
        let memory = self.workers[worker].memory.as_ref();
        memory.is_some_and(|memory| memory.generation != self.group.generation)
    }

    /// Whether a transaction may still move the committed position.
    #[must_use]
    pub fn is_unstable(&self) -> bool {
        self.workers
            .iter()
            .any(|worker| worker.transaction.is_some())
    }

    /// Grows with every step, so no history goes on for ever: each comes to an end where
    /// nothing is left to do. What comes first in it weighs more.
    #[must_use]
    pub fn rank(&self) -> [usize; 11] {
        let sum = |of: fn(&Worker) -> usize| self.workers.iter().map(of).sum::<usize>();
        let membership = (0..self.workers.len()).map(|worker| {
            let has = &self.workers[worker];
            match (&has.memory, &has.transaction) {
                (Some(_), _) if self.is_zombie(worker) => 0,
                (None, Some(_)) => 1,
                (None, None) => 2,
                (Some(_), _) => 3,
            }
        });
        let known = |of: fn(&Memory) -> usize| {
            let memories = self
                .workers
                .iter()
                .filter_map(|worker| worker.memory.as_ref());
            memories.map(of).sum()
        };
        [
            usize::from(self.faults),
            usize::from(self.group.generation),
            usize::from(self.now == Clock::AfterDeadline) + usize::from(!self.intake),
            usize::from(self.callbacks) + usize::from(self.repeats),
            self.log.len(),
            self.calls.iter().map(|times| usize::from(*times)).sum(),
            membership.sum(),
            known(|memory| memory.view.position),
            known(|memory| memory.committed),
            sum(|worker| usize::from(worker.transaction.is_some())),
            sum(|worker| worker.saved.position),
        ]
    }
}
