//! The stack of `docker-compose.yml` as processes on this machine: every service by the
//! command and the variables of the file, with a real broker. Only what names a place in a
//! container is replaced by the same place here.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use triggerfish_test_broker::{Cluster, Settings, required_or_skip, tool};
use triggerfish_tests::binary::{self, workspace};
use triggerfish_tests::compose::{self, Project, Service};
use triggerfish_tests::service::free_port;
use triggerfish_tests::tool::{or_skip, run, said};
use triggerfish_tests::wait::LIMIT;

const WORKERS: [&str; 3] = ["producer", "dispatcher", "completion-consumer"];
/// Where the console producer is in the image of Kafka.
const CONSOLE_PRODUCER: &str = "/opt/kafka/bin/kafka-console-producer.sh";
/// So many outcomes of upstream's events are waited for.
const COMPLETIONS: &str = "4";

#[test]
fn the_stack_works_by_the_commands_and_variables_of_its_file() {
    if !required_or_skip("the stack of docker-compose.yml") {
        return;
    }
    let Some(project) = or_skip("the stack of docker-compose.yml", compose::project()) else {
        return;
    };
    let stack = Stack::start(project);
    let setup = stack.once("setup");
    assert!(setup.contains("4 created"), "{setup}");
    stack.once_again_changes_little();
    let _subscriber = stack.subscriber();
    let _upstream = stack.upstream();
    stack.upstream_has_completions();
    stack.a_decision_comes_by_callback();
    stack.end();
}

/// A process of a service, with everything that it started. Killed when dropped.
struct Running(Child);

impl Running {
    fn start(command: &mut Command, lines: &Path) -> Self {
        let lines = File::create(lines).expect("a file for what it says");
        let errors = lines.try_clone().expect("the same file");
        command.stdin(Stdio::null()).stdout(lines).stderr(errors);
        // Of its own, so that its end is the end of all that it started.
        let child = command.process_group(0).spawn();
        Self(child.expect("the program can be started"))
    }

    fn signal(&self, name: &str) {
        let group = format!("-{}", self.0.id());
        let kill = Command::new("kill")
            .args(["-s", name, "--", &group])
            .status();
        kill.expect("the command kill is there");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.signal("KILL");
            drop(self.0.wait());
        }
    }
}

/// One container of a scaled service.
struct Worker {
    name: String,
    url: String,
    variables: Vec<(String, String)>,
    running: Running,
}

struct Stack {
    project: &'static Project,
    folder: TempDir,
    broker: Cluster,
    workers: Vec<Worker>,
    /// Where the gateway would be: at the first producer.
    gateway: String,
    subscriber_port: u16,
}

impl Stack {
    /// Starts the broker and every worker as often as the file says, and waits until the
    /// health check of the image finds each of them well.
    fn start(project: &'static Project) -> Self {
        let broker = Cluster::start(Settings::default()).expect("a broker starts");
        let mut stack = Self {
            project,
            folder: TempDir::new().expect("a folder can be made"),
            broker,
            workers: Vec::new(),
            gateway: String::new(),
            subscriber_port: free_port(),
        };
        for name in WORKERS {
            let replicas = project.services[name].deploy["replicas"].as_u64();
            for number in 1..=replicas.expect("workers are scaled") {
                let port = free_port();
                if stack.gateway.is_empty() {
                    stack.gateway = format!("http://127.0.0.1:{port}");
                }
                let worker = stack.worker(name, number, port);
                stack.workers.push(worker);
            }
        }
        for worker in &stack.workers {
            stack.until(&format!("{} is healthy", worker.name), || {
                let health = bare(&worker.variables).arg("health").output();
                let health = health.expect("the program can be started");
                health.status.success().then_some(())
            });
        }
        stack
    }

    fn worker(&self, name: &str, number: u64, port: u16) -> Worker {
        let service = &self.project.services[name];
        let folder = self.folder.path().join(format!("{name}-{number}"));
        let mut variables = self.variables(service);
        for (_, value) in &mut variables {
            *value = match value.as_str() {
                "/data" => folder.display().to_string(),
                other => other.replace("0.0.0.0:8080", &format!("0.0.0.0:{port}")),
            };
        }
        let mut command = bare(&variables);
        command.args(service.command.as_deref().expect("a command"));
        let lines = folder.with_extension("txt");
        Worker {
            name: format!("{name}-{number}"),
            url: format!("http://127.0.0.1:{port}"),
            variables,
            running: Running::start(&mut command, &lines),
        }
    }

    /// The variables of a service, with the places of the stack replaced by those here.
    fn variables(&self, service: &Service) -> Vec<(String, String)> {
        let subnet = &self.project.networks["subscribers"]["ipam"]["config"][0]["subnet"];
        let subnet = subnet.as_str().expect("a subnet");
        let places = [
            ("kafka:9092", self.broker.bootstrap()),
            ("http://gateway:8080", self.gateway.clone()),
            (subnet, "127.0.0.0/8".to_owned()),
        ];
        let here = |value: &str| {
            let replace =
                |value: String, (there, here): &(&str, String)| value.replace(there, here);
            places.iter().fold(value.to_owned(), replace)
        };
        let variables = service.variables();
        variables
            .map(|(name, value)| (name.to_owned(), here(value)))
            .collect()
    }

    /// Runs a service that ends by itself, and gives what it printed.
    fn once(&self, name: &str) -> String {
        let service = &self.project.services[name];
        let subscriber = format!("http://127.0.0.1:{}", self.subscriber_port);
        let file = self.folder.path().join("registry.toml");
        let mounted = text("examples/compose-registry.toml");
        std::fs::write(
            &file,
            mounted.replace("http://subscriber:9000", &subscriber),
        )
        .expect("the file can be written");
        let command = service.command.iter().flatten();
        let output =
            run(bare(&self.variables(service)).args(command.map(
                |argument| match argument.as_str() {
                    "/registry.toml" => file.as_os_str(),
                    other => other.as_ref(),
                },
            )));
        let output = output.unwrap_or_else(|error| panic!("{error}\n{}", self.lines()));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// `docker compose up` a second time runs the set-up a second time.
    fn once_again_changes_little(&self) {
        let again = self.once("setup");
        assert!(again.contains("0 created"), "{again}");
    }

    fn subscriber(&self) -> Running {
        let service = &self.project.services["subscriber"];
        let script = workspace().join("examples").join("subscriber.py");
        let port = self.subscriber_port.to_string();
        let command = service.command.as_deref().expect("a command");
        let mut python = Command::new("python3");
        python.args(command[1..].iter().map(|argument| match argument.as_str() {
            "/subscriber.py" => script.as_os_str(),
            "9000" => port.as_ref(),
            other => other.as_ref(),
        }));
        python.envs(self.variables(service));
        Running::start(&mut python, &self.folder.path().join("subscriber.txt"))
    }

    fn upstream(&self) -> Running {
        let service = &self.project.services["upstream"];
        let script = service.command.as_deref().expect("a command")[0].as_str();
        assert!(script.contains(CONSOLE_PRODUCER), "{script}");
        let producer = self.broker.tool(tool::CONSOLE_PRODUCER, &[]);
        let words = std::iter::once(producer.get_program()).chain(producer.get_args());
        let words = words.map(|word| format!("'{}'", word.to_string_lossy()));
        let producer = words.collect::<Vec<_>>().join(" ");
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c"]);
        bash.arg(script.replace(CONSOLE_PRODUCER, &producer));
        bash.envs(self.variables(service));
        Running::start(&mut bash, &self.folder.path().join("upstream.txt"))
    }

    /// Read by Kafka's own consumer: one completion for each event, `contentJson` with it.
    fn upstream_has_completions(&self) {
        let bootstrap = self.broker.bootstrap();
        let read = [
            "--bootstrap-server",
            &bootstrap,
            "--topic",
            "completions",
            "--from-beginning",
            "--isolation-level",
            "read_committed",
            "--max-messages",
            COMPLETIONS,
            "--timeout-ms",
            "60000",
        ];
        let output = self.broker.tool(tool::CONSOLE_CONSUMER, &read).output();
        let output = output.expect("java can be started");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(
            lines.len().to_string(),
            COMPLETIONS,
            "{}\n{}",
            said(&output),
            self.lines()
        );
        let mut tickets = HashSet::new();
        for line in lines {
            let completion: Value = serde_json::from_str(line).expect("a completion is JSON");
            assert_eq!(completion["triggerId"], "acme:order-cancelled");
            assert_eq!(completion["outcome"], "COMPLETED", "{completion}");
            let ticket = completion["contentJson"]["ticket"].to_string();
            assert!(ticket.starts_with("\"CHG-"), "{completion}");
            assert!(tickets.insert(ticket), "completed twice: {completion}");
        }
    }

    /// Started at one process, answered by callback to `public_url`, looked up at others.
    fn a_decision_comes_by_callback(&self) {
        let setup = self.variables(&self.project.services["setup"]);
        let client = |worker: &Worker, arguments: &[&str]| {
            let mut command = bare(&setup);
            command.env("TRIGGERFISH_URL", &worker.url).args(arguments);
            command.output().expect("the program can be started")
        };
        let [_, second, .., last] = &*self.workers else {
            panic!("there are fewer than three workers");
        };
        let start = ["start", "idn:access-request-pre-approval", "--json"];
        let output = client(second, &start);
        assert!(output.status.success(), "{}", said(&output));
        let started: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let id = started[0]["id"].as_str().expect("an id").to_owned();
        for worker in [second, last] {
            self.until(&format!("{} knows the outcome", worker.name), || {
                let output = client(worker, &["status", &id, "--json"]);
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                text.contains("\"COMPLETED\"").then_some(())
            });
        }
    }

    /// Ends every worker as `docker compose stop` does: in time, and in good order.
    fn end(mut self) {
        for worker in &self.workers {
            worker.running.signal("TERM");
        }
        for mut worker in std::mem::take(&mut self.workers) {
            let status: ExitStatus = self.until(&format!("{} ends", worker.name), || {
                worker.running.0.try_wait().expect("it is a child")
            });
            assert!(
                status.success(),
                "{}: {status}\n{}",
                worker.name,
                self.lines()
            );
        }
    }

    fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(
                begin.elapsed() < LIMIT,
                "not in time: {what}\n{}",
                self.lines()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The end of what every process has said.
    fn lines(&self) -> String {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder is there");
        let files = files.filter_map(Result::ok).map(|file| file.path());
        let files = files.filter(|file| file.extension().is_some_and(|end| end == "txt"));
        files.map(|file| last_lines(&file)).collect()
    }
}

fn last_lines(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(12)..].join("\n");
    format!("--- {}\n{last}\n", file.display())
}

/// The program with these variables and no others.
fn bare(variables: &[(String, String)]) -> Command {
    let mut command = Command::new(binary::triggerfish());
    command.env_clear();
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

fn text(file: &str) -> String {
    std::fs::read_to_string(workspace().join(file)).expect("the file is there")
}
