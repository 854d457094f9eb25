//! Brokers, and processes of every role that belong together.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use triggerfish_test_broker::{Cluster, tool};

use super::doors::Doors;
use super::{Faults, Kind, Role, Worker};
use crate::{binary, service::CLIENT};

/// The same for all processes: they have to make and verify the same secrets.
const SERVER_KEY: &str = "dHJpZ2dlcmZpc2gtdGVzdHMtc2VydmVyLWtleS0wMDAx";

/// Where the records are.
pub enum Brokers {
    /// One broker for all tests, which none of them breaks.
    Shared(&'static Cluster),
    /// Those of one test.
    Own(Box<Cluster>),
}

impl Deref for Brokers {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        match self {
            Self::Shared(cluster) => cluster,
            Self::Own(cluster) => cluster,
        }
    }
}

/// Processes on brokers. Everything ends when it is dropped.
pub struct Installation {
    /// The processes, running or not.
    pub workers: Vec<Worker>,
    /// What was done to them.
    pub faults: Faults,
    /// Their API.
    pub doors: Doors,
    /// The brokers.
    pub brokers: Brokers,
    prefix: String,
    variables: Vec<(String, String)>,
    program: PathBuf,
    made: usize,
    folder: TempDir,
}

impl Installation {
    /// An installation without processes yet, with topics of its own. Waits are short.
    ///
    /// # Panics
    /// If there is no folder to be had.
    #[must_use]
    pub fn new(brokers: Brokers) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut installation = Self {
            workers: Vec::new(),
            faults: Faults::default(),
            doors: Doors::default(),
            prefix: format!("t{number}."),
            variables: Vec::new(),
            program: binary::triggerfish().to_owned(),
            made: 0,
            folder: TempDir::new().expect("a folder can be made"),
            brokers,
        };
        let (bootstrap, prefix) = (
            installation.brokers.bootstrap(),
            installation.prefix.clone(),
        );
        for (name, value) in [
            ("CLIENT_ID", CLIENT.0),
            ("CLIENT_SECRET", CLIENT.1),
            ("SECURITY__KEYS", &format!("[\"{SERVER_KEY}\"]")),
            ("DELIVERY__ALLOW_NETWORKS", "[\"127.0.0.0/8\"]"),
            ("STORAGE__PARTITIONS", "6"),
            ("KAFKA__BOOTSTRAP_SERVERS", &bootstrap),
            ("KAFKA__TOPIC_PREFIX", &prefix),
            ("KAFKA__SESSION__TIMEOUT__MS", "3000"),
            ("KAFKA__HEARTBEAT__INTERVAL__MS", "300"),
            ("KAFKA__TOPIC__METADATA__REFRESH__INTERVAL__MS", "1000"),
        ] {
            installation = installation.variable(name, value);
        }
        installation
    }

    /// Sets `TRIGGERFISH_<name>` for all processes that are added from now on.
    #[must_use]
    pub fn variable(self, name: &str, value: &str) -> Self {
        self.plain_variable(&format!("TRIGGERFISH_{name}"), value)
    }

    /// Sets any variable for all processes that are added from now on.
    #[must_use]
    pub fn plain_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs another program than the one under test.
    #[must_use]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// The full name of a topic.
    #[must_use]
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Adds a process and does not start it; returns its index.
    pub fn add(&mut self, role: Role) -> usize {
        self.made += 1;
        let variables = self.variables.clone();
        let program = self.program.clone();
        let worker = Worker::new(role, self.made, self.folder.path(), program, variables);
        self.workers.push(worker);
        self.workers.len() - 1
    }

    /// Adds and starts so many processes of each role, and waits until all are ready.
    pub async fn start(&mut self, count: usize) {
        for role in Role::ALL.repeat(count) {
            let index = self.add(role);
            self.workers[index].launch();
        }
        self.ready().await;
        self.show();
    }

    /// Adds and starts a process without waiting.
    pub fn join(&mut self, role: Role) {
        let index = self.add(role);
        let worker = &mut self.workers[index];
        worker.launch();
        self.faults.note(Kind::Join, worker);
        self.show();
    }

    /// Stops the process with this index in good order; it is not started again, but
    /// kept for the checks at the end.
    pub async fn leave(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        self.faults.note(Kind::Stop, worker);
        worker.stop().await;
        self.show();
    }

    /// Indexes of processes that run and do not stand still.
    pub fn running(&mut self, role: Option<Role>) -> Vec<usize> {
        let mut found = Vec::new();
        for (index, worker) in self.workers.iter_mut().enumerate() {
            let is_wanted = role.is_none_or(|role| worker.role == role);
            if is_wanted && worker.is_running() && !worker.is_paused() {
                found.push(index);
            }
        }
        found
    }

    /// Starts again what could not start.
    pub fn supervise(&mut self) {
        self.workers.iter_mut().for_each(Worker::supervise);
    }

    /// Waits until every process that was started is ready.
    pub async fn ready(&mut self) {
        self.supervise();
        for index in self.running(None) {
            self.workers[index].ready().await;
        }
    }

    /// From now on the API is that of the processes that run.
    pub fn show(&mut self) {
        let running = self.running(None).into_iter();
        let urls = running.map(|index| self.workers[index].url()).collect();
        self.doors.set(urls);
    }

    /// Declares a trigger that takes and gives any object.
    pub async fn put_trigger(&self, id: &str, trigger_type: &str) {
        let mut trigger = json!({
            "name": id, "type": trigger_type,
            "inputSchema": {"type": "object"}, "exampleInput": {"example": true},
        });
        if trigger_type == "REQUEST_RESPONSE" {
            trigger["outputSchema"] = json!({"type": "object"});
            trigger["exampleOutput"] = json!({});
        }
        let path = format!("/triggers/v1/{id}");
        let trigger = trigger.to_string();
        let answer = self.doors.sure(Method::PUT, &path, &trigger).await;
        drop(answer.expect(200));
    }

    /// Creates a subscription and returns its id.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn subscribe(&self, subscription: &Value) -> String {
        let (path, body) = ("/trigger-subscriptions/v1", subscription.to_string());
        let answer = self.doors.sure(Method::POST, path, &body).await.expect(201);
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Gives a topic more partitions, by Kafka's own tool. Blocks.
    ///
    /// # Panics
    /// If the tool fails.
    pub fn grow(&self, topic: &str, partitions: u32) {
        let (topic, partitions) = (self.topic(topic), partitions.to_string());
        let bootstrap = self.brokers.bootstrap();
        let arguments = ["--bootstrap-server", &bootstrap, "--alter", "--topic"];
        let output = self
            .brokers
            .tool(tool::TOPICS, &arguments)
            .args([&topic, "--partitions", &partitions])
            .output();
        let output = output.expect("java can be started");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    }

    /// Stops all processes that run, in good order.
    pub async fn stop_all(&mut self) {
        for index in self.running(None) {
            self.workers[index].stop().await;
        }
    }

    /// Compares the views of every data folder with the log; what differs. All processes
    /// must have ended. Blocks.
    #[must_use]
    pub fn verify(&self) -> Vec<String> {
        let differs = self.workers.iter().filter_map(|worker| {
            let (is_content, said) = worker.verify();
            (!is_content).then(|| format!("views of {} are not equal: {said}", worker.name))
        });
        differs.collect()
    }

    /// What the processes say of their partitions, and where their logs are: for whoever
    /// has to find out why something does not settle. The folder stays.
    pub async fn explain(&mut self) -> String {
        self.folder.disable_cleanup(true);
        let mut said = vec![format!("logs and data: {}", self.folder.path().display())];
        for index in self.running(None) {
            let worker = &self.workers[index];
            let (name, url) = (&worker.name, worker.url());
            let Some(owned) = self.doors.get(&url, "/workers/v1").await else {
                said.push(format!("{name} does not answer"));
                continue;
            };
            said.push(format!("{name}: {}", owned.text()));
            let metrics = self.doors.get(&url, "/metrics").await;
            let metrics = metrics.map(|answer| answer.text()).unwrap_or_default();
            let lags = metrics.lines().filter(|line| is_telling(line));
            said.extend(lags.map(|line| format!("    {line}")));
        }
        said.join("\n")
    }

    /// Invariants that processes have found broken, by their metrics.
    pub async fn violations(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        for index in self.running(None) {
            let worker = &self.workers[index];
            let Some(metrics) = self.doors.get(&worker.url(), "/metrics").await else {
                continue;
            };
            let metrics = metrics.text();
            let lines = metrics
                .lines()
                .filter(|line| line.starts_with("triggerfish_invariant_violations_total"));
            let broken = lines.filter(|line| !line.ends_with(" 0"));
            found.extend(broken.map(|line| format!("{}: {line}", worker.name)));
        }
        found
    }
}

impl Drop for Installation {
    #[expect(clippy::print_stderr, reason = "beside why the test failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("logs and data: {}", self.folder.path().display());
        }
    }
}

/// Whether a line of metrics tells of work that is not done.
fn is_telling(line: &str) -> bool {
    const TELLING: [&str; 5] = [
        "triggerfish_partition_lag_records",
        "triggerfish_sessions_reopened_total",
        "triggerfish_calls_in_flight",
        "triggerfish_calls_queued",
        "triggerfish_breaker_open",
    ];
    TELLING.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0")
}
