//! Kafka's console tools.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use triggerfish_test_broker::{Cluster, tool};

pub(crate) const TOPIC: &str = "things";

/// Creates the topic, as often kept as the cluster says.
pub(crate) fn create(cluster: &Cluster) {
    let bootstrap = cluster.bootstrap();
    let create = [
        "--bootstrap-server",
        &bootstrap,
        "--create",
        "--topic",
        TOPIC,
    ];
    done(&mut cluster.tool(tool::TOPICS, &create));
}

/// Writes one record for each line, acknowledged by enough nodes. Waits longer than it
/// takes to miss a dead one.
pub(crate) fn produce(command: &mut Command, lines: &str) {
    command.args(["--request-timeout-ms", "15000"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("java can be started");
    let mut pipe = child.stdin.take().expect("it is a pipe");
    pipe.write_all(lines.as_bytes()).expect("the tool reads");
    drop(pipe);
    let output = child.wait_with_output().expect("the tool ends");
    assert!(output.status.success(), "{}", said(&output));
    // The console producer ends well even if nothing was acknowledged.
    assert!(
        !said(&output).contains("Error when sending"),
        "{}",
        said(&output)
    );
}

pub(crate) fn producer(cluster: &Cluster) -> Command {
    let bootstrap = cluster.bootstrap();
    let arguments = ["--bootstrap-server", &bootstrap, "--topic", TOPIC];
    cluster.tool(tool::CONSOLE_PRODUCER, &arguments)
}

/// The first `count` records, one in each line.
pub(crate) fn consume(cluster: &Cluster, count: &str) -> String {
    let bootstrap = cluster.bootstrap();
    let arguments = [
        "--bootstrap-server",
        &bootstrap,
        "--topic",
        TOPIC,
        "--from-beginning",
        "--timeout-ms",
        "30000",
        "--max-messages",
        count,
    ];
    done(&mut cluster.tool(tool::CONSOLE_CONSUMER, &arguments))
}

/// What a tool printed; it must have ended well.
pub(crate) fn done(command: &mut Command) -> String {
    let output = command.output().expect("java can be started");
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("lines are text")
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
