//! A world: processes, their log, and everybody around them, from its beginning until it
//! has come to rest.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use triggerfish_core::invariant::{Invariant, Violation};
use triggerfish_log::{EventLog as _, Offset, Partition};
use triggerfish_ops::metrics;
use triggerfish_runtime::{Clock as _, Retention, Topics, verify};

use crate::{
    cast::{self, PARTITIONS},
    chance::Chance,
    check::Checks,
    clients::Clients,
    clock::SimClock,
    disk::Folder,
    history::History,
    host::Host,
    life::Life,
    listener::Listener,
    log::{SimLog, Weather},
    peers::Addresses,
    plan::Plan,
    process,
};

/// How long a session may take to give its partitions up.
const HAND_OVER: Duration = Duration::from_secs(12);
/// For how many milliseconds calls of the log may go wrong.
const TROUBLED: u64 = 30_000;
/// The longest that a world takes to come to rest when nothing goes wrong any more.
const REST: Duration = Duration::from_mins(4);

/// After how many steps somebody looks at what there is.
const LOOK_EVERY: usize = 3;

/// What became of a world.
#[derive(Clone, Debug)]
pub struct Report {
    /// The invariant that was broken first.
    pub broken: Option<Violation>,
    /// Two runs of one plan have the same.
    pub digest: u64,
    /// What happened, a line each.
    pub history: Vec<String>,
    /// The seconds that passed in it.
    pub lasted: u64,
}

/// See the head of the file.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) topics: Topics,
    pub(crate) log: SimLog,
    pub(crate) history: Arc<History>,
    pub(crate) checks: Arc<Checks>,
    pub(crate) clients: Arc<Clients>,
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) hosts: Vec<Host>,
    is_ending: AtomicBool,
}

/// Runs the world of `plan`, with its disks below `folder`. The time of the runtime should
/// stand still but for what is slept.
pub async fn run(plan: &Plan, folder: &Path) -> Report {
    let listener = Listener::default();
    let heard = tracing::subscriber::set_default(listener.clone());
    let world = Arc::new(World::new(plan.clone(), folder).await);
    let mut hosts = JoinSet::new();
    for number in 0..plan.hosts {
        let world = Arc::clone(&world);
        let after = plan.apart * u64::try_from(number).unwrap_or(0);
        hosts.spawn(async move {
            sleep(Duration::from_millis(after)).await;
            world.hosts[number].run(&world).await;
        });
    }
    for (step, number) in plan.steps.iter().zip(0_usize..) {
        world.take(step).await;
        if number.is_multiple_of(LOOK_EVERY) {
            let clients = Arc::clone(&world.clients);
            world.clients.waits(async move { clients.look().await });
        }
    }
    world.come_to_rest().await;
    world.is_ending.store(true, Ordering::Relaxed);
    for host in &world.hosts {
        host.stop(0, crate::disk::Mishap::None);
    }
    while hosts.join_next().await.is_some() {}
    world.check_at_the_end(&listener).await;
    drop(heard);
    Report {
        broken: world.checks.broken(),
        digest: world.history.digest(),
        history: world.history.lines(),
        lasted: world.history.now() / 1_000,
    }
}

impl World {
    async fn new(plan: Plan, folder: &Path) -> Self {
        let began = Instant::now();
        let topics = Topics::with_prefix("");
        let history = Arc::new(History::new(began));
        let checks = Arc::new(Checks::new(Arc::clone(&history), topics.clone()));
        let clock = SimClock::new(began);
        checks.begin(clock.now());
        let weather = Weather::fine(Chance::of(plan.seed, b"weather"), HAND_OVER);
        let witness = Arc::clone(&checks);
        let log = SimLog::new(Life::new("world", 1), weather, witness, move || {
            clock.now().as_micros()
        });
        let retention = Retention {
            log: Duration::from_hours(24),
            outputs: Duration::from_hours(24),
        };
        let specs = topics.specs(u32::from(PARTITIONS), retention);
        log.ensure_topics(&specs)
            .await
            .expect("the topics are legal");
        log.put(cast::registry()).expect("the topic is there");
        log.set_weather(|weather| {
            weather.lag = 0..6;
            weather.trouble = plan.trouble;
            weather.batch = 7;
        });
        if plan.trouble > 0 {
            checks.trouble(TROUBLED);
        }
        let host = |number| {
            let chance = Chance::of(plan.seed, format!("host {number}").as_bytes());
            let folder = Folder::new(folder, &format!("p{number}"));
            Host::new(number, folder, SimClock::new(began), chance)
        };
        Self {
            hosts: (0..plan.hosts).map(host).collect(),
            clients: Arc::new(Clients::new(
                Arc::clone(&history),
                Arc::clone(&checks),
                plan.is_noisy,
            )),
            addresses: Arc::default(),
            plan,
            topics,
            log,
            history,
            checks,
            is_ending: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }

    /// Nothing goes wrong any more; waits until everything has come to its end.
    async fn come_to_rest(&self) {
        self.history.tell("from here on nothing goes wrong");
        self.log.set_weather(|weather| {
            weather.trouble = 0;
            weather.is_down = false;
        });
        for host in &self.hosts {
            host.heal();
        }
        let until = Instant::now() + REST;
        while Instant::now() < until && self.checks.broken().is_none() {
            sleep(Duration::from_secs(1)).await;
            let is_waited = self.clients.are_waiting();
            if !is_waited && self.checks.is_at_rest() && self.is_committed() {
                break;
            }
        }
        // Whatever is written now was not expected.
        sleep(Duration::from_secs(15)).await;
        self.clients.look_at_all().await;
    }

    /// Whether every group has come to the end of what it reads.
    fn is_committed(&self) -> bool {
        let topics = &self.topics;
        let loops = process::loops(self.plan.layout).into_iter();
        let mut read: Vec<_> = loops
            .map(|plan| (plan.group, &topics.invocation_log))
            .collect();
        read.push((process::PRODUCERS, &topics.trigger_events));
        read.push((process::PRODUCERS_OF_ACTIONS, &topics.object_events));
        read.into_iter().all(|(group, topic)| {
            let committed = self.log.committed(group, topic);
            let ends = self.log.ends(topic);
            ends.iter().zip(0..).all(|(end, index): (&Offset, usize)| {
                let committed = committed.get(index).copied().flatten();
                // Where nothing has come since it was forgotten, there is nothing to commit.
                let is_forgotten = committed.is_none() && self.checks.are_positions_forgotten();
                *end == Offset::ZERO || committed == Some(*end) || is_forgotten
            })
        })
    }

    async fn check_at_the_end(&self, listener: &Listener) {
        if !self.is_committed() {
            let detail = "a group did not come to the end of what it reads".to_owned();
            self.checks.report(Invariant::FoldIsTotal, detail);
        }
        self.checks.at_rest();
        self.check_rebuilds().await;
        let exporter = metrics::install();
        let metrics = exporter
            .map(|exporter| exporter.render())
            .unwrap_or_default();
        let mut records = Vec::new();
        for topic in self
            .topics
            .all()
            .into_iter()
            .filter(|topic| **topic != self.topics.registry)
        {
            for partition in (0..u32::from(PARTITIONS)).map(Partition) {
                records.extend(self.log.records(topic, partition));
            }
        }
        let lines = listener.lines();
        self.checks
            .look_for_secrets(&cast::keys(), &lines, &metrics, &records);
    }

    /// Every view on every disk is what the log says (I3).
    async fn check_rebuilds(&self) {
        for host in &self.hosts {
            for plan in process::loops(self.plan.layout) {
                let place = verify::Place {
                    views: host.folder.path().join(plan.folder),
                    cluster: process::CLUSTER.to_owned(),
                    topics: self.topics.clone(),
                    settings: process::view_settings(),
                };
                let compared = verify::verify(&self.log, &place).await;
                let wrong = match compared {
                    Err(error) => Some(error.to_string()),
                    Ok(compared) => {
                        let mut wrong = compared.into_iter().filter(|one| !one.is_equal());
                        wrong.next().map(|one| format!("{one:?}"))
                    }
                };
                if let Some(wrong) = wrong {
                    let detail = format!("{} {}: {wrong}", host.name, plan.folder);
                    self.checks.report(Invariant::RebuildEqualsLive, detail);
                }
            }
        }
    }
}
