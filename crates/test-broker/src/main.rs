//! A real Apache Kafka on this machine for trying Triggerfish: started by one command,
//! without Docker, gone with Ctrl-C.
//!
//! `tool` runs Kafka's own tools, which come with it.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use triggerfish_test_broker::{Cluster, KAFKA, Settings, tool};

/// Runs a real Apache Kafka until Ctrl-C.
#[derive(Debug, Parser)]
#[command(
    name = "triggerfish-test-broker",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(flatten)]
    broker: Broker,
    #[command(subcommand)]
    command: Option<Tool>,
}

#[derive(Debug, Args)]
struct Broker {
    /// How many nodes: 1 or 3
    #[arg(long, default_value_t = 1)]
    nodes: u16,
    /// Port of the first node; the next ones follow. 0 takes free ones
    #[arg(long, default_value_t = 9092)]
    port: u16,
    /// Keep records in this folder and find them again; a temporary one if not given
    #[arg(long)]
    data: Option<PathBuf>,
    /// Add a listener with TLS and SASL/SCRAM
    #[arg(long)]
    secured: bool,
    /// A property of the brokers, e.g. --set message.max.bytes=2000000
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = property)]
    properties: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
enum Tool {
    /// Run one of Kafka's own tools, e.g. `tool topics --bootstrap-server 127.0.0.1:9092 --list`
    // Its own help is what is asked for after its name.
    #[command(disable_help_flag = true)]
    Tool {
        /// topics, console-producer, console-consumer, consumer-groups, configs, or a class
        name: String,
        /// What the tool is told
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Tool::Tool { name, arguments }) => run(&name, &arguments),
        None => broker(arguments.broker).await,
    }
}

async fn broker(wanted: Broker) -> anyhow::Result<ExitCode> {
    // Before anything is started: from here on a signal ends the brokers in order.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let cluster = Cluster::start(Settings {
        nodes: wanted.nodes,
        secured: wanted.secured,
        broker_properties: wanted.properties,
        port: Some(wanted.port).filter(|port| *port != 0),
        data: wanted.data,
        is_lasting: true,
    })?;
    say(&cluster)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    cluster.end();
    Ok(ExitCode::SUCCESS)
}

fn say(cluster: &Cluster) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Apache Kafka {KAFKA} answers, until Ctrl-C, at")?;
    writeln!(out, "{}", cluster.bootstrap())?;
    if let Some(secured) = cluster.secured() {
        writeln!(out, "and by SASL_SSL with {} at", secured.mechanism)?;
        writeln!(out, "{}", secured.bootstrap)?;
        writeln!(
            out,
            "user {}, password {}",
            secured.username, secured.password
        )?;
        writeln!(out, "certificate {}", secured.ca.display())?;
        writeln!(out, "properties {}", secured.client_properties.display())?;
    }
    out.flush()
}

fn run(name: &str, arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    let class = match name {
        "topics" => tool::TOPICS,
        "console-producer" => tool::CONSOLE_PRODUCER,
        "console-consumer" => tool::CONSOLE_CONSUMER,
        "consumer-groups" => tool::CONSUMER_GROUPS,
        "configs" => tool::CONFIGS,
        class => class,
    };
    let mut command = tool::command(class)?;
    let status = command.args(arguments).status().context("can't run java")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
