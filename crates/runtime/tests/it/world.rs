//! A log, workers on it, and a role that takes notes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use triggerfish_core::{
    CompletionReport, Effect, Invocation, InvocationId, InvocationKey, Mode, Observation, Origin,
    Request, RetryPolicy, SubscriptionId, Timestamp, TriggerType,
};
use triggerfish_log::{
    Appender, EventLog, Limit, NewRecord, Offset, Partition, Reader, Record, Topic,
};
use triggerfish_log_embedded::{EmbeddedAppender, EmbeddedLog, EmbeddedOptions};
use triggerfish_ops::health::Readiness;
use triggerfish_runtime::{
    Clock, Disk, Error, Handle, Retention, Role, SystemClock, Topics, Views, Worker,
    WorkerSettings, observation_record, verify,
};
use triggerfish_view::{Settings, View};

use crate::seams::Seams;

/// Short, so that a test of it ends soon; nothing else stands still for so long.
const STALL_AFTER: Duration = Duration::from_millis(800);
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const VIEW: Settings = Settings {
    keep_completed: Duration::from_hours(1),
    keep_failed: Duration::from_hours(1),
    keep_callbacks: Duration::from_hours(1),
    cache_bytes: 4 << 20,
};

/// What the role was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// With the position of the view.
    Opened(u32, u64),
    Applied(u32, InvocationKey),
    Released(u32),
}

#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<(&'static str, Note)>>>);

impl Notes {
    pub(crate) fn all(&self) -> Vec<(&'static str, Note)> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn has(&self, wanted: impl Fn(&(&'static str, Note)) -> bool) -> bool {
        self.0.lock().unwrap().iter().any(wanted)
    }
}

/// Emits a completion for each that is due, and takes notes.
struct Recorder {
    name: &'static str,
    notes: Notes,
    completions: Topic,
    stall: Arc<Mutex<Option<Duration>>>,
    has_stalled: bool,
    acts_after_stall: Arc<AtomicUsize>,
    is_busy: Arc<AtomicBool>,
}

impl Recorder {
    fn note(&self, note: Note) {
        self.notes.0.lock().unwrap().push((self.name, note));
    }
}

impl Role for Recorder {
    fn name(&self) -> &'static str {
        self.name
    }

    fn outputs(&mut self, invocation: &Invocation, effects: &[Effect], out: &mut Vec<NewRecord>) {
        if effects.contains(&Effect::EmitCompletion) {
            out.push(NewRecord {
                topic: self.completions.clone(),
                partition: Partition(u32::from(invocation.id.partition())),
                key: Some(Bytes::from(invocation.id.to_string())),
                value: Some(Bytes::from_static(b"{}")),
                headers: Vec::new(),
            });
        }
    }

    fn applied(&mut self, partition: Partition, invocation: &Invocation, _: &[Effect]) {
        self.note(Note::Applied(partition.0, invocation.id.key()));
    }

    fn opened(&mut self, partition: Partition, view: &mut View) {
        self.note(Note::Opened(partition.0, view.position()));
    }

    fn is_idle_for(&self, _: Partition) -> bool {
        !self.is_busy.load(Ordering::Relaxed)
    }

    fn released(&mut self, partition: Partition) {
        self.note(Note::Released(partition.0));
    }

    fn act(&mut self, _: Timestamp, views: &mut Views<'_>) -> Option<Timestamp> {
        if let Some(stall) = self.stall.lock().unwrap().take() {
            std::thread::sleep(stall);
            self.has_stalled = true;
        } else if self.has_stalled && views.iter().next().is_some() {
            self.acts_after_stall.fetch_add(1, Ordering::Relaxed);
        }
        // What is released is not shown any more.
        let notes = self.notes.0.lock().unwrap();
        for (partition, _) in views.iter() {
            let mine = notes.iter().rev().filter(|(name, _)| *name == self.name);
            let mut mine = mine.map(|(_, note)| note);
            let last = mine.find(|note| {
                matches!(note, Note::Opened(of, _) | Note::Released(of) if *of == partition.0)
            });
            assert!(
                matches!(last, Some(Note::Opened(..))),
                "{partition} is shown"
            );
        }
        None
    }

    fn drain(&mut self) {}

    fn is_idle(&self) -> bool {
        !self.is_busy.load(Ordering::Relaxed)
    }
}

pub(crate) struct World {
    folder: TempDir,
    pub(crate) log: Seams,
    pub(crate) topics: Topics,
    pub(crate) appender: EmbeddedAppender,
    pub(crate) notes: Notes,
    /// How long the loop stands still the next time it acts.
    pub(crate) stall: Arc<Mutex<Option<Duration>>>,
    /// How often it acted after that for a partition.
    pub(crate) acts_after_stall: Arc<AtomicUsize>,
    /// Whether something is under way for every partition.
    pub(crate) is_busy: Arc<AtomicBool>,
    /// Of workers that are opened from now on.
    pub(crate) commit_pause: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) hand_over_wait: Duration,
    /// Where the views of workers are to be, unless on the runtime's threads.
    pub(crate) disk: Option<Arc<dyn Disk>>,
    partitions: u32,
}

pub(crate) struct Running {
    pub(crate) handle: Handle,
    pub(crate) readiness: Readiness,
    stop: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    /// Waits until the worker is ready, or is not.
    pub(crate) async fn until_ready(&self, is_ready: bool) {
        let changed = async {
            while self.readiness.is_ready() != is_ready {
                tokio::task::yield_now().await;
            }
        };
        let changed = tokio::time::timeout(PATIENCE, changed).await;
        changed.expect("the readiness changes");
    }

    /// As `kill -9` would: no drain, no last save.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.expect("a drain ends").unwrap().unwrap();
    }
}

/// A clock that stands still.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

impl World {
    pub(crate) async fn new(partitions: u32) -> Self {
        Self::with_records_of(partitions, 1 << 20).await
    }

    pub(crate) async fn with_records_of(partitions: u32, bytes_max: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = EmbeddedOptions::new(folder.path().join("log"));
        options.record_bytes_max = bytes_max;
        // How long a hand-over lasts is up to the workers.
        options.hand_over = PATIENCE * 3;
        let log = EmbeddedLog::open(options).await.unwrap();
        let topics = Topics::with_prefix("");
        let retention = Retention {
            log: Duration::from_hours(24),
            outputs: Duration::from_hours(24),
        };
        log.ensure_topics(&topics.specs(partitions, retention))
            .await
            .unwrap();
        let appender = log.open_appender("test".into()).await.unwrap();
        Self {
            folder,
            log: Seams::new(log),
            topics,
            appender,
            notes: Notes::default(),
            stall: Arc::default(),
            acts_after_stall: Arc::default(),
            is_busy: Arc::default(),
            commit_pause: Duration::ZERO,
            drain_timeout: Duration::from_secs(5),
            hand_over_wait: PATIENCE,
            disk: None,
            partitions,
        }
    }

    pub(crate) fn views(&self, name: &str) -> PathBuf {
        self.folder.path().join("views").join(name)
    }

    /// A worker of this name, with a folder of its own.
    pub(crate) async fn worker(&self, name: &'static str) -> Running {
        let settings = WorkerSettings {
            group: "triggerfish".into(),
            instance: name.into(),
            writer: Some(name.into()),
            views: self.views(name),
            cluster: "test".into(),
            topics: self.topics.clone(),
            view: VIEW,
            drain_timeout: self.drain_timeout,
            hand_over_wait: self.hand_over_wait,
            stall_after: STALL_AFTER,
            commit_pause: self.commit_pause,
        };
        let role = Recorder {
            name,
            notes: self.notes.clone(),
            completions: self.topics.completions.clone(),
            stall: Arc::clone(&self.stall),
            has_stalled: false,
            acts_after_stall: Arc::clone(&self.acts_after_stall),
            is_busy: Arc::clone(&self.is_busy),
        };
        let readiness = Readiness::new();
        let (mut worker, handle) = Worker::open(
            self.log.clone(),
            settings,
            Arc::new(SystemClock),
            readiness.clone(),
            vec![Box::new(role)],
            Arc::new(Notify::new()),
        )
        .await
        .unwrap();
        if let Some(disk) = &self.disk {
            worker = worker.on_disk(Arc::clone(disk));
        }
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker.run(stop.clone()));
        Running {
            handle,
            readiness,
            stop,
            task,
        }
    }

    pub(crate) async fn observe(&self, id: InvocationId, observation: Observation) -> Offset {
        self.observe_at(SystemClock.now(), id, observation).await
    }

    async fn observe_at(
        &self,
        at: Timestamp,
        id: InvocationId,
        observation: Observation,
    ) -> Offset {
        let topic = &self.topics.invocation_log;
        let record = observation_record(topic, id, &At(at), &observation);
        self.append(record).await
    }

    pub(crate) async fn append(&self, record: NewRecord) -> Offset {
        let places = self.appender.append(vec![record]).await.unwrap();
        places[0].1
    }

    /// An invocation that is asked for.
    pub(crate) async fn request(&self, partition: u32, key: u64) -> InvocationId {
        self.request_at(SystemClock.now(), partition, key).await
    }

    /// The same, by a clock that shows `now`.
    pub(crate) async fn request_at(
        &self,
        now: Timestamp,
        partition: u32,
        key: u64,
    ) -> InvocationId {
        let partition = u16::try_from(partition).unwrap();
        let id = InvocationId::new(now, partition, InvocationKey(key));
        let request = Request {
            trigger_id: "test:trigger".into(),
            trigger_type: TriggerType::RequestResponse,
            subscription_id: SubscriptionId(uuid::Uuid::from_u128(1)),
            subscription_name: "test".into(),
            origin: Origin::RealTime,
            mode: Mode::Async,
            created: now,
            deadline: now.after(Duration::from_hours(1)),
            retry: RetryPolicy::ONCE,
            ordering_key: None,
            input: Bytes::from_static(b"{}"),
            content_json: Bytes::from_static(b"{}"),
            depth: 0,
            traceparent: None,
            event_id: None,
            member: None,
        };
        self.observe_at(now, id, Observation::Requested(Arc::new(request)))
            .await;
        id
    }

    pub(crate) async fn complete(&self, id: InvocationId) -> Offset {
        let report = CompletionReport {
            output: Some(Bytes::from_static(b"{\"ok\":true}")),
            error: None,
        };
        self.observe(id, Observation::CompletionReported(report))
            .await
    }

    /// Asks for `count` invocations and completes each.
    pub(crate) async fn complete_some(&self, partition: u32, keys: std::ops::Range<u64>) {
        for key in keys {
            let id = self.request(partition, key).await;
            self.complete(id).await;
        }
    }

    pub(crate) async fn read_all(&self, topic: &Topic, partition: u32) -> Vec<Record> {
        let mut reader = self.log.log.open_reader().await.unwrap();
        let (mut from, mut records) = (Offset::ZERO, Vec::new());
        loop {
            let page = reader
                .read(topic, Partition(partition), from, Limit::default())
                .await
                .unwrap();
            records.extend(page.records);
            if page.at_end {
                return records;
            }
            from = page.next;
        }
    }

    /// How many completions each invocation has.
    pub(crate) async fn completions(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for partition in 0..self.partitions {
            for record in self.read_all(&self.topics.completions, partition).await {
                let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
                *counts.entry(key).or_default() += 1;
            }
        }
        counts
    }

    /// Waits until `count` invocations have a completion; none may have two.
    pub(crate) async fn wait_for_completions(&self, count: usize) {
        eventually("all completions", async || {
            self.completions().await.len() >= count
        })
        .await;
        let counts = self.completions().await;
        assert_eq!(counts.len(), count);
        assert!(counts.values().all(|n| *n == 1), "twice: {counts:?}");
    }

    /// Compares the views of a worker that was stopped with a fold from the log.
    pub(crate) async fn digests(&self, name: &str) -> Vec<[u8; 32]> {
        let place = verify::Place {
            views: self.views(name),
            cluster: "test".into(),
            topics: self.topics.clone(),
            settings: VIEW,
        };
        let compared = verify::verify(&self.log, &place).await.unwrap();
        assert!(
            !compared.is_empty() && compared.iter().all(verify::Compared::is_equal),
            "{compared:?}"
        );
        compared.into_iter().map(|compared| compared.view).collect()
    }
}

/// Waits for a condition, with a deadline.
pub(crate) async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, holds).await;
    waited.unwrap_or_else(|_| panic!("not in time: {what}"));
}
