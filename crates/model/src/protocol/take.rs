//! What each step does.

use triggerfish_core::Effect;

use super::Protocol;
use crate::{Clock, Completion, Memory, Record, Rule, State, Step, Transaction, View};

impl Memory {
    /// What a worker knows that has just restored its view.
    pub(super) fn at(generation: u8, view: View, end: usize, committed: usize) -> Self {
        Self {
            generation,
            view,
            end,
            committed,
            outputs: Vec::new(),
            in_flight: None,
            called: 0,
            reported: false,
        }
    }
}

impl Protocol {
    pub(super) fn take(&self, state: &mut State, step: Step) {
        match step {
            Step::Request => {
                state.intake = false;
                state.log.push(Record::Requested, self.without);
            }
            Step::LoseRequest => state.intake = false,
            Step::Repeat(offset) => {
                state.repeats += 1;
                let record = state.log.records()[offset];
                state.log.push(record, self.without);
            }
            Step::PostCallback => {
                state.callbacks += 1;
                let (number, at) = (state.callbacks, state.now);
                state
                    .log
                    .push(Record::CompletionReported { number, at }, self.without);
            }
            Step::PassDeadline => state.now = Clock::AfterDeadline,
            Step::Assign(worker) => assign(state, worker),
            Step::HearOfLoss(worker) => drop_memory(state, worker),
            Step::Crash(worker) => crash(state, worker),
            Step::LoseDisk(worker) => {
                state.faults += 1;
                state.workers[worker].saved = View::default();
            }
            Step::Abort(worker) => state.workers[worker].transaction = None,
            Step::Restore(worker) => self.restore(state, worker),
            Step::Fold(worker) => self.fold(state, worker),
            Step::Call(worker) => call(state, worker),
            Step::Report(worker, reply) => {
                let in_flight = member(state, worker).in_flight.take();
                let attempt = in_flight.expect("only a call that is under way is reported");
                let at = state.now;
                state
                    .log
                    .push(Record::AttemptReported { attempt, reply, at }, self.without);
            }
            Step::ReportDeadline(worker) => {
                member(state, worker).reported = true;
                state.log.push(Record::DeadlinePassed, self.without);
            }
            Step::Offer(worker) => self.offer(state, worker),
            Step::Commit(worker) => commit(state, worker),
            Step::Save(worker) => {
                let view = member(state, worker).view.clone();
                state.workers[worker].saved = view;
                state.workers[worker].saves += 1;
            }
        }
    }

    /// The saved view is folded to the committed position; one that is ahead of it is wiped.
    fn restore(&self, state: &mut State, worker: usize) {
        let committed = state.group.committed;
        let mut view = state.workers[worker].saved.clone();
        if view.position > committed && self.keeps(Rule::CommitFirst) {
            view = View::default();
            state.workers[worker].saved = View::default();
        }
        while view.position < committed {
            view.fold(state.log.records()[view.position], self.without);
        }
        let known = committed.max(view.position);
        let memory = Memory::at(state.group.generation, view, state.log.len(), known);
        state.workers[worker].memory = Some(memory);
    }

    fn fold(&self, state: &mut State, worker: usize) {
        let memory = state.workers[worker].memory.as_mut();
        let memory = memory.expect("only a member folds");
        let cause = memory.view.position;
        let record = state.log.records()[cause];
        let effects = memory.view.fold(record, self.without);
        if effects.contains(&Effect::EmitCompletion) {
            let outcome = memory.view.outcome().expect("a completion has an outcome");
            let outcome = outcome.clone();
            memory.outputs.push(Completion { outcome, cause });
        }
    }

    /// Everything folded so far goes into one transaction. The group takes a position only
    /// from a member of its generation; who is refused has heard of its loss. Without the rule
    /// of one transaction the records can be read at once.
    fn offer(&self, state: &mut State, worker: usize) {
        if state.is_zombie(worker) && self.keeps(Rule::Fencing) {
            return drop_memory(state, worker);
        }
        let memory = member(state, worker);
        let position = memory.view.position;
        let mut records = std::mem::take(&mut memory.outputs);
        if !self.keeps(Rule::OneTransaction) {
            state.completions.append(&mut records);
        }
        state.workers[worker].transaction = Some(Transaction { records, position });
    }
}

fn commit(state: &mut State, worker: usize) {
    let transaction = state.workers[worker].transaction.take();
    let transaction = transaction.expect("only an open transaction is committed");
    state.completions.extend(transaction.records);
    state.group.committed = transaction.position;
    member(state, worker).committed = transaction.position;
}

fn member(state: &mut State, worker: usize) -> &mut Memory {
    let memory = state.workers[worker].memory.as_mut();
    memory.expect("only a member does this")
}

/// The group gives the partition to `worker`. From an owner that is alive it does so only
/// when that one has been silent for too long: a fault.
fn assign(state: &mut State, worker: usize) {
    if let Some(before) = state.group.owner {
        state.faults += 1;
        excuse_call_in_flight(state, before);
    }
    state.group.generation += 1;
    state.group.owner = Some(worker);
}

fn crash(state: &mut State, worker: usize) {
    state.faults += 1;
    if !state.is_zombie(worker) {
        excuse_call_in_flight(state, worker);
        state.group.owner = None;
    }
    drop_memory(state, worker);
}

/// The transaction stays: the brokers have it until somebody ends it.
fn drop_memory(state: &mut State, worker: usize) {
    state.workers[worker].memory = None;
}

/// A call whose report is not in the log may be made again by the next owner.
fn excuse_call_in_flight(state: &mut State, worker: usize) {
    let memory = state.workers[worker].memory.as_ref();
    if let Some(attempt) = memory.and_then(|memory| memory.in_flight) {
        state.excused[attempt as usize - 1] += 1;
    }
}

fn call(state: &mut State, worker: usize) {
    let memory = member(state, worker);
    let attempt = memory.view.owed_call().unwrap_or(1);
    memory.in_flight = Some(attempt);
    memory.called = attempt;
    state.calls[attempt as usize - 1] += 1;
    let mut asked = state.log.rebuilding().map(View::owed_call);
    state.uncaused |= !asked.any(|asked| asked == Some(attempt));
}
