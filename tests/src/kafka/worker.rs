//! One process of one role: started, stopped, killed, frozen, started again.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::{api::http, eventually, service::free_port};

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Takes events in.
    Producer,
    /// Calls subscribers.
    Dispatcher,
    /// Emits completions.
    CompletionConsumer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Producer, Self::Dispatcher, Self::CompletionConsumer];

    /// The command that starts it.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Dispatcher => "dispatcher",
            Self::CompletionConsumer => "completion-consumer",
        }
    }
}

/// A process, running or not. Killed when dropped.
pub struct Worker {
    /// What it is.
    pub role: Role,
    /// Its name, for people.
    pub name: String,
    /// The program.
    program: PathBuf,
    data: PathBuf,
    lines: PathBuf,
    address: String,
    variables: Vec<(String, String)>,
    child: Option<Child>,
    /// Frozen by SIGSTOP.
    is_paused: bool,
    falls: Vec<String>,
    /// A file that may not grow is an error to it, not its end.
    minds_limits: bool,
}

/// What a process says as its last that found no broker when it started: what it can't do,
/// and why.
const NO_BROKER: (&str, &str) = ("error: can't ", "the log is unavailable");
/// Becomes the program, with the signal for a file that is too large ignored.
const MINDFUL: [&str; 4] = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];
/// Files of a process with full disk; what is open and larger can't be written at its end.
const LIMIT: &str = "--fsize=65536";

impl Worker {
    /// A process with its data folder below `folder`; it is not started.
    #[must_use]
    pub fn new(
        role: Role,
        number: usize,
        folder: &Path,
        program: PathBuf,
        variables: Vec<(String, String)>,
    ) -> Self {
        let name = format!("{}-{number}", role.command());
        Self {
            role,
            program,
            data: folder.join(&name),
            lines: folder.join(format!("{name}.txt")),
            address: format!("127.0.0.1:{}", free_port()),
            variables,
            child: None,
            is_paused: false,
            falls: Vec::new(),
            minds_limits: false,
            name,
        }
    }

    /// Puts its data elsewhere.
    pub fn set_data(&mut self, data: PathBuf) {
        self.data = data;
    }

    /// Lets [`Self::limit_files`] be an error of writing and not a deadly signal.
    pub const fn mind_limits(&mut self) {
        self.minds_limits = true;
    }

    /// From now on no file of the process may grow beyond a little.
    ///
    /// # Panics
    /// If there is no `prlimit`.
    pub fn limit_files(&self) {
        if let Some(child) = &self.child {
            let pid = format!("--pid={}", child.id());
            let status = Command::new("prlimit").args([&pid, LIMIT]).status();
            assert!(status.is_ok_and(|status| status.success()), "no prlimit");
        }
    }

    /// Base URL of its API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A command of the program with the settings of this process.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = if self.minds_limits {
            let mut shell = Command::new(MINDFUL[0]);
            shell.args(&MINDFUL[1..]).arg(&self.program);
            shell
        } else {
            Command::new(&self.program)
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRIGGERFISH_") {
                command.env_remove(name);
            }
        }
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .args(arguments)
            .arg("--data")
            .arg(&self.data);
        command
    }

    /// Starts the process.
    ///
    /// # Panics
    /// If the program can't be started.
    pub fn launch(&mut self) {
        let lines = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.lines);
        let child = self
            .command(&[self.role.command(), "--listen", &self.address])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(lines.expect("a file for log lines"))
            .spawn();
        self.child = Some(child.expect("the program can be started"));
        self.is_paused = false;
    }

    /// Waits until it can take work.
    pub async fn ready(&self) {
        let (http, url) = (http(), format!("{}/health/ready", self.url()));
        eventually(format!("{} is ready", self.name), async || {
            let answer = http.get(&url).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Whether the process is there.
    pub fn is_running(&mut self) -> bool {
        self.ended_with().is_none() && self.child.is_some()
    }

    /// Whether it stands still.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// How the process ended, if it has by itself.
    ///
    /// # Panics
    /// If the system does not say.
    pub fn ended_with(&mut self) -> Option<ExitStatus> {
        let child = self.child.as_mut()?;
        child.try_wait().expect("the state of our own process")
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.note_fall();
        if let Some(mut child) = self.child.take() {
            // Fails when it has ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
    }

    /// How it has ended by itself, each time it did.
    pub fn falls(&mut self) -> &[String] {
        self.note_fall();
        &self.falls
    }

    /// Starts a process again that has ended because it found no broker when it started:
    /// that is said and left to whoever supervises it.
    pub fn supervise(&mut self) {
        if self.ended_with().is_some() && self.found_no_broker() {
            self.launch();
        }
    }

    fn found_no_broker(&self) -> bool {
        let log = self.log();
        is_start_without_broker(log.lines().last().unwrap_or_default())
    }

    fn note_fall(&mut self) {
        if let Some(status) = self.ended_with() {
            let lines = self.last_lines();
            self.child = None;
            if self.found_no_broker() {
                return;
            }
            self.falls
                .push(format!("{} ended with {status}\n{lines}", self.name));
        }
    }

    /// SIGSTOP.
    pub fn pause(&mut self) {
        self.signal("STOP");
        self.is_paused = true;
    }

    /// SIGCONT.
    pub fn resume(&mut self) {
        self.signal("CONT");
        self.is_paused = false;
    }

    /// SIGTERM, and waits for a good end.
    ///
    /// # Panics
    /// If it does not end with 0; builds for tests also panic over a broken invariant.
    pub async fn stop(&mut self) {
        self.signal("TERM");
        let name = format!("{} ends", self.name);
        let status = eventually(name, async || self.ended_with()).await;
        assert!(
            status.success(),
            "{} ended with {status}\n{}",
            self.name,
            self.last_lines()
        );
        self.child = None;
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let name = format!("{} ends by itself", self.name);
        let status = eventually(name, async || self.ended_with()).await;
        self.child = None;
        status
    }

    /// Removes the data folder of a process that is not running.
    pub fn wipe(&self) {
        // There may be nothing yet.
        drop(std::fs::remove_dir_all(&self.data));
    }

    /// Runs `triggerfish verify` on its folder and returns whether all views equal the
    /// log, and what it printed. The process must not run.
    ///
    /// # Panics
    /// If the program can't be started.
    #[must_use]
    pub fn verify(&self) -> (bool, String) {
        let output = self.command(&["verify", "--json"]).output();
        let output = output.expect("the program can be started");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    /// Everything it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.lines).unwrap_or_default()
    }

    /// The last lines it has logged.
    #[must_use]
    pub fn last_lines(&self) -> String {
        let text = self.log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn signal(&self, name: &str) {
        if let Some(child) = &self.child {
            let status = Command::new("kill")
                .arg(format!("-{name}"))
                .arg(child.id().to_string())
                .stderr(Stdio::null())
                .status();
            status.expect("the command kill is there");
        }
    }
}

impl Drop for Worker {
    #[expect(
        clippy::print_stderr,
        reason = "what the process said, beside why the test failed"
    )]
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("last lines of {}:\n{}\n", self.name, self.last_lines());
        }
    }
}

/// Whether a process whose last line this is found no broker when it started. One that fails
/// later says what failed, and is not excused.
fn is_start_without_broker(last: &str) -> bool {
    last.starts_with(NO_BROKER.0) && last.contains(NO_BROKER.1)
}

#[cfg(test)]
mod tests {
    use super::is_start_without_broker;

    #[test]
    fn only_a_start_may_find_no_broker() {
        let started = "error: can't start: cannot read the registry topic: the log is unavailable";
        assert!(is_start_without_broker(started));
        let worked = "error: the worker failed: the log is unavailable: asking for topics";
        assert!(!is_start_without_broker(worked));
        assert!(!is_start_without_broker(
            "error: can't start: the disk is full"
        ));
    }
}
