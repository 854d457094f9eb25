//! What has come for a session and was not polled yet.

use std::collections::{HashSet, VecDeque};
use std::future::Future;

use parking_lot::Mutex;
use tokio::sync::Notify;
use triggerfish_log::{Assigned, Limit, LogError, Offset, Partition, Polled, Record, Revoking};

/// Above either the thread takes no more from the consumer.
const RECORDS_MAX: usize = 20_000;
const BYTES_MAX: usize = 32 << 20;

#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    came: Notify,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    records: VecDeque<Record>,
    bytes: usize,
    paused: HashSet<Partition>,
    /// Partitions whose assignment has been polled and that are not lost: only for these may
    /// the session commit. One that was lost and gained again is not among them until the
    /// session knows of both.
    known: HashSet<Partition>,
    fenced: Option<String>,
    /// Nothing comes any more: the thread has ended.
    closed: bool,
}

enum Event {
    Assigned(Vec<Assigned>),
    Revoking(Revoking),
    Lost(Vec<Partition>),
}

impl Inbox {
    /// Ends when something comes. Ask for it before looking.
    pub(super) fn came(&self) -> impl Future<Output = ()> + '_ {
        self.came.notified()
    }

    /// The next thing for the session. Events first: records that came before them are of
    /// partitions that stay, or they would have been taken out.
    pub(super) fn take(&self, limit: Limit) -> Result<Option<Polled>, LogError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(super::gone());
        }
        if let Some(reason) = &state.fenced {
            return Err(LogError::Fenced {
                reason: reason.clone(),
            });
        }
        if let Some(event) = state.events.pop_front() {
            return Ok(Some(match event {
                Event::Assigned(assigned) => {
                    let gained = assigned.iter().map(|assigned| assigned.partition);
                    state.known.extend(gained);
                    Polled::Assigned(assigned)
                }
                Event::Revoking(revoking) => Polled::Revoking(revoking),
                Event::Lost(partitions) => Polled::Lost(partitions),
            }));
        }
        let records = state.take_records(limit);
        Ok((!records.is_empty()).then_some(Polled::Records(records)))
    }

    pub(super) fn deliver(&self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        state.bytes += records.iter().map(Record::payload_bytes).sum::<usize>();
        state.records.extend(records);
        drop(state);
        self.came.notify_one();
    }

    /// What the group gave, which may be nothing.
    pub(super) fn assigned(&self, assigned: Vec<Assigned>) {
        self.event(Event::Assigned(assigned));
    }

    pub(super) fn revoking(&self, revoking: Revoking) {
        self.forget_records(&revoking.partitions);
        self.event(Event::Revoking(revoking));
    }

    /// The partitions have been given up.
    pub(super) fn released(&self, partitions: &[Partition]) {
        self.forget_records(partitions);
        let mut state = self.state.lock();
        for partition in partitions {
            state.paused.remove(partition);
            state.known.remove(partition);
        }
    }

    /// The partitions are gone. What the session has not been told of it need not be told of:
    /// with an assignment that is over it could only do wrong.
    pub(super) fn lost(&self, partitions: &[Partition]) {
        self.released(partitions);
        let unheard = self.state.lock().take_unheard(partitions);
        let heard = partitions.iter().filter(|p| !unheard.contains(p));
        let heard: Vec<_> = heard.copied().collect();
        if !heard.is_empty() {
            self.event(Event::Lost(heard));
        }
    }

    /// The session is over.
    pub(super) fn fence(&self, reason: &str) {
        self.state.lock().fenced.get_or_insert(reason.to_owned());
        self.came.notify_one();
    }

    /// The thread has ended.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.came.notify_one();
    }

    pub(super) fn fenced(&self) -> Option<String> {
        self.state.lock().fenced.clone()
    }

    pub(super) fn knows(&self, partition: Partition) -> bool {
        self.state.lock().known.contains(&partition)
    }

    pub(super) fn pause(&self, partitions: &[Partition]) {
        self.state.lock().paused.extend(partitions);
    }

    pub(super) fn resume(&self, partitions: &[Partition]) {
        let mut state = self.state.lock();
        for partition in partitions {
            state.paused.remove(partition);
        }
        drop(state);
        self.came.notify_one();
    }

    pub(super) fn is_paused(&self, partition: Partition) -> bool {
        self.state.lock().paused.contains(&partition)
    }

    /// The first record of `partition` that waits.
    pub(super) fn first(&self, partition: Partition) -> Option<Offset> {
        let state = self.state.lock();
        let mut own = state.records.iter().filter(|r| r.partition == partition);
        own.next().map(|record| record.offset)
    }

    /// Takes out the records of these partitions.
    pub(super) fn forget_records(&self, partitions: &[Partition]) {
        let mut state = self.state.lock();
        state
            .records
            .retain(|record| !partitions.contains(&record.partition));
        state.bytes = state.records.iter().map(Record::payload_bytes).sum();
    }

    pub(super) fn is_full(&self) -> bool {
        let state = self.state.lock();
        state.records.len() >= RECORDS_MAX || state.bytes >= BYTES_MAX
    }

    /// Whether it is time to take more after it was full.
    pub(super) fn has_room(&self) -> bool {
        let state = self.state.lock();
        state.records.len() < RECORDS_MAX / 2 && state.bytes < BYTES_MAX / 2
    }

    fn event(&self, event: Event) {
        self.state.lock().events.push_back(event);
        self.came.notify_one();
    }
}

impl State {
    /// Takes back assignments and hand-overs of these partitions that were not polled yet.
    /// Returns the partitions whose assignment was among them.
    fn take_unheard(&mut self, partitions: &[Partition]) -> Vec<Partition> {
        let mut unheard = Vec::new();
        self.events.retain_mut(|event| match event {
            Event::Assigned(assigned) => {
                let (gone, stay): (Vec<_>, Vec<_>) = std::mem::take(assigned)
                    .into_iter()
                    .partition(|one| partitions.contains(&one.partition));
                unheard.extend(gone.iter().map(|one| one.partition));
                *assigned = stay;
                true
            }
            Event::Revoking(revoking) => {
                let mut leaving = revoking.partitions.iter();
                !leaving.all(|partition| partitions.contains(partition))
            }
            Event::Lost(_) => true,
        });
        unheard
    }

    fn take_records(&mut self, limit: Limit) -> Vec<Record> {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        if self.paused.is_empty() {
            while let Some(record) = self.records.front() {
                let size = record.payload_bytes();
                if !fits(&taken, bytes, size, limit) {
                    break;
                }
                bytes += size;
                taken.extend(self.records.pop_front());
            }
        } else {
            let mut held = VecDeque::with_capacity(self.records.len());
            // One that has to wait keeps those behind it waiting, or the order would go.
            let mut waiting = self.paused.clone();
            for record in self.records.drain(..) {
                let size = record.payload_bytes();
                if waiting.contains(&record.partition) || !fits(&taken, bytes, size, limit) {
                    waiting.insert(record.partition);
                    held.push_back(record);
                } else {
                    bytes += size;
                    taken.push(record);
                }
            }
            self.records = held;
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        taken
    }
}

fn fits(taken: &[Record], bytes: usize, size: usize, limit: Limit) -> bool {
    taken.is_empty() || (taken.len() < limit.records.get() && bytes + size <= limit.bytes.get())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const ONE: Partition = Partition(1);
    const TWO: Partition = Partition(2);

    fn assigned(partitions: &[Partition]) -> Vec<Assigned> {
        let one = |partition: &Partition| Assigned {
            partition: *partition,
            committed: None,
        };
        partitions.iter().map(one).collect()
    }

    fn polled(inbox: &Inbox) -> Option<Polled> {
        inbox.take(Limit::default()).unwrap()
    }

    #[test]
    fn an_assignment_that_is_over_is_not_told() {
        let inbox = Inbox::default();
        inbox.assigned(assigned(&[ONE, TWO]));
        inbox.revoking(Revoking::new(vec![ONE], Instant::now(), || {}));
        inbox.lost(&[ONE]);
        inbox.assigned(assigned(&[ONE]));
        let Some(Polled::Assigned(first)) = polled(&inbox) else {
            panic!("partition 2 is assigned");
        };
        assert_eq!(first, assigned(&[TWO]));
        assert!(!inbox.knows(ONE), "its later assignment was not polled yet");
        assert!(
            matches!(polled(&inbox), Some(Polled::Assigned(again)) if again == assigned(&[ONE]))
        );
        assert!(inbox.knows(ONE) && inbox.knows(TWO));
        assert!(polled(&inbox).is_none());
    }

    #[test]
    fn who_gets_nothing_is_told_so() {
        let inbox = Inbox::default();
        assert!(polled(&inbox).is_none(), "the group has not answered yet");
        let nothing = |polled| matches!(polled, Some(Polled::Assigned(none)) if none.is_empty());
        inbox.assigned(Vec::new());
        assert!(nothing(polled(&inbox)));
        inbox.assigned(assigned(&[ONE]));
        inbox.lost(&[ONE]);
        assert!(nothing(polled(&inbox)));
        assert!(polled(&inbox).is_none());
    }

    #[test]
    fn what_the_session_had_is_told_to_be_lost() {
        let inbox = Inbox::default();
        inbox.assigned(assigned(&[ONE]));
        assert!(matches!(polled(&inbox), Some(Polled::Assigned(_))));
        inbox.revoking(Revoking::new(vec![ONE], Instant::now(), || {}));
        inbox.lost(&[ONE]);
        assert!(matches!(polled(&inbox), Some(Polled::Lost(lost)) if lost == [ONE]));
        assert!(!inbox.knows(ONE) && polled(&inbox).is_none());
    }
}
