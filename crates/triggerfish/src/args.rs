//! The command line.

pub(crate) mod bench;
pub(crate) mod callbacks;
mod client;
pub(crate) mod dead_letters;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

pub(crate) use client::{
    ApplyArgs, ClientArgs, CompleteArgs, HealthArgs, ServiceUrl, StartArgs, StatusArgs, TailArgs,
    TailTopic, TestArgs, WorkersArgs,
};

pub(crate) use bench::BenchCommand;
pub(crate) use callbacks::CallbacksCommand;
pub(crate) use dead_letters::DeadLettersCommand;

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

const DEMO_HELP: &str = "Runs in a temporary folder on free local ports, needs no set-up, ends by \
itself. Everything that it shows is checked; it ends with 1 if anything is not as it should be.

Example:
  triggerfish demo";

const DUTY_HELP: &str = "One role a process, on Kafka: start as many processes of each as are \
wanted, each with a data folder of its own. All serve the HTTP API, and each answers for all. They \
need the same server keys (TRIGGERFISH_SECURITY__KEYS).

Example:
  export TRIGGERFISH_KAFKA__BOOTSTRAP_SERVERS=kafka:9092 TRIGGERFISH_SECURITY__KEYS=...
  triggerfish producer --data ./producer-1 --listen 127.0.0.1:8080
  triggerfish dispatcher --data ./dispatcher-1 --listen 127.0.0.1:8081
  triggerfish completion-consumer --data ./completion-1 --listen 127.0.0.1:8082";

const APPLY_HELP: &str = "The file has [[triggers]], [[subscriptions]], [[objectTypes]] and \
[[callbacks]] with the field names of the HTTP API. A subscription is found by trigger and name, a \
callback by object type, timing and name; what is not in the file is left alone. A \
credential is a literal, env:NAME or file:PATH.

Examples:
  triggerfish apply triggerfish.toml --dry-run
  triggerfish apply triggerfish.toml";

const START_HELP: &str = "Examples:
  triggerfish start test:request-response --input '{\"identityId\": \"7\"}'
  triggerfish start idn:identity-created --input event.json --content-json '{\"ticket\": 7}'
  generate-event | triggerfish start acme:order-cancelled --input - --idempotency-key order-7";

const TEST_HELP: &str = "Examples:
  triggerfish test idn:access-request-pre-approval
  triggerfish test test:request-response --input '{\"identityId\": \"7\"}' --json";

const COMPLETE_HELP: &str = "Id and secret are those of `_metadata` in the subscriber's request, \
or of `start --json` and `test --json`.

Examples:
  triggerfish complete ID --secret SECRET --output '{\"approved\": true}'
  triggerfish complete ID --secret SECRET --error 'the approver has left'";

const STATUS_HELP: &str = "Examples:
  triggerfish status --trigger idn:identity-created --limit 50
  triggerfish status ID --watch
  triggerfish status ID --json";

const WORKERS_HELP: &str = "LAG and OPEN are sums over the partitions of a process.

Examples:
  triggerfish workers
  triggerfish workers --json | jq '.[].partitions[].partition'";

const TAIL_HELP: &str = "Follows the running service at --url. With --data the folder itself is \
read, which takes no credentials but a service that is not running.

Examples:
  triggerfish tail completions
  triggerfish tail completions --from-beginning --json | jq .value.contentJson
  triggerfish tail dead-letters --data ./data --json";

const HEALTH_HELP: &str = "Ends with 0 if the service is ready, with 1 if it is not or does not \
answer; made for health checks of containers. Without --url it asks where `api.listen` says that \
the service of this machine listens.

Examples:
  triggerfish health
  triggerfish health --listen 0.0.0.0:8080";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the main job in a few seconds: event in, POST, answer, callback, completion out
    #[command(after_help = DEMO_HELP)]
    Demo,
    /// Run every role in this process, on the embedded log unless Kafka is set
    #[command(after_help = "Example:\n  triggerfish all --data ./data --listen 127.0.0.1:8080")]
    All(ServiceArgs),
    /// Take events in, by HTTP and from Kafka
    #[command(after_help = DUTY_HELP)]
    Producer(ServiceArgs),
    /// Call subscribers
    #[command(after_help = DUTY_HELP)]
    Dispatcher(ServiceArgs),
    /// Emit completions, watch deadlines, answer questions about invocations
    #[command(after_help = DUTY_HELP)]
    CompletionConsumer(ServiceArgs),
    /// Make triggers, subscriptions and callbacks what a registry file says
    #[command(after_help = APPLY_HELP)]
    Apply(ApplyArgs),
    /// Look at callbacks and object types, and delete callbacks
    #[command(subcommand)]
    Callbacks(CallbacksCommand),
    /// Start invocations: hand in an event as if it had just happened
    #[command(after_help = START_HELP)]
    Start(StartArgs),
    /// Start test invocations, also of disabled subscriptions
    #[command(after_help = TEST_HELP)]
    Test(TestArgs),
    /// Complete an invocation, as its subscriber does by callback
    #[command(after_help = COMPLETE_HELP)]
    Complete(CompleteArgs),
    /// Show what became of invocations
    #[command(after_help = STATUS_HELP)]
    Status(StatusArgs),
    /// Show the processes of the installation and which partitions run in each
    #[command(after_help = WORKERS_HELP)]
    Workers(WorkersArgs),
    /// Follow a topic
    #[command(after_help = TAIL_HELP)]
    Tail(TailArgs),
    /// Ask whether a service is ready
    #[command(after_help = HEALTH_HELP)]
    Health(HealthArgs),
    /// Look at events that could not be taken, and put them back
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
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
    /// Data folder; sets `storage.data_dir`
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Address of the HTTP API; sets `api.listen`
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
