//! A log, a registry with a trigger, and a producer on them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use triggerfish_api::ports::{Start, StartIdentity, StartInput, Workers as _};
use triggerfish_core::{
    ActionRequest, InvocationId, Observation, Origin, Request, RetryPolicy, SubscriptionId,
    Timestamp, Timing, Trigger, TriggerType,
    fan_out::Defaults,
    keys::ServerKeys,
    subscription::{AuthenticationType, HttpConfig, SubscriptionType},
};
use triggerfish_log::{
    Appender, EventLog, Limit, LogError, NewRecord, Offset, Partition, Reader, Record, Topic,
    TopicSpec,
};
use triggerfish_log_embedded::{EmbeddedAppender, EmbeddedLog, EmbeddedOptions};
use triggerfish_ops::health::Readiness;
use triggerfish_peers::{OWNER, Peers, Process, join};
use triggerfish_producer::{
    ActionIntake, ActionSettings, Content, Gate, Ingest, Intake, IntakeSettings, Intakes,
    PartitionWatch, Upstream, UpstreamSettings,
};
use triggerfish_registry::{
    CallbackSettings, Growth, Limits, NewCallback, NewSubscription, Registry, Settings,
};
use triggerfish_runtime::{
    Clock as _, DeadLetter, Handle, Retention, SystemClock, Topics, Worker, WorkerSettings,
};
use triggerfish_wire::envelope;

pub(crate) const TRIGGER: &str = "acme:happened";
pub(crate) const PARTITIONS: u16 = 2;
pub(crate) const DEPTH_MAX: u32 = 3;
pub(crate) const EVENT_BYTES_MAX: usize = 2_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// A reader of events.
pub(crate) struct Reading {
    task: JoinHandle<Result<(), LogError>>,
    stop: CancellationToken,
}

impl Reading {
    /// Kills it.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    /// Ends it in good order.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// Appends some of what it is told, and keeps the rest waiting.
#[derive(Clone)]
pub(crate) struct Faulty {
    appender: EmbeddedAppender,
    /// Errors of the next appends.
    pub(crate) errors: Arc<Mutex<VecDeque<LogError>>>,
    /// Whether appends get through.
    pub(crate) open: tokio::sync::watch::Sender<bool>,
}

impl Appender for Faulty {
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<(Partition, Offset)>, LogError> {
        let error = self.errors.lock().unwrap().pop_front();
        if let Some(error) = error {
            return Err(error);
        }
        let mut open = self.open.subscribe();
        open.wait_for(|open| *open).await.map(drop).unwrap();
        self.appender.append(records).await
    }
}

pub(crate) struct World {
    folder: TempDir,
    pub(crate) log: EmbeddedLog,
    pub(crate) topics: Topics,
    pub(crate) appender: Faulty,
    pub(crate) registry: Registry,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = EmbeddedOptions::new(folder.path().join("log"));
        options.record_bytes_max = 64 << 10;
        let log = EmbeddedLog::open(options).await.unwrap();
        let topics = Topics::with_prefix("");
        let retention = Retention {
            log: Duration::from_hours(24),
            outputs: Duration::from_hours(24),
        };
        log.ensure_topics(&topics.specs(u32::from(PARTITIONS), retention))
            .await
            .unwrap();
        let appender = Faulty {
            appender: log.open_appender("test".into()).await.unwrap(),
            errors: Arc::default(),
            open: tokio::sync::watch::channel(true).0,
        };
        let limits = Limits::new(Duration::from_hours(24), Arc::new(|_| Ok(())));
        let registry = Registry::open(&log, topics.registry.clone(), keys(), limits)
            .await
            .unwrap();
        let trigger = Trigger {
            id: TRIGGER.to_owned(),
            name: "Happened".to_owned(),
            trigger_type: TriggerType::FireAndForget,
            description: None,
            input_schema: r#"{"type":"object","required":["a"]}"#.to_owned(),
            example_input: r#"{"a":"example"}"#.to_owned(),
            output_schema: None,
            example_output: None,
        };
        registry.put_trigger(trigger).await.unwrap();
        let first = Growth {
            since: Timestamp::EPOCH,
            partitions: PARTITIONS,
        };
        registry.grow_partitions(first).await.unwrap();
        Self {
            folder,
            log,
            topics,
            appender,
            registry,
        }
    }

    pub(crate) async fn subscribe(&self, filter: Option<&str>, enabled: bool) -> SubscriptionId {
        let new = NewSubscription {
            trigger_id: TRIGGER.to_owned(),
            settings: Settings {
                name: "test".to_owned(),
                description: None,
                subscription_type: SubscriptionType::Http,
                response_deadline: None,
                http_config: Some(HttpConfig {
                    url: "https://example.com/hook".to_owned(),
                    http_dispatch_mode: None,
                    http_authentication_type: AuthenticationType::NoAuth,
                    basic_auth_config: None,
                    bearer_token_auth_config: None,
                }),
                event_bridge_config: None,
                enabled,
                filter: filter.map(str::to_owned),
                delivery: None,
            },
        };
        let made = self.registry.create_subscription(new).await.unwrap();
        made.subscription.id
    }

    /// Gives a subscription a filter that no version takes, past the registry's checks.
    pub(crate) async fn spoil_filter(&self, id: SubscriptionId) {
        let stored = self.read_all(&self.topics.registry, 1).await;
        let is_its = |record: &&Record| {
            let key = record.key.as_deref().unwrap_or_default();
            String::from_utf8_lossy(key).contains(&id.to_string())
        };
        let stored = stored.iter().rfind(is_its).unwrap();
        let mut value: serde_json::Value =
            serde_json::from_slice(stored.value.as_ref().unwrap()).unwrap();
        spoil(&mut value);
        let record = NewRecord {
            topic: self.topics.registry.clone(),
            partition: Partition(0),
            key: stored.key.clone(),
            value: Some(value.to_string().into()),
            headers: Vec::new(),
        };
        self.appender.append(vec![record]).await.unwrap();
        eventually("the fault is known", async || {
            let snapshot = self.registry.snapshot();
            snapshot
                .subscription(id)
                .is_some_and(|found| found.fault.is_some())
        })
        .await;
    }

    pub(crate) fn intake(&self) -> Intake {
        let settings = IntakeSettings {
            topic: self.topics.invocation_log.clone(),
            defaults: Defaults {
                fire_and_forget_retry: RetryPolicy::PERSISTENT,
                request_response_retry: RetryPolicy::ONCE,
                fire_and_forget_deadline: Duration::from_hours(10),
            },
            depth_max: DEPTH_MAX,
            event_bytes_max: EVENT_BYTES_MAX,
            keys: keys(),
        };
        Intake::new(self.registry.clone(), settings, Arc::new(SystemClock))
    }

    pub(crate) fn action_intake(&self) -> ActionIntake {
        let settings = ActionSettings {
            topic: self.topics.invocation_log.clone(),
            depth_max: DEPTH_MAX,
            entity_bytes_max: EVENT_BYTES_MAX,
            timeout: Duration::from_secs(5),
            budget: Duration::from_secs(5),
            budget_max: Duration::from_secs(10),
            after_within: Duration::from_hours(1),
        };
        ActionIntake::new(self.registry.clone(), settings, Arc::new(SystemClock))
    }

    fn intakes(&self) -> Intakes {
        Intakes {
            events: self.intake(),
            actions: self.action_intake(),
        }
    }

    /// A callback for apps that nobody will call.
    pub(crate) async fn call_back(&self, timing: Timing) {
        let http_config = HttpConfig {
            url: "https://receiver.example.com/".to_owned(),
            http_dispatch_mode: None,
            http_authentication_type: AuthenticationType::NoAuth,
            basic_auth_config: None,
            bearer_token_auth_config: None,
        };
        let settings = CallbackSettings {
            name: "receiver".to_owned(),
            description: None,
            http_config,
            expected_status: (timing == Timing::Before).then_some(200),
            request_headers: BTreeMap::new(),
            enabled: true,
            timeout_ms: Some(700),
            failure_policy: None,
        };
        let new = NewCallback {
            timing,
            object_type: "app".to_owned(),
            settings,
        };
        self.registry.create_callback(new).await.unwrap();
    }

    /// The invocation log gets more partitions; waits until they count.
    pub(crate) async fn grow(&self, partitions: u16) {
        self.grow_topics(partitions).await;
        let notice = Duration::from_millis(20);
        self.partition_watch(notice).record().await.unwrap();
        eventually("the growth counts", async || {
            let now = SystemClock.now();
            self.registry.snapshot().partitions_at(now) == Some(partitions)
        })
        .await;
    }

    /// The invocation log is to have more partitions in an hour, and has not got them yet.
    pub(crate) async fn announce_growth(&self, partitions: u16) {
        let since = SystemClock.now().after(Duration::from_hours(1));
        let growth = Growth { since, partitions };
        self.registry.grow_partitions(growth).await.unwrap();
    }

    pub(crate) async fn grow_topics(&self, partitions: u16) {
        let specs = self.specs(u32::from(partitions));
        self.log.ensure_topics(&specs).await.unwrap();
    }

    /// Somebody gives the invocation log more partitions, and nothing else.
    pub(crate) async fn grow_invocation_log(&self, partitions: u16) {
        let mut specs = self.specs(u32::from(partitions));
        specs.retain(|spec| spec.name == self.topics.invocation_log);
        self.log.ensure_topics(&specs).await.unwrap();
    }

    fn specs(&self, partitions: u32) -> Vec<TopicSpec> {
        let retention = Retention {
            log: Duration::from_hours(24),
            outputs: Duration::from_hours(24),
        };
        self.topics.specs(partitions, retention)
    }

    pub(crate) fn partition_watch(&self, notice: Duration) -> PartitionWatch<EmbeddedLog> {
        let mut results = self.specs(1);
        results.retain(|spec| spec.name == self.topics.completions);
        PartitionWatch::new(
            self.log.clone(),
            self.topics.invocation_log.clone(),
            results,
            self.registry.clone(),
            Arc::new(SystemClock),
            notice,
        )
    }

    /// A face for HTTP in a process that owns no partition.
    pub(crate) async fn ingest(&self) -> Ingest<Faulty> {
        let peers = self.peers().await;
        Ingest::new(self.intake(), self.appender.clone(), peers)
    }

    /// The one for questions about actions. Nobody calls callbacks here.
    pub(crate) async fn gate(&self) -> Gate<Faulty> {
        let peers = self.peers().await;
        Gate::new(self.action_intake(), self.appender.clone(), peers)
    }

    /// A process that owns no partition, and beside it the process with the fold that it
    /// asks.
    async fn peers(&self) -> Peers {
        let settings = WorkerSettings {
            group: "triggerfish".into(),
            instance: "a".into(),
            writer: Some("a".into()),
            views: self.folder.path().join("views"),
            cluster: "test".into(),
            topics: self.topics.clone(),
            view: triggerfish_view::Settings {
                keep_completed: Duration::from_hours(1),
                keep_failed: Duration::from_hours(1),
                keep_callbacks: Duration::from_hours(1),
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
            Arc::new(SystemClock),
            Readiness::new(),
            Vec::new(),
            Arc::new(Notify::new()),
        )
        .await
        .unwrap();
        tokio::spawn(worker.run(CancellationToken::new()));
        eventually("all partitions run", async || {
            handle.snapshots().await.len() == usize::from(PARTITIONS)
        })
        .await;
        self.join("owner", OWNER, Some(handle)).await;
        let producer = self.join("producer", "producer", None).await;
        eventually("the owner is known", async || {
            let workers = producer.living().into_iter();
            let shares = workers.map(|worker| worker.partitions.len());
            shares.sum::<usize>() == usize::from(PARTITIONS)
        })
        .await;
        producer
    }

    /// A process of this name that answers the others.
    async fn join(&self, name: &str, role: &str, handle: Option<Handle>) -> Peers {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let process = Process {
            instance: name.to_owned(),
            roles: vec![role.to_owned()],
            url: format!("http://{}", listener.local_addr().unwrap()),
            version: "1".to_owned(),
        };
        let clock = Arc::new(SystemClock);
        let joined = join(&self.log, &self.topics, process, handle, keys(), clock);
        let (peers, background) = joined.await.unwrap();
        let app = peers.router();
        tokio::spawn(async move { axum::serve(listener, app).await });
        tokio::spawn(background.run(CancellationToken::new()));
        peers
    }

    pub(crate) async fn upstream(&self) -> Reading {
        self.upstream_of("producers").await
    }

    pub(crate) async fn upstream_of(&self, group: &str) -> Reading {
        let settings = UpstreamSettings {
            group: group.into(),
            ..self.settings()
        };
        self.upstream_on(self.log.clone(), settings).await
    }

    pub(crate) fn settings(&self) -> UpstreamSettings {
        UpstreamSettings {
            group: "producers".into(),
            instance: "p".into(),
            topic: self.topics.trigger_events.clone(),
            content: Content::Events { trigger: None },
            dead_letters: self.topics.dead_letters.clone(),
            stall_after: Duration::from_secs(30),
        }
    }

    pub(crate) async fn upstream_on<L: EventLog>(
        &self,
        log: L,
        settings: UpstreamSettings,
    ) -> Reading {
        let upstream = Upstream::open(&log, self.appender.clone(), self.intakes(), settings).await;
        let stop = CancellationToken::new();
        let task = tokio::spawn(upstream.unwrap().run(stop.clone()));
        Reading { task, stop }
    }

    /// Somebody produces an event.
    pub(crate) async fn produce(&self, value: impl Into<Bytes>, headers: &[(&str, &str)]) {
        self.produce_to(&self.topics.trigger_events, None, value, headers)
            .await;
    }

    pub(crate) async fn produce_to(
        &self,
        topic: &Topic,
        key: Option<&[u8]>,
        value: impl Into<Bytes>,
        headers: &[(&str, &str)],
    ) {
        let header = |(name, value): &(&str, &str)| {
            let value = Bytes::copy_from_slice(value.as_bytes());
            ((*name).to_owned(), value)
        };
        let record = NewRecord {
            topic: topic.clone(),
            partition: Partition(0),
            key: key.map(Bytes::copy_from_slice),
            value: Some(value.into()),
            headers: headers.iter().map(header).collect(),
        };
        self.append(record).await;
    }

    pub(crate) async fn append(&self, record: NewRecord) {
        self.appender.appender.append(vec![record]).await.unwrap();
    }

    /// The dead letters so far.
    pub(crate) async fn letters(&self) -> Vec<DeadLetter> {
        let letters = self.read_all(&self.topics.dead_letters, 1).await;
        let read = |record| DeadLetter::read(record).expect("it is a letter");
        letters.iter().map(read).collect()
    }

    pub(crate) async fn read_all(&self, topic: &Topic, partitions: u16) -> Vec<Record> {
        let mut reader = self.log.open_reader().await.unwrap();
        let mut records = Vec::new();
        for partition in 0..u32::from(partitions) {
            let mut from = Offset::ZERO;
            loop {
                let page = reader
                    .read(topic, Partition(partition), from, Limit::default())
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

    /// What was asked about actions.
    pub(crate) async fn questions(&self) -> Vec<(InvocationId, Arc<ActionRequest>)> {
        let observed = self.observed().await.into_iter();
        let questions = observed.map(|(id, observation)| match observation {
            Observation::ActionAsked(request) => (id, request),
            other => panic!("not a question: {other:?}"),
        });
        questions.collect()
    }

    /// What was asked for, in log order within each partition.
    pub(crate) async fn requests(&self) -> Vec<(InvocationId, Arc<Request>)> {
        let observed = self.observed().await.into_iter();
        let requests = observed.map(|(id, observation)| match observation {
            Observation::Requested(request) => (id, request),
            other => panic!("not a request: {other:?}"),
        });
        requests.collect()
    }

    async fn observed(&self) -> Vec<(InvocationId, Observation)> {
        let partitions = self.log.partitions(&self.topics.invocation_log).await;
        let partitions = u16::try_from(partitions.unwrap()).unwrap();
        let records = self.read_all(&self.topics.invocation_log, partitions).await;
        let observed = records.into_iter().map(|record| {
            let (id, _, observation) = envelope::decode(record.value.unwrap()).unwrap();
            assert_eq!(u32::from(id.partition()), record.partition.0);
            (id, observation)
        });
        observed.collect()
    }
}

fn spoil(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if name == "filter" {
                    *value = "$[?(((".into();
                } else {
                    spoil(value);
                }
            }
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(spoil),
        _ => {}
    }
}

pub(crate) fn keys() -> ServerKeys {
    ServerKeys::new(&[vec![1; 32]]).unwrap()
}

/// A real event with this input.
pub(crate) fn start(input: &str) -> Start {
    Start {
        trigger_id: TRIGGER.to_owned(),
        input: StartInput::Json(Bytes::copy_from_slice(input.as_bytes())),
        content_json: Bytes::from_static(b"{\"c\":1}"),
        origin: Origin::RealTime,
        subscription_ids: None,
        identity: StartIdentity::Unique,
        time: None,
        ordering_key: None,
        depth: 0,
        traceparent: None,
        event_id: None,
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
