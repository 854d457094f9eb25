//! Puts a process together: the only place where an engine, the roles and the
//! settings meet.

mod dead_letters;
mod embedded;
mod first_client;
mod options;
mod records;
mod upstream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use triggerfish_api::ApiState;
use triggerfish_completion::{CompletionConsumer, Status};
use triggerfish_core::keys::ServerKeys;
use triggerfish_delivery::{Caller, webhook};
use triggerfish_dispatcher::{Calls, Dispatcher};
use triggerfish_log::{EventLog, WriterName};
use triggerfish_ops::{config::Config, health::Readiness, metrics};
use triggerfish_producer::{Ingest, Intake, PartitionWatch};
use triggerfish_registry::Registry;
use triggerfish_runtime::{Clock, Handle, Observer, Role, SystemClock, Topics, Worker};

pub(crate) use embedded::open_log;
pub(crate) use first_client::FirstClient;
pub(crate) use options::{retention, view_settings};

/// Within this time every process knows of a growth of the invocation log.
const GROWTH_NOTICE: Duration = Duration::from_secs(30);

/// A running process with every role in it.
pub(crate) struct Service<L: EventLog> {
    /// Where the API listens.
    pub(crate) address: SocketAddr,
    /// The client that was made because there was none.
    pub(crate) first_client: Option<FirstClient>,
    /// The log that everything runs on.
    pub(crate) log: L,
    /// Its topics.
    pub(crate) topics: Topics,
    /// Triggers, subscriptions, API clients.
    pub(crate) registry: Registry,
    tasks: JoinSet<anyhow::Result<()>>,
    stop_intake: CancellationToken,
    stop_worker: CancellationToken,
    drain_timeout: Duration,
}

/// What the parts share.
struct Parts<L: EventLog> {
    log: L,
    topics: Topics,
    partitions: u32,
    appender: L::Appender,
    registry: Registry,
    keys: ServerKeys,
    clock: Arc<dyn Clock>,
}

impl<L: EventLog> Parts<L> {
    /// Makes the topics exist and follows the registry.
    async fn open(
        config: &Config,
        log: &L,
        keys: ServerKeys,
        caller: &Caller,
    ) -> anyhow::Result<Self> {
        let topics = Topics::with_prefix("");
        let specs = topics.specs(u32::from(config.storage.partitions), retention(config));
        log.ensure_topics(&specs)
            .await
            .context("can't set up the topics")?;
        let limits = options::registry_limits(config, caller.guard().clone());
        let registry = topics.registry.clone();
        let parts = Self {
            partitions: log.partitions(&topics.invocation_log).await?,
            appender: log.open_appender(WriterName::from("services")).await?,
            registry: Registry::open(log, registry, keys.clone(), limits).await?,
            log: log.clone(),
            topics,
            keys,
            clock: Arc::new(SystemClock),
        };
        parts.partition_watch().record().await?;
        Ok(parts)
    }

    fn partition_watch(&self) -> PartitionWatch<L> {
        PartitionWatch::new(
            self.log.clone(),
            self.topics.invocation_log.clone(),
            self.registry.clone(),
            Arc::clone(&self.clock),
            GROWTH_NOTICE,
        )
    }

    fn observer(&self) -> Observer<L::Appender> {
        let topic = self.topics.invocation_log.clone();
        Observer::new(self.appender.clone(), topic, Arc::clone(&self.clock))
    }
}

impl<L: EventLog> Service<L> {
    /// Starts every role on `log` and listens.
    pub(crate) async fn start(
        config: &Config,
        log: L,
        keys: ServerKeys,
        readiness: Readiness,
        admin: axum::Router,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(config.api.listen)
            .await
            .with_context(|| {
                format!(
                    "can't listen on {}: choose another api.listen",
                    config.api.listen
                )
            })?;
        let address = listener.local_addr()?;
        let public_url = config.api.base_url(address);
        let caller = Caller::new(options::delivery(config))?;
        let parts = Parts::open(config, &log, keys, &caller).await?;
        let topics = parts.topics.clone();
        let first_client =
            first_client::ensure(&parts.registry, &config.security, parts.clock.now()).await?;

        let wake = Arc::new(Notify::new());
        let roles = roles(config, &parts, caller, &public_url, &wake);
        let settings = options::worker(config, topics.clone());
        let (worker, handle) = Worker::open(
            log.clone(),
            settings,
            Arc::clone(&parts.clock),
            readiness,
            roles,
            wake,
        )
        .await?;
        let intake = intake(config, &parts);
        let upstreams = upstream::open(config, &parts, &intake).await?;
        let watch = parts.partition_watch();

        let (stop_intake, stop_worker) = (CancellationToken::new(), CancellationToken::new());
        let app = app(
            config,
            &parts,
            intake,
            handle,
            &public_url,
            stop_intake.clone(),
        );
        let app = app.merge(admin);
        let mut tasks = JoinSet::new();
        let (stop, until) = (stop_worker.clone(), stop_intake.clone());
        tasks.spawn(async move { worker.run(stop).await.context("the worker failed") });
        for upstream in upstreams {
            let until = stop_intake.clone();
            tasks.spawn(async move { upstream.run(until).await.context("reading events failed") });
        }
        tasks.spawn(async move {
            watch.run(until).await;
            Ok(())
        });
        tasks.spawn(serve(listener, app, stop_intake.clone()));
        let drain_timeout = config.shutdown.drain_timeout.get();
        Ok(Self {
            address,
            first_client,
            log,
            topics,
            registry: parts.registry,
            tasks,
            stop_intake,
            stop_worker,
            drain_timeout,
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
            Some(ended) = self.tasks.join_next() => ended?.err(),
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
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended??;
            }
            Ok(())
        };
        let patience = self.drain_timeout + Duration::from_secs(5);
        tokio::time::timeout(patience, all)
            .await
            .unwrap_or_else(|_| Err(anyhow::anyhow!("draining took longer than {patience:?}")))
    }
}

fn roles<L: EventLog>(
    config: &Config,
    parts: &Parts<L>,
    caller: Caller,
    public_url: &str,
    wake: &Arc<Notify>,
) -> Vec<Box<dyn Role>> {
    let settings = options::calls(public_url, parts.keys.clone());
    let calls = Calls::new(
        caller,
        parts.registry.clone(),
        parts.observer(),
        settings,
        Arc::clone(&parts.clock),
    );
    let dispatcher = Dispatcher::new(calls, options::dispatcher(config), Arc::clone(wake));
    let consumer = CompletionConsumer::new(
        parts.topics.clone(),
        parts.appender.clone(),
        Arc::clone(&parts.clock),
    );
    vec![Box::new(dispatcher), Box::new(consumer)]
}

fn intake<L: EventLog>(config: &Config, parts: &Parts<L>) -> Intake {
    let topic = parts.topics.invocation_log.clone();
    let settings = options::intake(config, topic, parts.keys.clone());
    Intake::new(parts.registry.clone(), settings, Arc::clone(&parts.clock))
}

fn app<L: EventLog>(
    config: &Config,
    parts: &Parts<L>,
    intake: Intake,
    handle: Handle,
    public_url: &str,
    stop: CancellationToken,
) -> axum::Router {
    let clock = Arc::clone(&parts.clock);
    let keys = parts.keys.clone();
    let status = Status::new(
        parts.log.clone(),
        parts.topics.clone(),
        parts.partitions,
        handle.clone(),
        parts.observer(),
        parts.registry.clone(),
    );
    let upstream = options::upstreams(config, &parts.topics).into_iter();
    let letters = dead_letters::LogLetters::new(
        parts.log.clone(),
        parts.appender.clone(),
        parts.topics.clone(),
        upstream.map(|settings| settings.topic).collect(),
    );
    let state = ApiState {
        ingest: Arc::new(Ingest::new(intake, parts.appender.clone(), handle)),
        invocations: Arc::new(status),
        records: Arc::new(records::LogRecords::new(
            parts.log.clone(),
            parts.topics.clone(),
            stop,
        )),
        dead_letters: Arc::new(letters),
        registry: parts.registry.clone(),
        keys: parts.keys.clone(),
        settings: options::api(config, public_url),
        clock: Arc::new(move || clock.now()),
        signing_secret: Arc::new(move |id, generation| {
            webhook::signing_secret(&keys, id, generation)
        }),
    };
    triggerfish_api::router(state).layer(axum::middleware::from_fn(metrics::track_http))
}

async fn serve(
    listener: TcpListener,
    app: axum::Router,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    axum::serve(listener, app)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .context("serving the API failed")
}
