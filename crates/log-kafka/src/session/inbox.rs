//! What has come for a session and was not polled yet.

use std::collections::{HashSet, VecDeque};
use std::future::Future;

use parking_lot::Mutex;
use tokio::sync::Notify;
use triggerfish_log::{Assigned, Limit, LogError, Partition, Polled, Record, Revoking};

use crate::reader::payload_bytes;

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

    pub(super) fn deliver(&self, record: Record) {
        let mut state = self.state.lock();
        state.bytes += payload_bytes(&record);
        state.records.push_back(record);
        drop(state);
        self.came.notify_one();
    }

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

    pub(super) fn lost(&self, partitions: Vec<Partition>) {
        self.released(&partitions);
        self.event(Event::Lost(partitions));
    }

    /// The session is over.
    pub(super) fn fence(&self, reason: &str) {
        self.state.lock().fenced.get_or_insert(reason.to_owned());
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

    /// Takes out the records of these partitions.
    pub(super) fn forget_records(&self, partitions: &[Partition]) {
        let mut state = self.state.lock();
        state
            .records
            .retain(|record| !partitions.contains(&record.partition));
        state.bytes = state.records.iter().map(payload_bytes).sum();
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
    fn take_records(&mut self, limit: Limit) -> Vec<Record> {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        if self.paused.is_empty() {
            while let Some(record) = self.records.front() {
                let size = payload_bytes(record);
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
                let size = payload_bytes(&record);
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
