//! Puts a process together: the only place where an engine, the roles and the
//! settings meet.

mod dead_letters;
mod first_client;
mod log;
mod options;
mod own_address;
mod plan;
mod process;
mod records;
mod serve;
mod tasks;
mod timelines;
mod topics;
mod upstream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::FutureExt as _;
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::sync::CancellationToken;
use triggerfish_api::ApiState;
use triggerfish_completion::{CompletionConsumer, Status};
use triggerfish_console::Console;
use triggerfish_core::keys::ServerKeys;
use triggerfish_delivery::{Caller, webhook};
use triggerfish_dispatcher::{Calls, Dispatcher};
use triggerfish_log::{EventLog as _, WriterName};
use triggerfish_ops::{
    config::Config,
    health::{Condition, Readiness},
    metrics,
};
use triggerfish_peers::{Background, Peers};
use triggerfish_producer::{ActionIntake, Gate, Ingest, Intake, Intakes, PartitionWatch};
use triggerfish_registry::Registry;
use triggerfish_runtime::{Clock, Handle, Observer, Role, SystemClock, Topics, Worker};

pub(crate) use first_client::FirstClient;
pub(crate) use log::AnyLog;
pub(crate) use options::view_settings;
pub(crate) use plan::{Duty, VIEW_FOLDERS};
pub(crate) use process::Process;
pub(crate) use topics::of as topics_of;

use log::AnyAppender;
use plan::Plan;
use serve::Patience;
use tasks::Tasks;

/// A running process.
pub(crate) struct Service {
    /// Where the API listens.
    pub(crate) address: SocketAddr,
    /// The client that was made because there was none.
    pub(crate) first_client: Option<FirstClient>,
    /// The log that everything runs on.
    pub(crate) log: AnyLog,
    /// Its topics.
    pub(crate) topics: Topics,
    /// Triggers, subscriptions, API clients.
    pub(crate) registry: Registry,
    tasks: Tasks,
    stop_intake: CancellationToken,
    stop_worker: CancellationToken,
    /// Ready means that all partitions of this process run, which may be none.
    _started: Condition,
}

/// What the parts share.
struct Parts {
    log: AnyLog,
    topics: Topics,
    appender: AnyAppender,
    registry: Registry,
    keys: ServerKeys,
    clock: Arc<dyn Clock>,
    growth_notice: Duration,
}

impl Parts {
    /// Makes the topics exist and follows the registry.
    async fn open(process: &Process<'_>, caller: &Caller) -> anyhow::Result<Self> {
        let (config, log) = (process.config, &process.log);
        let topics = topics::ensure(config, log).await?;
        let limits = options::registry_limits(config, caller.guard().clone());
        let registry = topics.registry.clone();
        let parts = Self {
            appender: log.open_appender(WriterName::from("services")).await?,
            registry: Registry::open(log, registry, process.keys.clone(), limits).await?,
            log: log.clone(),
            topics,
            keys: process.keys.clone(),
            clock: Arc::new(SystemClock),
            growth_notice: config.worker.growth_notice.get(),
        };
        parts.partition_watch(config).record().await?;
        Ok(parts)
    }

    fn partition_watch(&self, config: &Config) -> PartitionWatch<AnyLog> {
        PartitionWatch::new(
            self.log.clone(),
            self.topics.invocation_log.clone(),
            topics::results(config, &self.log, &self.topics),
            self.registry.clone(),
            Arc::clone(&self.clock),
            self.growth_notice,
        )
    }

    fn observer(&self) -> Observer<AnyAppender> {
        let topic = self.topics.invocation_log.clone();
        Observer::new(self.appender.clone(), topic, Arc::clone(&self.clock))
    }
}

impl Service {
    /// Starts the duties of `process` and listens.
    pub(crate) async fn start(
        process: &Process<'_>,
        readiness: Readiness,
        admin: axum::Router,
    ) -> anyhow::Result<Self> {
        let config = process.config;
        let started = readiness.condition("start");
        let listener = listen(config).await?;
        let address = listener.local_addr()?;
        let public_url = config.api.base_url(address);
        let caller = Caller::new(options::delivery(config))?;
        let parts = Parts::open(process, &caller).await?;
        let first_client =
            first_client::ensure(process, &parts.registry, parts.clock.now()).await?;

        let mut loops = Loops::default();
        for plan in plan::plans(config, &process.names(), process.duties) {
            let caller = caller.clone();
            loops
                .open(process, &parts, plan, caller, &public_url, &readiness)
                .await?;
        }
        let (peers, membership) = join(process, &parts, address, loops.owner.clone()).await?;
        let intakes = intakes(config, &parts);
        let watch = parts.partition_watch(config);

        let (stop_intake, stop_worker) = (CancellationToken::new(), CancellationToken::new());
        let mut tasks = Tasks::new(config.shutdown.drain_timeout.get());
        if process.has(Duty::Producer) {
            for upstream in upstream::open(process, &parts, &intakes).await? {
                tasks.add("events of upstream topics", &stop_intake, |stop| async {
                    upstream.run(stop).await.context("reading events failed")
                });
            }
        }
        let app = app(
            process,
            &parts,
            intakes,
            &peers,
            &public_url,
            stop_intake.clone(),
        );
        let app = app.merge(admin).merge(peers.router());
        tasks.add("the topic of workers", &stop_worker, |stop| async {
            let ended = membership.run(stop).await;
            ended.context("the topic of workers failed")
        });
        for worker in loops.workers {
            tasks.add("a worker", &stop_worker, |stop| async {
                worker.run(stop).await.context("the worker failed")
            });
        }
        tasks.add("the number of partitions", &stop_intake, |stop| async {
            watch.run(stop).await;
            Ok(())
        });
        tasks.add("requests to the API", &stop_intake, |stop| {
            let served = serve::serve(listener, app, Patience::default(), stop);
            served.map(Ok)
        });
        started.met();
        Ok(Self {
            address,
            first_client,
            log: parts.log,
            topics: parts.topics,
            registry: parts.registry,
            tasks,
            stop_intake,
            stop_worker,
            _started: started,
        })
    }

    /// Base URL of the API on this host.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs until `stop`, or until a part fails; then drains.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let failed = tokio::select! {
            () = stop.cancelled() => None,
            Some(ended) = self.tasks.next() => ended.err(),
        };
        let drained = self.stop().await;
        match failed {
            Some(error) => Err(error),
            None => drained,
        }
    }

    /// Takes nothing new, finishes what is under way, settles.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.stop_intake.cancel();
        self.stop_worker.cancel();
        while let Some(ended) = self.tasks.next().await {
            ended?;
        }
        Ok(())
    }
}

async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let address = config.api.listen;
    TcpListener::bind(address)
        .await
        .with_context(|| format!("can't listen on {address}: choose another api.listen"))
}

/// The loops of a process.
#[derive(Default)]
struct Loops {
    workers: Vec<Worker<AnyLog>>,
    /// The one whose partitions answer questions.
    owner: Option<Handle>,
}

impl Loops {
    async fn open(
        &mut self,
        process: &Process<'_>,
        parts: &Parts,
        plan: Plan,
        caller: Caller,
        public_url: &str,
        readiness: &Readiness,
    ) -> anyhow::Result<()> {
        let wake = Arc::new(Notify::new());
        let role = |duty: &Duty| role(process.config, parts, *duty, &caller, public_url, &wake);
        let (worker, handle) = Worker::open(
            parts.log.clone(),
            options::worker(process, &plan, parts.topics.clone()),
            Arc::clone(&parts.clock),
            readiness.clone(),
            plan.duties.iter().filter_map(role).collect(),
            Arc::clone(&wake),
        )
        .await?;
        self.workers.push(worker);
        if plan.duties.contains(&Duty::CompletionConsumer) {
            self.owner = Some(handle);
        }
        Ok(())
    }
}

/// Becomes one of the processes that answer for each other.
async fn join(
    process: &Process<'_>,
    parts: &Parts,
    address: SocketAddr,
    handle: Option<Handle>,
) -> anyhow::Result<(Peers, Background<AnyLog>)> {
    let joined = triggerfish_peers::join(
        &parts.log,
        &parts.topics,
        options::peer(process, address),
        handle,
        parts.keys.clone(),
        Arc::clone(&parts.clock),
    );
    Ok(joined.await?)
}

/// What a duty adds to a loop, if it has one.
fn role(
    config: &Config,
    parts: &Parts,
    duty: Duty,
    caller: &Caller,
    public_url: &str,
    wake: &Arc<Notify>,
) -> Option<Box<dyn Role>> {
    let clock = Arc::clone(&parts.clock);
    match duty {
        Duty::Producer => None,
        Duty::Dispatcher => {
            let settings = options::calls(public_url, parts.keys.clone());
            let calls = Calls::new(caller.clone(), parts.registry.clone(), settings, clock);
            let settings = options::dispatcher(config);
            let dispatcher = Dispatcher::new(calls, parts.observer(), settings, Arc::clone(wake));
            Some(Box::new(dispatcher))
        }
        Duty::CompletionConsumer => Some(Box::new(CompletionConsumer::new(
            parts.topics.clone(),
            parts.appender.clone(),
            clock,
        ))),
    }
}

fn intakes(config: &Config, parts: &Parts) -> Intakes {
    let topic = parts.topics.invocation_log.clone();
    let actions = options::actions(config, topic.clone());
    let events = options::intake(config, topic, parts.keys.clone());
    let (registry, clock) = (&parts.registry, &parts.clock);
    Intakes {
        events: Intake::new(registry.clone(), events, Arc::clone(clock)),
        actions: ActionIntake::new(registry.clone(), actions, Arc::clone(clock)),
    }
}

fn app(
    process: &Process<'_>,
    parts: &Parts,
    intakes: Intakes,
    peers: &Peers,
    public_url: &str,
    stop: CancellationToken,
) -> axum::Router {
    let clock = Arc::clone(&parts.clock);
    let keys = parts.keys.clone();
    let status = Status::new(
        parts.log.clone(),
        parts.topics.clone(),
        peers.clone(),
        parts.observer(),
        parts.registry.clone(),
    );
    let upstream = options::upstreams(process, &parts.topics).into_iter();
    let letters = dead_letters::LogLetters::new(
        parts.log.clone(),
        parts.appender.clone(),
        parts.topics.clone(),
        upstream.map(|settings| settings.topic).collect(),
    );
    let state = ApiState {
        ingest: Arc::new(Ingest::new(
            intakes.events,
            parts.appender.clone(),
            peers.clone(),
        )),
        gate: Arc::new(Gate::new(
            intakes.actions,
            parts.appender.clone(),
            peers.clone(),
        )),
        invocations: Arc::new(status),
        records: Arc::new(records::LogRecords::new(
            parts.log.clone(),
            parts.topics.clone(),
            stop,
        )),
        timelines: Arc::new(timelines::LogTimelines::new(
            parts.log.clone(),
            parts.topics.clone(),
        )),
        workers: Arc::new(peers.clone()),
        dead_letters: Arc::new(letters),
        registry: parts.registry.clone(),
        keys: parts.keys.clone(),
        settings: options::api(process.config, public_url),
        clock: Arc::new(move || clock.now()),
        signing_secret: Arc::new(move |id, generation| {
            webhook::signing_secret(&keys, id, generation)
        }),
    };
    let clock = Arc::clone(&state.clock);
    let api = triggerfish_api::router(state);
    let app = match options::console(process.config, public_url) {
        Some(settings) => triggerfish_console::mount(
            api,
            Console {
                registry: parts.registry.clone(),
                keys: parts.keys.clone(),
                settings,
                clock,
            },
        ),
        None => api,
    };
    app.layer(axum::middleware::from_fn(metrics::track_http))
}
