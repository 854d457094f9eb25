//! A world: processes, their log, and everybody around them, from its beginning until it
//! has come to rest.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use triggerfish_api::ports::{Ask, Start, StartIdentity, StartInput};
use triggerfish_core::{
    Action, Origin, Timing,
    invariant::{Invariant, Violation},
};
use triggerfish_log::{EventLog as _, NewRecord, Offset, Partition, Topic};
use triggerfish_ops::metrics;
use triggerfish_runtime::{Clock as _, Retention, Topics, verify};

use crate::{
    cast::{self, Kind, PARTITIONS},
    chance::Chance,
    check::{Checks, Expected},
    clients::Clients,
    clock::SimClock,
    disk::Folder,
    history::History,
    host::Host,
    life::{Life, Seam},
    listener::Listener,
    log::{SimLog, Weather},
    peers::Addresses,
    plan::{Plan, Step, What},
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
    hosts: Vec<Host>,
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

    /// Waits for the time of a step, and does it.
    async fn take(&self, step: &Step) {
        let until = Duration::from_millis(step.at.saturating_sub(self.history.now()));
        sleep_until(Instant::now() + until).await;
        self.history.tell(&step.what.to_string());
        match &step.what {
            What::Event {
                number,
                kind,
                copies,
            } => (0..*copies).for_each(|_| self.produce(*number, *kind)),
            What::Start { number, kind } => self.start(*number, *kind),
            What::Ask {
                number,
                by_http,
                is_before,
                budget,
            } => self.ask(*number, *by_http, *is_before, *budget),
            What::Garbage { in_log, number } => self.litter(*in_log, *number),
            What::Echo { number } => self.echo(*number),
            What::Switch { subscription, on } => self.switch(*subscription, *on),
            What::Away {
                subscriber,
                refuses,
                down,
            } => self.clients.leave(*subscriber, *refuses, *down),
            fault => self.disturb(fault),
        }
    }

    fn disturb(&self, fault: &What) {
        /// A session times out, a process starts and restores its views.
        const AFTERMATH: u64 = 15_000;
        /// A process that was killed has left nothing that goes on.
        const IS_DOWN: Duration = Duration::from_millis(10);
        match *fault {
            What::Crash {
                host,
                seam,
                down,
                mishap,
            } => {
                self.checks.trouble(down + AFTERMATH);
                self.hosts[host].crash(seam, down, mishap);
            }
            What::Stop { host, down, mishap } => {
                self.checks.hand_over(down + AFTERMATH);
                let name = self.hosts[host].life().name();
                self.checks.leaves(&name, process::DRAIN, |_| true);
                self.hosts[host].stop(down, mishap);
            }
            What::Freeze { host, still } => {
                self.checks.trouble(still + AFTERMATH);
                self.hosts[host].freeze(still);
            }
            What::Forget { down, mishap } => {
                self.checks.trouble(down + AFTERMATH);
                self.checks.positions_are_forgotten();
                for host in &self.hosts {
                    host.crash(Seam::Anywhere, down, mishap);
                }
                let log = self.log.clone();
                tokio::spawn(async move {
                    sleep(IS_DOWN).await;
                    log.forget_positions();
                });
            }
            What::Jump { host, by } => {
                self.checks.trouble(u64::MAX / 2);
                self.checks.clock_is_set();
                self.hosts[host].clock.jump(by);
            }
            What::Outage { down } => {
                self.checks.trouble(down + AFTERMATH);
                self.log.set_weather(|weather| weather.is_down = true);
                let log = self.log.clone();
                tokio::spawn(async move {
                    sleep(Duration::from_millis(down)).await;
                    log.set_weather(|weather| weather.is_down = false);
                });
            }
            _ => {}
        }
    }

    fn put(&self, topic: &Topic, number: u32, value: &Bytes, expected: &Expected) {
        let record = NewRecord {
            topic: topic.clone(),
            partition: Partition(number % u32::from(PARTITIONS)),
            key: None,
            value: Some(value.clone()),
            headers: Vec::new(),
        };
        let places = self.log.put(&[record]).expect("the topic is there");
        for (partition, offset) in places {
            self.checks
                .expect(topic, partition, offset, value, expected.clone());
        }
    }

    fn produce(&self, number: u32, kind: Kind) {
        let id = format!("event-{number}");
        let value = json!({
            "triggerId": kind.trigger(),
            "input": cast::input(number),
            "contentJson": { "number": number },
            "id": id,
            "source": "upstream",
            "orderingKey": cast::ordering_key(number),
            "depth": cast::depth(number),
        });
        let expected = Expected::Event {
            id,
            told: kind.told(number),
            is_test: false,
            since: self.history.now(),
        };
        let topic = self.topics.trigger_events.clone();
        self.put(&topic, number, &Bytes::from(value.to_string()), &expected);
    }

    fn start(&self, number: u32, kind: Kind) {
        let id = format!("posted-{number}");
        let input = cast::input(number);
        let start = Start {
            trigger_id: kind.trigger().to_owned(),
            input: StartInput::Json(Bytes::from(input.to_string())),
            content_json: Bytes::from_static(b"{}"),
            origin: cast::origin(number, true),
            subscription_ids: None,
            identity: StartIdentity::Key {
                scope: "client".to_owned(),
                key: id.clone(),
            },
            time: None,
            ordering_key: Some(cast::ordering_key(number)),
            depth: cast::depth(number),
            traceparent: None,
            event_id: Some(id.clone()),
        };
        let told = kind.told(number);
        let clients = Arc::clone(&self.clients);
        let calling = Arc::clone(&clients);
        clients.waits(async move { calling.start(&id, told, start).await });
    }

    fn ask(&self, number: u32, by_http: bool, is_before: bool, budget: u64) {
        let id = format!("action-{number}");
        let entity = json!({ "id": number });
        let timing = if is_before {
            Timing::Before
        } else {
            Timing::After
        };
        if !by_http {
            let value = json!({
                "timing": timing,
                "objectType": cast::OBJECT_TYPE,
                "action": "CREATED",
                "entity": entity,
                "id": id,
                "source": "platform",
                "budgetMs": is_before.then_some(budget),
                "depth": cast::depth_of_action(number),
            });
            let topic = self.topics.object_events.clone();
            let expected = Expected::Question { id };
            return self.put(&topic, number, &Bytes::from(value.to_string()), &expected);
        }
        let ask = Ask {
            timing,
            object_type: cast::OBJECT_TYPE.to_owned(),
            action: Action::Created,
            entity: Bytes::from(entity.to_string()),
            user: None,
            object_id: None,
            patience: is_before.then(|| Duration::from_millis(budget)),
            identity: StartIdentity::Key {
                scope: "platform".to_owned(),
                key: id.clone(),
            },
            correlation: Some(id.clone()),
            decided_by: None,
            origin: Origin::RealTime,
            time: None,
            depth: cast::depth_of_action(number),
            traceparent: None,
        };
        let clients = Arc::clone(&self.clients);
        let calling = Arc::clone(&clients);
        clients.waits(async move { calling.question(&id, ask).await });
    }

    fn switch(&self, subscription: u32, on: bool) {
        let of = cast::subscription(subscription.into());
        let clients = Arc::clone(&self.clients);
        let calling = Arc::clone(&clients);
        clients.waits(async move { calling.switch(of, on).await });
    }

    /// Something that is not to be taken: an event that is none, a record of the log that is
    /// empty, can't be read, or belongs to another partition.
    fn litter(&self, in_log: bool, number: u32) {
        if !in_log {
            let value = Bytes::from(cast::bad_event(number));
            let topic = self.topics.trigger_events.clone();
            return self.put(&topic, number, &value, &Expected::Garbage);
        }
        let value = match number % 3 {
            0 => None,
            1 => self.any_record(number + 1).and_then(|record| record.value),
            _ => Some(Bytes::from(format!("{{ neither this nor that {number}"))),
        };
        let record = NewRecord {
            topic: self.topics.invocation_log.clone(),
            partition: Partition(number % u32::from(PARTITIONS)),
            key: None,
            value,
            headers: Vec::new(),
        };
        self.log.put(&[record]).expect("the topic is there");
    }

    /// What was appended once comes once more, as when a broker or a network repeats it.
    fn echo(&self, number: u32) {
        if let Some(again) = self.any_record(number) {
            self.log.put(&[again]).expect("the topic is there");
        }
    }

    /// Some record of a partition of the invocation log, if there is one.
    fn any_record(&self, number: u32) -> Option<NewRecord> {
        let partition = Partition(number % u32::from(PARTITIONS));
        let records = self.log.records(&self.topics.invocation_log, partition);
        let mut chance = Chance::of(self.plan.seed, format!("record {number}").as_bytes());
        let indices: Vec<usize> = (0..records.len()).collect();
        if indices.is_empty() {
            return None;
        }
        let record = &records[chance.pick(&indices)];
        Some(NewRecord {
            topic: record.topic.clone(),
            partition,
            key: record.key.clone(),
            value: record.value.clone(),
            headers: record.headers.clone(),
        })
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
