//! The one thread that writes.
//!
//! It takes whatever waits, writes it as one group with one flush, and only then makes it
//! readable, in this order: records, positions, wake-ups, acknowledgements. When a write fails it
//! cannot know what is on disk, so it closes the log; opening it again finds out.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use triggerfish_log::{CommitError, Committed, LogError, Offset};

use crate::batch;
use crate::engine::Shared;
use crate::groups::Membership;
use crate::intake::{Append, Commit, Request, Run};
use crate::keys::BatchKey;
use crate::store::{Store, StoreError};
use crate::topics::{PartitionLog, Resident};

/// A group is not made larger than this, so that the first in it need not wait for long.
const GROUP_BYTES: usize = 8 << 20;
/// A batch is not made larger than this (save for a single record), so that a reader need not
/// load much for a few records.
const BATCH_BYTES: usize = 1 << 20;
/// A group of so many requests was made by a crowd, which has more to come.
const CROWD: usize = 16;
/// How long the group after such a one is waited for: a flush costs the same whatever is in it.
const GATHER: Duration = Duration::from_micros(200);

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) store: Arc<Store>,
    queue: Receiver<Request>,
    /// Batches in memory, oldest first.
    resident: VecDeque<(Arc<PartitionLog>, u64, usize)>,
    resident_bytes: usize,
    /// The last group was made by a crowd.
    is_crowded: bool,
    next_clean_up: Instant,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, store: Arc<Store>, queue: Receiver<Request>) -> Self {
        let next_clean_up = Instant::now() + shared.options.clean_up_every;
        Self {
            shared,
            store,
            queue,
            resident: VecDeque::new(),
            resident_bytes: 0,
            is_crowded: false,
            next_clean_up,
        }
    }

    /// Works until the log is closed or nobody is left who could ask for anything.
    pub(crate) fn run(mut self) {
        let done = loop {
            let wait = self.next_clean_up.saturating_duration_since(Instant::now());
            match self.queue.recv_timeout(wait) {
                Ok(first) => {
                    if self.is_crowded {
                        thread::sleep(GATHER);
                    }
                    if let Some(done) = self.take(first) {
                        break Some(done);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break None,
            }
            if Instant::now() >= self.next_clean_up {
                self.clean_up_by_the_way();
                self.next_clean_up = Instant::now() + self.shared.options.clean_up_every;
            }
        };
        drop(self);
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    /// Handles a request and what waits behind it. Returns whom to tell once the log is closed.
    fn take(&mut self, first: Request) -> Option<oneshot::Sender<()>> {
        let mut group = Pending::new();
        let mut next = Some(first);
        let mut other = None;
        while let Some(request) = next {
            match request {
                Request::Append(append) => group.append(append),
                Request::Commit(commit) => group.commit(commit, &self.shared),
                request => {
                    other = Some(request);
                    break;
                }
            }
            let room = group.bytes < GROUP_BYTES;
            next = if room {
                self.queue.try_recv().ok()
            } else {
                None
            };
        }
        self.write(group);
        match other? {
            Request::EnsureTopics(specs, done) => {
                let _ = done.send(self.ensure_topics(&specs));
            }
            Request::CleanUp(now_us, done) => {
                let _ = done.send(self.clean_up(now_us));
            }
            Request::Close(done) => return Some(done),
            Request::Append(_) | Request::Commit(_) => {}
        }
        None
    }

    fn write(&mut self, mut group: Pending) {
        self.is_crowded = group.requests() >= CROWD;
        if group.requests() == 0 {
            return;
        }
        let finished = self.shared.check().and_then(|()| {
            let batches = group.finish();
            self.write_batches(&group, &batches)?;
            Ok(batches)
        });
        match finished {
            Ok(batches) => {
                self.publish(batches);
                group.acknowledge(&self.shared);
            }
            Err(error) => group.refuse(&self.shared, &error),
        }
        self.compact_where_due(&group.parts);
    }

    fn write_batches(&self, group: &Pending, batches: &[Finished]) -> Result<(), LogError> {
        let mut write = self.store.group();
        for finished in batches {
            for batch in &finished.batches {
                let key = BatchKey {
                    topic: finished.log.topic_id,
                    partition: finished.log.partition.0,
                    next: batch.next,
                    base: batch.base,
                    timestamp_us: finished.timestamp_us,
                };
                write.put_batch(key, batch.batch.clone());
            }
        }
        for commit in &group.commits {
            for (partition, committed) in &commit.consumed {
                let name = commit.membership.group();
                write.put_position(name, commit.topic_id, *partition, committed);
            }
        }
        write.write().map_err(|e| self.failed("write records", &e))
    }

    /// The store can no longer vouch for anything: closes the log and says so to everybody.
    pub(crate) fn failed(&self, doing: &str, error: &StoreError) -> LogError {
        let reason = format!(
            "could not {doing}: {error}; see to the disk of {}, then start again",
            self.shared.options.folder.display()
        );
        tracing::error!(reason, "the log closes");
        self.shared.close(reason.clone());
        LogError::Closed { reason }
    }

    fn publish(&mut self, batches: Vec<Finished>) {
        for finished in batches {
            for batch in &finished.batches {
                self.resident_bytes += batch.batch.len();
                let entry = (finished.log.clone(), batch.base, batch.batch.len());
                self.resident.push_back(entry);
            }
            finished
                .log
                .publish(finished.batches.into_iter(), finished.timestamp_us);
            if let Some(topic) = self.shared.topics.find(&finished.log.topic) {
                topic.wake_watchers();
            }
        }
        while self.resident_bytes > self.shared.options.tail_bytes_max {
            let Some((log, base, bytes)) = self.resident.pop_front() else {
                break;
            };
            log.evict(base);
            self.resident_bytes -= bytes;
        }
    }

    fn compact_where_due(&mut self, parts: &[Part]) {
        for part in parts {
            let compacted = self.shared.topics.find(&part.log.topic);
            let compacted = compacted.is_some_and(|topic| topic.settings.read().compacted);
            if compacted
                && part
                    .log
                    .wants_compaction(self.shared.options.compact_after_bytes)
            {
                // A failure has closed the log already; the next request is told.
                let _ = self.compact(&part.log, now_us());
            }
        }
    }
}

impl Drop for Writer {
    /// However the thread ends, nobody is left waiting.
    fn drop(&mut self) {
        self.shared.close("it was closed, open it again".to_owned());
        self.shared.store.write().take();
    }
}

/// Microseconds since the Unix epoch.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// What goes into one write.
struct Pending {
    now_us: i64,
    parts: Vec<Part>,
    index: HashMap<(u32, u32), usize>,
    appends: Vec<(Append, Vec<Offset>)>,
    commits: Vec<PendingCommit>,
    bytes: usize,
}

struct PendingCommit {
    membership: Arc<Membership>,
    topic_id: u32,
    consumed: Vec<(u32, Committed)>,
    offsets: Vec<Offset>,
    done: oneshot::Sender<Result<Vec<Offset>, CommitError>>,
    #[expect(dead_code, reason = "held, not read")]
    room: OwnedSemaphorePermit,
}

/// The records of one partition.
struct Part {
    log: Arc<PartitionLog>,
    timestamp_us: i64,
    next: u64,
    full: Vec<Resident>,
    open: Option<OpenBatch>,
}

struct OpenBatch {
    base: u64,
    count: u32,
    bytes: BytesMut,
}

/// The batches of one partition, ready to be written.
struct Finished {
    log: Arc<PartitionLog>,
    timestamp_us: i64,
    batches: Vec<Resident>,
}

impl Pending {
    fn new() -> Self {
        Self {
            now_us: now_us(),
            parts: Vec::new(),
            index: HashMap::new(),
            appends: Vec::new(),
            commits: Vec::new(),
            bytes: 0,
        }
    }

    fn requests(&self) -> usize {
        self.appends.len() + self.commits.len()
    }

    fn append(&mut self, append: Append) {
        let bases = append.runs.iter().map(|run| self.place(run)).collect();
        self.appends.push((append, bases));
    }

    fn commit(&mut self, commit: Commit, shared: &Shared) {
        if let Err(reason) = shared
            .groups
            .begin_commit(&commit.membership, &commit.consumed)
        {
            let _ = commit.done.send(Err(CommitError::Fenced { reason }));
            return;
        }
        let offsets = commit.runs.iter().map(|run| self.place(run)).collect();
        self.commits.push(PendingCommit {
            membership: commit.membership,
            topic_id: commit.topic_id,
            consumed: commit.consumed,
            offsets,
            done: commit.done,
            room: commit.room,
        });
    }

    /// Adds a run to its partition and returns the offset of its first record.
    fn place(&mut self, run: &Run) -> Offset {
        let key = (run.log.topic_id, run.log.partition.0);
        let index = *self.index.entry(key).or_insert_with(|| {
            self.parts.push(Part::new(run.log.clone(), self.now_us));
            self.parts.len() - 1
        });
        self.bytes += run.bytes.len();
        self.parts[index].add(run)
    }

    fn finish(&mut self) -> Vec<Finished> {
        self.parts.iter_mut().map(Part::finish).collect()
    }

    fn acknowledge(&mut self, shared: &Shared) {
        for commit in self.commits.drain(..) {
            shared
                .groups
                .finish_commit(&commit.membership, commit.consumed, true);
            let _ = commit.done.send(Ok(commit.offsets));
        }
        for (append, bases) in self.appends.drain(..) {
            let _ = append.done.send(Ok(bases));
        }
    }

    fn refuse(&mut self, shared: &Shared, error: &LogError) {
        let reason = error.to_string();
        for commit in self.commits.drain(..) {
            shared
                .groups
                .finish_commit(&commit.membership, commit.consumed, false);
            let _ = commit.done.send(Err(CommitError::Unknown {
                reason: reason.clone(),
            }));
        }
        for (append, _) in self.appends.drain(..) {
            let _ = append.done.send(Err(LogError::Closed {
                reason: reason.clone(),
            }));
        }
    }
}

impl Part {
    fn new(log: Arc<PartitionLog>, now_us: i64) -> Self {
        let extent = log.extent();
        // A clock that is set back must not make records look older than those before them.
        let timestamp_us = now_us.max(extent.last_timestamp_us);
        Self {
            log,
            timestamp_us,
            next: extent.end,
            full: Vec::new(),
            open: None,
        }
    }

    fn add(&mut self, run: &Run) -> Offset {
        let first = Offset(self.next);
        let open = self.open.as_ref().map_or(0, |open| open.bytes.len());
        if open + run.bytes.len() <= BATCH_BYTES {
            let count = u32::try_from(run.ends.len()).expect("a megabyte of records");
            self.extend(&run.bytes, count);
            return first;
        }
        let mut start = 0;
        for &end in &run.ends {
            if self
                .open
                .as_ref()
                .is_some_and(|o| o.bytes.len() + end - start > BATCH_BYTES)
            {
                self.seal();
            }
            self.extend(&run.bytes[start..end], 1);
            start = end;
        }
        first
    }

    fn extend(&mut self, records: &[u8], count: u32) {
        let (base, timestamp_us) = (self.next, self.timestamp_us);
        let open = self.open.get_or_insert_with(|| OpenBatch {
            base,
            count: 0,
            bytes: batch::begin(base, timestamp_us, records.len()),
        });
        open.bytes.extend_from_slice(records);
        open.count += count;
        self.next += u64::from(count);
    }

    fn seal(&mut self) {
        if let Some(mut open) = self.open.take() {
            batch::set_count(&mut open.bytes, open.count);
            self.full.push(Resident {
                base: open.base,
                next: self.next,
                batch: open.bytes.freeze(),
            });
        }
    }

    fn finish(&mut self) -> Finished {
        self.seal();
        Finished {
            log: self.log.clone(),
            timestamp_us: self.timestamp_us,
            batches: std::mem::take(&mut self.full),
        }
    }
}
