//! The stack of `docker-compose.yml`, so far as it can be looked at without an engine: the
//! file is loaded as `docker compose` does, its settings are those of the program, and
//! what it feeds into the program fits.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use triggerfish_tests::binary::{self, workspace};
use triggerfish_tests::compose::{self, Project, Service as Composed};
use triggerfish_tests::service::CLIENT;
use triggerfish_tests::tool::{or_skip, run};
use triggerfish_tests::{Reply, Service, Setup, Subscriber};

const WORKERS: [&str; 3] = ["producer", "dispatcher", "completion-consumer"];

async fn project() -> Option<&'static Project> {
    let project = tokio::task::spawn_blocking(compose::project).await;
    let project = project.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    or_skip("docker-compose.yml", project)
}

fn text(file: &str) -> String {
    std::fs::read_to_string(workspace().join(file)).expect("the file is there")
}

#[tokio::test]
async fn workers_are_scaled_and_have_folders_of_their_own() {
    let Some(project) = project().await else {
        return;
    };
    for name in WORKERS {
        let worker = &project.services[name];
        assert_eq!(worker.command.as_deref(), Some(&[name.to_owned()][..]));
        let replicas = worker.deploy["replicas"].as_u64();
        assert!(replicas.is_some_and(|replicas| replicas >= 2), "{name}");
        let [volume] = &*worker.volumes else {
            panic!("{name} has not one volume");
        };
        assert_eq!(volume["target"], "/data", "{name}");
        let is_anonymous = volume.get("source").is_none_or(|source| source == "");
        assert!(is_anonymous, "containers of {name} would share {volume}");
        // Containers that share a service can't share a port of the machine.
        assert!(worker.ports.is_empty(), "{name}");
    }
    let ports = project.services.values().flat_map(|one| &one.ports);
    for port in ports {
        assert_eq!(port["host_ip"], "127.0.0.1", "{port}");
    }
}

#[tokio::test]
async fn settings_of_the_workers_are_settings_of_the_program() {
    let Some(project) = project().await else {
        return;
    };
    for name in WORKERS {
        let worker = &project.services[name];
        let rows = effective(worker);
        let row = |key: &str| {
            let row = rows.iter().find(|row| row["key"] == key);
            row.expect("every key is shown")
        };
        let value = |key: &str| row(key)["value"].clone();
        for key in [
            "kafka.bootstrap_servers",
            "security.keys",
            "api.public_url",
            "delivery.allow_networks",
        ] {
            assert_ne!(row(key)["source"], "default", "{name}: {key}");
        }
        assert_eq!(value("storage.data_dir"), "/data", "{name}");
        let drain = value("shutdown.drain_timeout");
        let drain = drain.as_str().and_then(seconds).expect("PT…S");
        let grace = worker.stop_grace_period.as_deref().and_then(grace);
        assert!(grace > Some(drain), "{name} is killed while it drains");
        // Subscribers may be called, Kafka and the workers themselves may not.
        let subnet = &project.networks["subscribers"]["ipam"]["config"][0]["subnet"];
        assert_eq!(
            value("delivery.allow_networks"),
            serde_json::json!([subnet])
        );
    }
    assert!(
        !project.services["kafka"]
            .networks
            .contains_key("subscribers")
    );
    for name in ["subscriber", "dispatcher"] {
        assert!(project.services[name].networks.contains_key("subscribers"));
    }
}

/// What `triggerfish config` makes of the variables.
fn effective(worker: &Composed) -> Vec<Value> {
    let output = run(Command::new(binary::triggerfish())
        .args(["config", "--json"])
        .env_clear()
        .envs(worker.variables()));
    let output = output.expect("the program takes the settings");
    serde_json::from_slice(&output.stdout).expect("rows")
}

fn seconds(text: &str) -> Option<Duration> {
    let number = text.strip_prefix("PT")?.strip_suffix('S')?;
    number.parse().map(Duration::from_secs).ok()
}

fn grace(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    number.parse().map(Duration::from_secs).ok()
}

#[test]
fn the_image_is_built_with_the_toolchain_of_the_workspace() {
    let toolchain = text("rust-toolchain.toml");
    let channel = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = "));
    let version = channel.expect("a channel").trim_matches('"');
    let dockerfile = text("Dockerfile");
    assert!(
        dockerfile.contains(&format!("FROM rust:{version}-")),
        "{version}"
    );
}

#[test]
fn the_registry_of_the_stack_is_the_example() {
    let lines = |file: &str| -> Vec<String> {
        let text = text(file).replace("http://127.0.0.1:9000/", "http://subscriber:9000/");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    assert_eq!(
        lines("examples/compose-registry.toml"),
        lines("examples/registry.toml")
    );
}

/// The script of the upstream is run with its producer taken off.
#[tokio::test]
async fn what_the_upstream_sends_is_taken() {
    let Some(project) = project().await else {
        return;
    };
    let command = project.services["upstream"].command.as_deref();
    let script = command.and_then(<[String]>::first).expect("a script");
    let (events, producer) = script.split_once("done | ").expect("a loop before a pipe");
    assert!(producer.starts_with("/opt/kafka/bin/kafka-console-producer.sh"));
    assert!(producer.contains("'key.separator=|'"), "{producer}");
    let output = run(Command::new("bash").args(["-c", &format!("{events} break; done")]));
    let line = String::from_utf8(output.expect("bash runs it").stdout).expect("text");
    let (key, event) = line.split_once('|').expect("a key before the event");
    let event: Value = serde_json::from_str(event).expect("the event is JSON");
    assert_eq!(event["input"]["customer"], key);

    let subscriber = Subscriber::always(Reply::json(200, "{}")).await;
    let service = Setup::new().start().await;
    apply(&service, &project.services["setup"], &subscriber.url());
    let started = run(service
        .setup
        .command(&["start", "--url", &service.setup.url(), "--json"])
        .arg(event["triggerId"].as_str().expect("a trigger"))
        .args(["--input", &with_large_total(&event)])
        .args(["--content-json", &event["contentJson"].to_string()]));
    let started = started.expect("the event fits").stdout;
    let started: Value = serde_json::from_slice(&started).expect("JSON");
    assert_eq!(started.as_array().map(Vec::len), Some(1), "{started}");
    drop(service.stop().await);
}

/// The script sends events that the filter does not let through, too.
fn with_large_total(event: &Value) -> String {
    let mut input = event["input"].clone();
    assert!(input["total"].is_number(), "{input}");
    input["total"] = 99.5.into();
    input.to_string()
}

/// Applies the stack's registry as its service `setup` does, for a subscriber of this test.
fn apply(service: &Service, setup: &Composed, subscriber: &str) {
    assert_eq!(setup.command.as_deref().expect("a command")[0], "apply");
    let registry = text("examples/compose-registry.toml");
    let file = service.setup.data().join("compose-registry.toml");
    std::fs::write(
        &file,
        registry.replace("http://subscriber:9000", subscriber),
    )
    .expect("the folder can be written to");
    let own = setup
        .variables()
        .filter(|(name, _)| !name.starts_with("TRIGGERFISH_"));
    let output = run(service
        .setup
        .command(&["apply", "--url", &service.setup.url()])
        .arg(file)
        .env("TRIGGERFISH_CLIENT_ID", CLIENT.0)
        .envs(own));
    let output = output.expect("the registry is applied");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("4 created"), "{said}");
}
