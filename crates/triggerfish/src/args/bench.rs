//! What `triggerfish bench` is told.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::bench::DeadKind;

mod many;

pub(crate) use many::{
    FanOutArgs, OpenArgs, OutageArgs, RebuildArgs, StatusArgs, SubscriptionsArgs,
};

const HELP: &str = "Examples:
  triggerfish bench all --plot ./plots
  triggerfish bench sync --invocations 50000
  triggerfish bench latency --engine kafka --bootstrap-servers 127.0.0.1:9092
  triggerfish bench decisions --count 10000 --json";

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Every case in turn, as it is measured without options
    #[command(after_help = HELP)]
    All(AllArgs),
    /// SYNC invocations, event in to completion out, beside a bare HTTP loop
    #[command(after_help = HELP)]
    Sync(SyncArgs),
    /// One SYNC invocation at a time on an idle system, beside one bare POST at a time
    #[command(after_help = HELP)]
    Latency(LatencyArgs),
    /// Events that subscribers are only told of, event in to completion out, beside SYNC invocations
    #[command(after_help = HELP)]
    FireAndForget(FireAndForgetArgs),
    /// What keeping an order costs, beside bare POSTs one after the other
    #[command(after_help = HELP)]
    Order(OrderArgs),
    /// A subscriber that takes long, at the pace that its calls in flight allow
    #[command(after_help = HELP)]
    Slow(SlowArgs),
    /// Healthy subscribers beside 1, 10, 100 that are silent, drip, flood or refuse
    #[command(after_help = HELP)]
    Neighbours(NeighboursArgs),
    /// A great many ASYNC invocations open: memory, completions, a restart, deadlines
    #[command(after_help = HELP)]
    Open(OpenArgs),
    /// Views folded again from the log, beside a plain read of it
    #[command(after_help = HELP)]
    Rebuild(RebuildArgs),
    /// A great many subscriptions with little to do each, beside a few
    #[command(after_help = HELP)]
    Subscriptions(SubscriptionsArgs),
    /// What became of invocations, by id and in pages, with a great many kept
    #[command(after_help = HELP)]
    Status(StatusArgs),
    /// Subscriptions of one trigger with filters, beside as many calls without any
    #[command(after_help = HELP)]
    FanOut(FanOutArgs),
    /// A subscriber that goes away and comes back while a great many events wait for it
    #[command(after_help = HELP)]
    Outage(OutageArgs),
    /// Decisions about actions: ten prompt callbacks, then ten of which three are silent
    #[command(after_help = HELP)]
    Decisions(DecisionsArgs),
}

/// How often a case is measured and where its results go.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Rounds, each with its reference; medians count
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) repeat: u32,
    /// Write a plot (SVG) of each case into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) plot: Option<PathBuf>,
    /// Machine-readable output: one line for each case
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which log is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogArgs {
    /// The engine
    #[arg(long, value_enum, default_value_t = Engine::Embedded)]
    pub(crate) engine: Engine,
    /// Brokers of --engine kafka: HOST:PORT; topics are made on them under a prefix of their own
    #[arg(long, env = "TRIGGERFISH_KAFKA__BOOTSTRAP_SERVERS")]
    pub(crate) bootstrap_servers: Option<String>,
}

/// The engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// In a temporary folder of this process
    Embedded,
    /// On a running broker
    Kafka,
}

#[derive(Debug, Args)]
pub(crate) struct AllArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) options: Options,
    /// Little work in each case: to see that it runs, not how fast
    #[arg(long)]
    pub(crate) quick: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LatencyArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) options: Options,
    /// Invocations of each round, after some to warm up
    #[arg(long, alias = "count", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) invocations: u64,
    /// Time from the start of one to the start of the next, in milliseconds
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) pause_ms: u64,
}

#[derive(Debug, Args)]
pub(crate) struct DecisionsArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) options: Options,
    /// Decisions of each kind and round, after some to warm up
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: u64,
    /// Platforms that ask at once where all callbacks are prompt
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) at_once: u32,
    /// Platforms that ask at once where three are silent
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) at_once_silent: u32,
    /// The budget where three are silent, in milliseconds
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) budget_ms: u64,
}

#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Invocations before the first round, to warm up; on Kafka 400000 where not given, since a
    /// broker is slow until it has compiled what it uses, otherwise none
    #[arg(long, value_name = "INVOCATIONS")]
    pub(crate) warm_up: Option<u64>,
}

/// As much work as there can be.
#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// Invocations in each measurement
    #[arg(long, alias = "count", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) invocations: u64,
    /// Calls in flight, on both sides
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) in_flight: u32,
    /// Events whose completion has not been read yet
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) outstanding: u32,
}

#[derive(Debug, Args)]
pub(crate) struct FireAndForgetArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OrderArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) options: Options,
    /// Events of each kind of order
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) count: u64,
    /// The longest time that the subscriber takes, in milliseconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) pause_ms: u64,
    /// Calls in flight
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) in_flight: u32,
    /// Ordering keys, which events have in turn
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) keys: u32,
}

#[derive(Debug, Args)]
pub(crate) struct SlowArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) options: Options,
    /// Events
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) count: u64,
    /// How long the subscriber takes, in milliseconds
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) pause_ms: u64,
    /// Calls in flight
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) in_flight: u32,
}

#[derive(Debug, Args)]
pub(crate) struct NeighboursArgs {
    #[command(flatten)]
    pub(crate) options: Options,
    /// Healthy subscribers
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) healthy: u32,
    /// Numbers of useless ones beside them
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100], value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) dead: Vec<u32>,
    /// What is wrong with the useless ones
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = DeadKind::value_variants().to_vec())]
    pub(crate) kinds: Vec<DeadKind>,
    /// Calls in flight of each subscriber at most
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) in_flight: u32,
    /// Events of the healthy on their way, where as many go as can
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) outstanding: u32,
    /// Events of the healthy in a second, where their latency is measured
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
    /// How long each measurement takes, in milliseconds
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u64).range(10..))]
    pub(crate) time_ms: u64,
    /// How long one call may take, in milliseconds
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(10..))]
    pub(crate) call_timeout_ms: u64,
}
