//! A process: everything that the program puts together, on the engine, the disk, the clock
//! and the network of the world.

use std::sync::Arc;
use std::time::Duration;

use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use triggerfish_completion::{CompletionConsumer, Status};
use triggerfish_core::{RetryPolicy, breaker::BreakerPolicy, fan_out::Defaults};
use triggerfish_delivery::{Caller, Options};
use triggerfish_dispatcher::{CallSettings, Calls, Dispatcher, Limits, Settings};
use triggerfish_log::EventLog as _;
use triggerfish_ops::health::Readiness;
use triggerfish_peers::{Background, OWNER, Peers, Process, join_over};
use triggerfish_producer::{
    ActionIntake, ActionSettings, Content, Gate, Ingest, Intake, IntakeSettings, Intakes, Upstream,
    UpstreamSettings,
};
use triggerfish_registry::Registry;
use triggerfish_runtime::{Clock, Handle, Observer, Role, Worker, WorkerSettings};

use crate::{
    cast,
    chance::Chance,
    check::{CONSUMERS, DISPATCHERS, WORKERS},
    clients::Door,
    clock::SimClock,
    disk::SimDisk,
    host::Host,
    life::Life,
    log::{SimAppender, SimLog},
    network::{ANSWER_BYTES_MAX, Network},
    peers::Among,
    plan::Layout,
    world::World,
};

/// What the log says that it is.
pub(crate) const CLUSTER: &str = "simulated";
/// Calls of one process that may be in flight.
pub(crate) const IN_FLIGHT: usize = 16;
/// Those of one subscription.
pub(crate) const IN_FLIGHT_OF_SUBSCRIPTION: usize = 3;
/// Those of one callback.
pub(crate) const IN_FLIGHT_OF_CALLBACK: usize = 8;
/// Calls in a row that fail, after which a subscriber is spared.
pub(crate) const FAILURES_TO_OPEN: u32 = 3;
/// For how many milliseconds it is, at first and at most.
pub(crate) const PAUSE: u64 = 1_000;
pub(crate) const PAUSE_MAX: u64 = 4_000;
/// How long a platform waits that does not say.
pub(crate) const BUDGET: Duration = Duration::from_secs(3);
/// How long the calls of a process that ends are waited for.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);
/// How long those of a partition that goes to another process.
pub(crate) const HAND_OVER_WAIT: Duration = Duration::from_secs(2);
/// Who takes events.
pub(crate) const PRODUCERS: &str = "producers";
/// Who takes questions.
pub(crate) const PRODUCERS_OF_ACTIONS: &str = "producers-object-events";
/// The base of callback URLs.
const PUBLIC_URL: &str = "https://triggerfish.example";
const HOUR: Duration = Duration::from_hours(1);

/// What one life of a process has.
pub(crate) struct Parts {
    pub(crate) life: Life,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) chance: Chance,
}

/// A process that runs.
pub(crate) struct Running {
    pub(crate) tasks: JoinSet<Result<(), String>>,
    pub(crate) stop: CancellationToken,
    pub(crate) door: Door,
}

/// One loop of a process.
#[derive(Clone, Copy)]
pub(crate) struct Loop {
    pub(crate) group: &'static str,
    pub(crate) folder: &'static str,
    dispatches: bool,
    emits: bool,
}

/// The loops of every process.
pub(crate) fn loops(layout: Layout) -> Vec<Loop> {
    let one = |group, folder, dispatches, emits| Loop {
        group,
        folder,
        dispatches,
        emits,
    };
    match layout {
        Layout::Together => vec![one(WORKERS, "views", true, true)],
        Layout::Apart => vec![
            one(DISPATCHERS, "dispatcher-views", true, false),
            one(CONSUMERS, "views", false, true),
        ],
    }
}

/// Everything is kept for longer than a world lasts.
pub(crate) const fn view_settings() -> triggerfish_view::Settings {
    triggerfish_view::Settings {
        keep_completed: HOUR,
        keep_failed: HOUR,
        keep_callbacks: HOUR,
        cache_bytes: 1 << 20,
    }
}

struct Boot<'w> {
    world: &'w World,
    host: &'w Host,
    parts: Parts,
    log: SimLog,
    appender: SimAppender,
    registry: Registry,
}

/// Starts the process.
pub(crate) async fn boot(world: &World, host: &Host, mut parts: Parts) -> Result<Running, String> {
    let log = world.log.of(parts.life.clone());
    let appender = log.open_appender("services".into()).await;
    let topic = world.topics.registry.clone();
    let registry = Registry::open(&log, topic, cast::keys(), cast::limits()).await;
    let disk = Arc::new(SimDisk::new(
        parts.life.clone(),
        Chance::new(parts.chance.next()),
    ));
    let reads = Arc::new(SimDisk::for_reads(
        parts.life.clone(),
        Chance::new(parts.chance.next()),
    ));
    let mut boot = Boot {
        world,
        host,
        parts,
        log,
        appender: appender.map_err(said)?,
        registry: registry.map_err(said)?,
    };
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let mut owner = None;
    for plan in loops(world.plan.layout) {
        let (worker, handle) = boot.worker(plan).await?;
        if plan.emits {
            owner = Some(handle.on_disk(reads.clone()));
        }
        let (life, stop) = (boot.parts.life.clone(), stop.clone());
        let worker = worker.on_disk(disk.clone());
        tasks.spawn(async move { life.lived(worker.run(stop)).await.map_err(said) });
    }
    for upstream in boot.upstreams().await? {
        let (life, stop) = (boot.parts.life.clone(), stop.clone());
        tasks.spawn(async move { life.lived(upstream.run(stop)).await.map_err(said) });
    }
    let (peers, background) = boot.peers(owner).await?;
    let (life, until) = (boot.parts.life.clone(), stop.clone());
    tasks.spawn(async move { life.lived(background.run(until)).await.map_err(said) });
    let door = boot.door(peers);
    Ok(Running { tasks, stop, door })
}

/// An error with its causes.
fn said(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Boot<'_> {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.parts.clock) as Arc<dyn Clock>
    }

    fn observer(&self) -> Observer<SimAppender> {
        let topic = self.world.topics.invocation_log.clone();
        Observer::new(self.appender.clone(), topic, self.clock())
    }

    async fn worker(&self, plan: Loop) -> Result<(Worker<SimLog>, Handle), String> {
        let wake = Arc::new(Notify::new());
        let mut roles: Vec<Box<dyn Role>> = Vec::new();
        if plan.dispatches {
            roles.push(Box::new(self.dispatcher(&wake)?));
        }
        if plan.emits {
            let (topics, appender) = (self.world.topics.clone(), self.appender.clone());
            roles.push(Box::new(CompletionConsumer::new(
                topics,
                appender,
                self.clock(),
            )));
        }
        let writer = format!("{}-{}", plan.group, self.host.name);
        let settings = WorkerSettings {
            group: plan.group.into(),
            instance: self.host.name.as_str().into(),
            writer: plan.emits.then(|| writer.into()),
            views: self.host.folder.path().join(plan.folder),
            cluster: CLUSTER.to_owned(),
            topics: self.world.topics.clone(),
            view: view_settings(),
            drain_timeout: DRAIN,
            hand_over_wait: HAND_OVER_WAIT,
            stall_after: Duration::from_secs(20),
            commit_pause: Duration::from_millis(10),
        };
        let (log, readiness) = (self.log.clone(), Readiness::new());
        let opened = Worker::open(log, settings, self.clock(), readiness, roles, wake);
        opened.await.map_err(said)
    }

    fn dispatcher(&self, wake: &Arc<Notify>) -> Result<Dispatcher<SimAppender>, String> {
        let network = Network {
            life: self.parts.life.clone(),
            seed: self.world.plan.seed,
            checks: Arc::clone(&self.world.checks),
            history: Arc::clone(&self.world.history),
            clients: Arc::clone(&self.world.clients),
            keys: cast::keys(),
        };
        let options = Options {
            answer_bytes_max: ANSWER_BYTES_MAX,
            ..Options::default()
        };
        let caller = Caller::with_transport(options, Arc::new(network)).map_err(said)?;
        let settings = CallSettings {
            public_url: PUBLIC_URL.to_owned(),
            keys: cast::keys(),
        };
        let registry = self.registry.clone();
        let calls = Calls::new(caller, registry, settings, self.clock());
        let settings = Settings {
            limits: Limits {
                in_flight: IN_FLIGHT,
                queued: 3,
                breaker: BreakerPolicy {
                    failures_to_open: FAILURES_TO_OPEN,
                    pause: Duration::from_millis(PAUSE),
                    pause_max: Duration::from_millis(PAUSE_MAX),
                },
            },
            in_flight_per_subscription: IN_FLIGHT_OF_SUBSCRIPTION,
            in_flight_per_callback: IN_FLIGHT_OF_CALLBACK,
            disable_after: None,
        };
        Ok(Dispatcher::new(
            calls,
            self.observer(),
            settings,
            Arc::clone(wake),
        ))
    }

    fn intakes(&self) -> Intakes {
        let topic = self.world.topics.invocation_log.clone();
        let events = IntakeSettings {
            topic: topic.clone(),
            defaults: Defaults {
                fire_and_forget_retry: RetryPolicy {
                    max_attempts: 4,
                    initial_delay_ms: 300,
                    max_delay_ms: 4_000,
                },
                request_response_retry: RetryPolicy::ONCE,
                fire_and_forget_deadline: Duration::from_secs(30),
            },
            depth_max: cast::DEPTH_MAX,
            event_bytes_max: 64 << 10,
            keys: cast::keys(),
        };
        let actions = ActionSettings {
            topic,
            depth_max: cast::DEPTH_MAX,
            entity_bytes_max: 64 << 10,
            timeout: Duration::from_secs(2),
            budget: BUDGET,
            budget_max: Duration::from_secs(10),
            after_within: Duration::from_secs(15),
        };
        Intakes {
            events: Intake::new(self.registry.clone(), events, self.clock()),
            actions: ActionIntake::new(self.registry.clone(), actions, self.clock()),
        }
    }

    async fn upstreams(&self) -> Result<Vec<Upstream<SimLog>>, String> {
        let topics = &self.world.topics;
        let events = Content::Events { trigger: None };
        let all = [
            (PRODUCERS, &topics.trigger_events, events),
            (
                PRODUCERS_OF_ACTIONS,
                &topics.object_events,
                Content::Actions,
            ),
        ];
        let mut upstreams = Vec::new();
        for (group, topic, content) in all {
            let settings = UpstreamSettings {
                group: group.into(),
                instance: self.host.name.as_str().into(),
                topic: topic.clone(),
                content,
                dead_letters: topics.dead_letters.clone(),
                stall_after: Duration::from_secs(20),
            };
            let opened = Upstream::open(&self.log, self.appender.clone(), self.intakes(), settings);
            upstreams.push(opened.await.map_err(said)?);
        }
        Ok(upstreams)
    }

    /// Joins the processes that answer for each other.
    async fn peers(
        &mut self,
        owner: Option<Handle>,
    ) -> Result<(Peers, Background<SimLog>), String> {
        let life = self.parts.life.clone();
        let url = format!("http://{}.example", self.host.name);
        let process = Process {
            instance: self.host.name.clone(),
            roles: vec![OWNER.to_owned()],
            url: url.clone(),
            version: "simulated".to_owned(),
        };
        let (addresses, chance) = (Arc::clone(&self.world.addresses), self.parts.chance.next());
        let is_noisy = self.world.plan.is_noisy;
        let chance = Chance::new(chance);
        let among = Among::new(life.clone(), Arc::clone(&addresses), chance, is_noisy);
        let joined = join_over(
            Arc::new(among),
            &self.log,
            &self.world.topics,
            process,
            owner,
            cast::keys(),
            self.clock(),
        );
        let (peers, background) = joined.await.map_err(said)?;
        addresses.listen(&url, life, peers.router());
        Ok((peers, background))
    }

    fn door(&self, peers: Peers) -> Door {
        let Intakes { events, actions } = self.intakes();
        let appender = || self.appender.clone();
        Door {
            life: self.parts.life.clone(),
            registry: self.registry.clone(),
            status: Status::new(
                self.log.clone(),
                self.world.topics.clone(),
                peers.clone(),
                self.observer(),
                self.registry.clone(),
            ),
            ingest: Arc::new(Ingest::new(events, appender(), peers.clone())),
            gate: Arc::new(Gate::new(actions, appender(), peers)),
        }
    }
}
