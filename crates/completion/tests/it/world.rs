//! A worker with the completion-consumer, and a clock that a test sets.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use triggerfish_api::ports::{Invocations as _, Unavailable, Verdict};
use triggerfish_completion::{CompletionConsumer, Status};
use triggerfish_core::{
    Action, ActionRequest, CompletionReport, FailurePolicy, InvocationId, InvocationKey, Mode,
    Observation, Origin, Part, Request, RetryPolicy, SubscriptionId, Timestamp, Timing,
    TriggerType, keys::ServerKeys,
};
use triggerfish_log::{Appender, EventLog, Limit, Offset, Partition, Reader, Record, Topic};
use triggerfish_log_embedded::{EmbeddedAppender, EmbeddedLog, EmbeddedOptions};
use triggerfish_ops::health::Readiness;
use triggerfish_peers::{OWNER, Peers, Process, join};
use triggerfish_registry::{Limits, Registry};
use triggerfish_runtime::{
    Clock, Error, Handle, Observer, Retention, Role, Topics, Worker, WorkerSettings,
};
use triggerfish_view::Settings;

pub(crate) const PARTITIONS: u32 = 2;
/// Of questions about actions.
pub(crate) const BUDGET: Duration = Duration::from_secs(5);
pub(crate) const LIFETIME: Duration = Duration::from_hours(1);
const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that stands where it was set.
#[derive(Debug)]
pub(crate) struct Hands(AtomicI64);

impl Hands {
    pub(crate) fn new() -> Arc<Self> {
        let start = Timestamp::from_millis(1_700_000_000_000);
        Arc::new(Self(AtomicI64::new(start.as_micros())))
    }

    pub(crate) fn wait(&self, duration: Duration) {
        self.0
            .store(self.now().after(duration).as_micros(), Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct World {
    folder: TempDir,
    pub(crate) log: EmbeddedLog,
    pub(crate) topics: Topics,
    pub(crate) appender: EmbeddedAppender,
    pub(crate) clock: Arc<Hands>,
    pub(crate) registry: Registry,
    pub(crate) wake: Arc<Notify>,
}

pub(crate) struct Running {
    pub(crate) handle: Handle,
    stop: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    /// As `kill -9` would.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    /// Ends by itself.
    pub(crate) async fn ended(self) -> Result<(), Error> {
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.expect("it ends").unwrap()
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.expect("a drain ends").unwrap().unwrap();
    }
}

/// What an invocation is like.
pub(crate) struct Asked {
    pub(crate) partition: u16,
    pub(crate) key: u64,
    pub(crate) trigger: &'static str,
    pub(crate) subscription: SubscriptionId,
    pub(crate) mode: Mode,
    /// How large the input is, about.
    pub(crate) input_bytes: usize,
}

impl Asked {
    pub(crate) fn new(partition: u16, key: u64) -> Self {
        Self {
            partition,
            key,
            trigger: "test:request-response",
            subscription: SubscriptionId(uuid::Uuid::from_u128(1)),
            mode: Mode::Async,
            input_bytes: 0,
        }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = EmbeddedOptions::new(folder.path().join("log"));
        let log = EmbeddedLog::open(options).await.unwrap();
        let topics = Topics::with_prefix("");
        let retention = Retention {
            log: Duration::from_hours(24),
            outputs: Duration::from_hours(24),
        };
        log.ensure_topics(&topics.specs(PARTITIONS, retention))
            .await
            .unwrap();
        let appender = log.open_appender("test".into()).await.unwrap();
        let limits = Limits::new(Duration::from_hours(24), Arc::new(|_| Ok(())));
        let registry = Registry::open(&log, topics.registry.clone(), keys(1), limits)
            .await
            .unwrap();
        Self {
            folder,
            log,
            topics,
            appender,
            clock: Hands::new(),
            registry,
            wake: Arc::new(Notify::new()),
        }
    }

    pub(crate) async fn worker<A: Appender>(&self, appender: A) -> Running {
        self.worker_of("triggerfish", appender).await
    }

    /// A completion-consumer of this group that owns everything.
    pub(crate) async fn worker_of<A: Appender>(&self, group: &str, appender: A) -> Running {
        let consumer = self.role(appender);
        let running = self.member("a", group, vec![consumer]).await;
        eventually("all partitions run", async || {
            running.handle.snapshots().await.len() == PARTITIONS as usize
        })
        .await;
        running
    }

    pub(crate) fn views(&self) -> PathBuf {
        self.folder.path().join("views")
    }

    pub(crate) fn role<A: Appender>(&self, appender: A) -> Box<dyn Role> {
        Box::new(CompletionConsumer::new(
            self.topics.clone(),
            appender,
            Arc::clone(&self.clock) as Arc<dyn Clock>,
        ))
    }

    /// A worker of this name with a folder of its own, as a member of a group.
    pub(crate) async fn member(
        &self,
        name: &str,
        group: &str,
        roles: Vec<Box<dyn Role>>,
    ) -> Running {
        let settings = WorkerSettings {
            group: group.into(),
            instance: name.into(),
            writer: Some(name.into()),
            views: self.views().join(name),
            cluster: "test".into(),
            topics: self.topics.clone(),
            view: Settings {
                keep_completed: Duration::from_hours(100),
                keep_failed: Duration::from_hours(100),
                keep_callbacks: Duration::from_hours(100),
                cache_bytes: 4 << 20,
            },
            drain_timeout: Duration::from_secs(5),
            hand_over_wait: Duration::from_secs(5),
            stall_after: Duration::from_secs(30),
            commit_pause: Duration::ZERO,
        };
        let (worker, handle) = Worker::open(
            self.log.clone(),
            settings,
            self.clock.clone(),
            Readiness::new(),
            roles,
            Arc::clone(&self.wake),
        )
        .await
        .unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker.run(stop.clone()));
        Running { handle, stop, task }
    }

    /// Answers by `peers`.
    pub(crate) fn status_by(&self, peers: Peers) -> Status<EmbeddedLog> {
        Status::new(
            self.log.clone(),
            self.topics.clone(),
            peers,
            self.observer(),
            self.registry.clone(),
        )
    }

    /// Answers from the loop beside it, in a process that nobody else has heard of.
    pub(crate) async fn status(&self, running: &Running) -> Status<EmbeddedLog> {
        let process = Process {
            instance: "alone".to_owned(),
            roles: vec![OWNER.to_owned()],
            url: "http://127.0.0.1:1".to_owned(),
            version: "1".to_owned(),
        };
        let handle = Some(running.handle.clone());
        let clock = self.clock.clone();
        let joined = join(&self.log, &self.topics, process, handle, keys(1), clock);
        let (peers, _) = joined.await.unwrap();
        self.status_by(peers)
    }

    fn observer(&self) -> Observer<EmbeddedAppender> {
        let topic = self.topics.invocation_log.clone();
        Observer::new(self.appender.clone(), topic, self.clock.clone())
    }

    /// An invocation is asked for; the next one a millisecond later.
    pub(crate) async fn request(&self, asked: &Asked) -> InvocationId {
        let now = self.clock.now();
        let id = InvocationId::new(now, asked.partition, InvocationKey(asked.key));
        let request = Request {
            trigger_id: asked.trigger.into(),
            trigger_type: match asked.mode {
                Mode::FireAndForget => TriggerType::FireAndForget,
                _ => TriggerType::RequestResponse,
            },
            subscription_id: asked.subscription,
            subscription_name: "test".into(),
            origin: Origin::RealTime,
            mode: asked.mode,
            created: now,
            deadline: now.after(LIFETIME),
            retry: RetryPolicy::ONCE,
            ordering_key: None,
            input: format!("{{\"a\":\"{}\"}}", "x".repeat(asked.input_bytes)).into(),
            content_json: Bytes::from_static(b"{\"from\":\"test\"}"),
            depth: 0,
            traceparent: None,
            event_id: None,
            member: None,
        };
        self.observe(id, &Observation::Requested(Arc::new(request)))
            .await;
        self.clock.wait(Duration::from_millis(1));
        id
    }

    /// A platform asks before an action; nobody calls its so many callbacks.
    pub(crate) async fn ask(&self, partition: u16, key: u64, callbacks: u128) -> InvocationId {
        let now = self.clock.now();
        let id = InvocationId::new(now, partition, InvocationKey(key));
        let part = |n: u128| Part {
            callback: SubscriptionId(uuid::Uuid::from_u128(n)),
            name: format!("callback {n}").into(),
            expected_status: Some(200),
            timeout: BUDGET,
            policy: FailurePolicy::Deny,
        };
        let request = ActionRequest {
            timing: Timing::Before,
            object_type: "app".into(),
            action: Action::Created,
            object_id: Some("7".into()),
            user: None,
            origin: Origin::RealTime,
            input: Bytes::from_static(b"{}"),
            asked: now,
            deadline: now.after(BUDGET),
            depth: 0,
            depth_max: 4,
            correlation: Some(format!("key-{key}").into()),
            decided_by: None,
            traceparent: None,
            parts: (1..=callbacks).map(part).collect(),
        };
        let asked = Observation::ActionAsked(Arc::new(request));
        self.observe(id, &asked).await;
        self.clock.wait(Duration::from_millis(1));
        id
    }

    pub(crate) async fn observe(&self, id: InvocationId, observation: &Observation) -> Offset {
        self.observer().append(id, observation).await.unwrap()
    }

    pub(crate) async fn read_all(&self, topic: &Topic) -> Vec<Record> {
        let mut reader = self.log.open_reader().await.unwrap();
        let mut records = Vec::new();
        for partition in (0..PARTITIONS).map(Partition) {
            let mut from = Offset::ZERO;
            loop {
                let page = reader
                    .read(topic, partition, from, Limit::default())
                    .await
                    .unwrap();
                records.extend(page.records);
                from = page.next;
                if page.at_end {
                    break;
                }
            }
        }
        records
    }

    pub(crate) async fn completions(&self) -> Vec<serde_json::Value> {
        self.values(&self.topics.completions).await
    }

    pub(crate) async fn decisions(&self) -> Vec<serde_json::Value> {
        self.values(&self.topics.decisions).await
    }

    async fn values(&self, topic: &Topic) -> Vec<serde_json::Value> {
        let records = self.read_all(topic).await;
        let values = records.into_iter().filter_map(|record| record.value);
        values
            .map(|value| serde_json::from_slice(&value).unwrap())
            .collect()
    }
}

pub(crate) fn report(output: Option<&'static str>, error: Option<&str>) -> CompletionReport {
    CompletionReport {
        output: output.map(|json| Bytes::from_static(json.as_bytes())),
        error: error.map(Into::into),
    }
}

pub(crate) fn keys(byte: u8) -> ServerKeys {
    ServerKeys::new(&[vec![byte; 32]]).unwrap()
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

/// As the API does it: looks the invocation up, then reports.
pub(crate) async fn complete(
    status: &Status<EmbeddedLog>,
    id: InvocationId,
    report: CompletionReport,
) -> Result<Verdict, Unavailable> {
    match status.get(id).await? {
        Some(found) => status.complete(found, report).await,
        None => Ok(Verdict::Unknown),
    }
}
