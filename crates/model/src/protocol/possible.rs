//! Which steps are possible.

use triggerfish_core::Invocation;

use super::Protocol;
use crate::{Clock, Memory, Reply, Rule, State, Step, Worker};

const WORKERS: [usize; 2] = [0, 1];

impl Protocol {
    /// What somebody is going to do as soon as it can be done.
    pub(super) fn regular(&self, state: &State, steps: &mut Vec<Step>) {
        if state.intake {
            steps.push(Step::Request);
        }
        if state.now == Clock::BeforeDeadline && !state.intake {
            steps.push(Step::PassDeadline);
        }
        for worker in WORKERS {
            self.of_member(state, worker, steps);
            self.of_absent(state, worker, steps);
        }
    }

    /// What may come or not.
    pub(super) fn optional(&self, state: &State, steps: &mut Vec<Step>) {
        if state.intake {
            steps.push(Step::LoseRequest);
        }
        if state.repeats < self.limits.repeats {
            steps.extend((0..state.log.len()).map(Step::Repeat));
        }
        let was_called = state.calls.iter().any(|times| *times > 0);
        if state.callbacks < self.limits.callbacks && was_called && !state.intake {
            steps.push(Step::PostCallback);
        }
        if state.faults < self.limits.faults {
            for worker in WORKERS {
                if state.workers[worker].memory.is_some() {
                    steps.push(Step::Crash(worker));
                } else if state.workers[worker].saved.position > 0 {
                    steps.push(Step::LoseDisk(worker));
                }
                let other_owns = state.group.owner == Some(1 - worker);
                if other_owns && state.workers[worker].memory.is_none() {
                    steps.push(Step::Assign(worker));
                }
            }
        }
    }

    fn of_member(&self, state: &State, worker: usize, steps: &mut Vec<Step>) {
        let Some(memory) = &state.workers[worker].memory else {
            return;
        };
        if state.is_zombie(worker) {
            steps.push(Step::HearOfLoss(worker));
        }
        if memory.view.position < state.log.len() {
            steps.push(Step::Fold(worker));
        }
        self.of_calls(state, worker, memory, steps);
        if state.workers[worker].transaction.is_some() {
            steps.push(Step::Commit(worker));
        } else if memory.view.position > memory.committed {
            steps.push(Step::Offer(worker));
        }
        let is_committed = memory.view.position <= memory.committed;
        let may_save = is_committed || !self.keeps(Rule::CommitFirst);
        let saves = state.workers[worker].saves < self.limits.saves;
        if saves && may_save && memory.view.position > state.workers[worker].saved.position {
            steps.push(Step::Save(worker));
        }
    }

    fn of_calls(&self, state: &State, worker: usize, memory: &Memory, steps: &mut Vec<Step>) {
        if memory.in_flight.is_some() {
            let replies = Reply::ALL.into_iter();
            let replies =
                replies.filter(|reply| self.limits.retries || *reply != Reply::Unavailable);
            steps.extend(replies.map(|reply| Step::Report(worker, reply)));
            return;
        }
        let unread = !self.keeps(Rule::ReadFromLog) && state.intake;
        let owed = memory.view.owed_call().or(unread.then_some(1));
        let has_caught_up = memory.view.position >= memory.end || !self.keeps(Rule::CatchUpFirst);
        let is_sure = !state.is_zombie(worker) || !self.keeps(Rule::Pulse);
        if owed.is_some_and(|attempt| attempt > memory.called) && has_caught_up && is_sure {
            steps.push(Step::Call(worker));
        }
        let is_open = memory.view.state.as_ref().is_some_and(Invocation::is_open);
        let is_late = state.now == Clock::AfterDeadline && !memory.reported;
        if is_open && is_late && has_caught_up && !state.is_zombie(worker) {
            steps.push(Step::ReportDeadline(worker));
        }
    }

    /// A process that is no member begins by ending what it left behind, then waits for the
    /// partition.
    fn of_absent(&self, state: &State, worker: usize, steps: &mut Vec<Step>) {
        let Worker {
            memory,
            transaction,
            ..
        } = &state.workers[worker];
        if memory.is_some() {
            return;
        }
        if transaction.is_some() {
            steps.push(Step::Abort(worker));
            return;
        }
        if state.group.owner.is_none() {
            steps.push(Step::Assign(worker));
        }
        let is_stable = !state.is_unstable() || !self.keeps(Rule::StablePosition);
        if state.group.owner == Some(worker) && is_stable {
            steps.push(Step::Restore(worker));
        }
    }
}
