//! The real program as a process: started, stopped, killed, started again.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

use crate::{Answer, Api, Completion, binary, completions, eventually};

/// The first API client of every service under test.
pub const CLIENT: (&str, &str) = ("tests", "correct-horse-battery-staple-4711");

/// How a service is to be run.
#[derive(Clone)]
pub struct Setup {
    folder: Arc<TempDir>,
    address: String,
    variables: Vec<(String, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// On a data folder and a port of its own; subscribers may be on the loopback.
    ///
    /// # Panics
    /// If there is no folder or port to be had.
    #[must_use]
    pub fn new() -> Self {
        let setup = Self {
            folder: Arc::new(TempDir::new().expect("a folder can be made")),
            address: format!("127.0.0.1:{}", free_port()),
            variables: Vec::new(),
        };
        setup
            .variable("TRIGGERFISH_CLIENT_ID", CLIENT.0)
            .variable("TRIGGERFISH_CLIENT_SECRET", CLIENT.1)
            .set("delivery.allow_networks", "[\"127.0.0.0/8\"]")
    }

    /// Sets an environment variable; an empty value counts as not set.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets `key` of the configuration, e.g. `delivery.max_depth`.
    #[must_use]
    pub fn set(self, key: &str, value: &str) -> Self {
        let name = format!("TRIGGERFISH_{}", key.to_uppercase().replace('.', "__"));
        self.variable(&name, value)
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the process writes its log lines.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.folder.path().join("lines.txt")
    }

    /// A command of the program with the settings of this service.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary::triggerfish());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRIGGERFISH_") {
                command.env_remove(name);
            }
        }
        let variables = self.variables.iter().filter(|(_, value)| !value.is_empty());
        command.envs(variables.map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path()).args(arguments);
        command
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Panics
    /// If it does not get ready.
    pub async fn start(&self) -> Service {
        let service = self.launch();
        service.ready().await;
        service
    }

    /// Starts the process without waiting.
    ///
    /// # Panics
    /// If the program can't be started.
    #[must_use]
    pub fn launch(&self) -> Service {
        let data = self.data();
        let data = data.to_str().expect("the folder's name is text");
        let lines = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_file());
        let child = self
            .command(&["all", "--data", data, "--listen", &self.address])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(lines.expect("a file for log lines"))
            .spawn()
            .expect("the program can be started");
        Service {
            setup: self.clone(),
            api: Api::new(&self.url(), CLIENT),
            child,
        }
    }

    /// Base URL of the API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs `triggerfish verify` and returns whether it was content, and what it printed.
    ///
    /// # Panics
    /// If the program can't be started.
    #[must_use]
    pub fn verify(&self) -> (bool, serde_json::Value) {
        let data = self.data();
        let data = data.to_str().expect("the folder's name is text");
        let output = self.command(&["verify", "--json", "--data", data]).output();
        let output = output.expect("the program can be started");
        let printed = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            let text = String::from_utf8_lossy(&output.stderr);
            panic!("verify printed no JSON ({error}): {text}")
        });
        (output.status.success(), printed)
    }
}

impl Setup {
    /// Runs `triggerfish tail TOPIC` on the data folder of the stopped service: all
    /// records, each as JSON.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn tail(&self, topic: &str) -> Vec<serde_json::Value> {
        let data = self.data();
        let data = data.to_str().expect("the folder's name is text");
        let arguments = ["tail", topic, "--from-beginning", "--json", "--data", data];
        let output = self
            .command(&arguments)
            .output()
            .expect("the program can be started");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).expect("tail prints text");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect()
    }
}

/// A port that nobody has and that the system gives to nobody by itself, so that a
/// service gets it again after it was killed.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % 9_000).expect("small");
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % 9_000;
        let port = 20_000 + (begin + step) % 9_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A running service. Killed when dropped.
pub struct Service {
    /// How it runs.
    pub setup: Setup,
    /// A client of its API.
    pub api: Api,
    child: Child,
}

impl Service {
    /// Starts one as [`Setup::new`] says.
    pub async fn start() -> Self {
        Setup::new().start().await
    }

    /// Waits until it can take work.
    ///
    /// # Panics
    /// If it ends instead.
    pub async fn ready(&self) {
        eventually("the service is ready", async || {
            let answer = self.api.try_get("/health/ready").await?;
            (answer.status == 200).then_some(())
        })
        .await;
    }

    /// Whether the process is there.
    ///
    /// # Panics
    /// If the system does not say.
    pub fn is_alive(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("the state of the process")
            .is_none()
    }

    /// What the process has printed on standard output so far, once it has ended.
    ///
    /// # Panics
    /// If it can't be read.
    pub fn printed(&mut self) -> Vec<String> {
        let output = self.child.stdout.take().expect("standard output is piped");
        BufReader::new(output)
            .lines()
            .map(|line| line.expect("text"))
            .collect()
    }

    /// Sends a signal, e.g. `TERM`.
    ///
    /// # Panics
    /// If there is no `kill`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .stderr(Stdio::null())
            .status();
        status.expect("the command kill is there");
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own process can be killed");
        self.child.wait().expect("our own process has ended");
    }

    /// Waits until the process has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        eventually("the process ends", async || {
            self.child.try_wait().expect("the state of the process")
        })
        .await
    }

    /// Stops it in good order and returns how to start it again.
    ///
    /// # Panics
    /// If it does not end with 0, or has panicked in a part of it; builds for tests also
    /// panic over a broken invariant.
    pub async fn stop(mut self) -> Setup {
        self.signal("TERM");
        let status = self.ended().await;
        assert!(
            status.success(),
            "ended with {status}\n{}",
            self.last_lines()
        );
        self.setup.clone()
    }

    /// Stops it in good order and reads all completions around it.
    pub async fn completions(self) -> Vec<Completion> {
        let setup = self.stop().await;
        completions::read(&setup.data()).await
    }

    /// All of `GET /metrics`.
    pub async fn metrics(&self) -> Answer {
        self.api.get("/metrics").await
    }

    fn last_lines(&self) -> String {
        let text = std::fs::read_to_string(self.setup.log_file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Service {
    #[expect(
        clippy::print_stderr,
        reason = "what the service said, beside why the test failed"
    )]
    fn drop(&mut self) {
        // Fails when it has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("last lines of the service:\n{}", self.last_lines());
        }
    }
}
