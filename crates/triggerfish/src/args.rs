//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// An event-trigger service: events in, subscribers called over HTTP, exactly one
/// completion for each invocation.
#[derive(Debug, Parser)]
#[command(
    name = "triggerfish",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed; the reason is on standard error
  2  the command line is wrong
  3  verify: a view differs from its log
  130, 143  ended by a second SIGINT or SIGTERM before the drain was over";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run every role in this process on the embedded log
    #[command(after_help = "Example:\n  triggerfish all --data ./data --listen 127.0.0.1:8080")]
    All(ServiceArgs),
    /// Print the effective configuration: every key, its value and where it came from
    #[command(after_help = "Example:\n  triggerfish config --config triggerfish.toml --json")]
    Config(ConfigArgs),
    /// Fold the log again and compare with the views
    #[command(
        after_help = "The service must not be running on the data folder.\n\nExample:\n  triggerfish verify --data ./data"
    )]
    Verify(VerifyArgs),
    /// Measure against a reference in the same run
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Print a shell completion script
    #[command(
        after_help = "Example:\n  triggerfish shell-completions bash > /etc/bash_completion.d/triggerfish"
    )]
    ShellCompletions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Where settings come from; flags win over the environment, that over the file.
#[derive(Debug, Default, Clone, ClapArgs)]
pub(crate) struct ServiceArgs {
    /// Configuration file (TOML)
    #[arg(long, env = "TRIGGERFISH_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Data folder; sets storage.data_dir
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Address of the HTTP API; sets api.listen
    #[arg(long)]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// SYNC invocations, event in to completion out, beside a bare HTTP loop
    #[command(after_help = "Example:\n  triggerfish bench sync --invocations 50000")]
    Sync(BenchSyncArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BenchSyncArgs {
    /// Invocations in each measurement
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) invocations: u64,
    /// Calls in flight
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) in_flight: u32,
    /// Measurements; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) repeat: u32,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}
