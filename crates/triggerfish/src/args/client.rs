//! What the commands that talk to a running service are told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use reqwest::Url;
use triggerfish_core::{InvocationId, Secret, SubscriptionId};
use uuid::Uuid;

const HEADING: &str = "Service";

/// Which service.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServiceUrl {
    /// Address of the service's HTTP API
    #[arg(
        long,
        env = "TRIGGERFISH_URL",
        default_value = "http://127.0.0.1:8080",
        value_parser = service_url,
        help_heading = HEADING
    )]
    pub(crate) url: Url,
}

/// Which service, and as whom.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClientArgs {
    #[command(flatten)]
    pub(crate) service: ServiceUrl,
    /// Id of the API client
    #[arg(long, env = "TRIGGERFISH_CLIENT_ID", help_heading = HEADING)]
    pub(crate) client_id: Option<String>,
    /// Secret of the API client; better given in the environment than here
    #[arg(
        long,
        env = "TRIGGERFISH_CLIENT_SECRET",
        hide_env_values = true,
        value_parser = secret,
        help_heading = HEADING
    )]
    pub(crate) client_secret: Option<Secret>,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Registry file (.toml or .json) with triggers, subscriptions, object types and callbacks
    pub(crate) file: PathBuf,
    /// Show what would change and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Id of the trigger that fires
    pub(crate) trigger: String,
    /// The event: a file, - for standard input, or JSON; the trigger's example if left out
    #[arg(long, value_name = "FILE|-|JSON")]
    pub(crate) input: Option<String>,
    /// Metadata that travels to the completion: a JSON object
    #[arg(long, value_name = "JSON")]
    pub(crate) content_json: Option<String>,
    /// Makes a repeated start start nothing new
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    pub(crate) idempotency_key: Option<String>,
    /// Events with the same key keep their order
    #[arg(long, value_name = "KEY")]
    pub(crate) ordering_key: Option<String>,
    /// Machine-readable output, with the secrets that complete the invocations
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Id of the trigger to test
    pub(crate) trigger: String,
    /// The event: a file, - for standard input, or JSON; the trigger's example if left out
    #[arg(long, value_name = "FILE|-|JSON")]
    pub(crate) input: Option<String>,
    /// Metadata that travels to the completion: a JSON object
    #[arg(long, value_name = "JSON")]
    pub(crate) content_json: Option<String>,
    /// Only these subscriptions; all of the trigger's, also disabled ones, if left out
    #[arg(long, value_name = "ID", num_args = 1.., value_parser = subscription_id)]
    pub(crate) subscription: Vec<SubscriptionId>,
    /// Machine-readable output, with the secrets that complete the invocations
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("result").required(true).multiple(true))]
pub(crate) struct CompleteArgs {
    /// Id of the invocation
    #[arg(value_parser = invocation_id)]
    pub(crate) id: InvocationId,
    /// Secret of the invocation; it is what allows this, no API client is needed
    #[arg(
        long,
        env = "TRIGGERFISH_INVOCATION_SECRET",
        hide_env_values = true,
        value_parser = secret
    )]
    pub(crate) secret: Secret,
    /// The output: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-", group = "result")]
    pub(crate) output: Option<String>,
    /// Why there is no good output; the invocation ends as FAILED
    #[arg(long, value_name = "TEXT", group = "result")]
    pub(crate) error: Option<String>,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) service: ServiceUrl,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only this invocation, in detail
    #[arg(value_parser = invocation_id, conflicts_with_all = ["trigger", "subscription", "limit"])]
    pub(crate) id: Option<InvocationId>,
    /// Only invocations of this trigger
    #[arg(long, value_name = "ID")]
    pub(crate) trigger: Option<String>,
    /// Only invocations of this subscription
    #[arg(long, value_name = "ID", value_parser = subscription_id)]
    pub(crate) subscription: Option<SubscriptionId>,
    /// Invocations at most, the newest ones
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=250))]
    pub(crate) limit: u32,
    /// Look again every second; with an id until it has ended
    #[arg(long)]
    pub(crate) watch: bool,
    /// Machine-readable output; with --watch one line a look
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Which service, and no credentials: everybody may ask.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Address of the service's HTTP API
    #[arg(long, env = "TRIGGERFISH_URL", value_parser = service_url)]
    pub(crate) url: Option<Url>,
    /// Configuration file (TOML) of the service of this machine
    #[arg(long, env = "TRIGGERFISH_CONFIG", conflicts_with = "url")]
    pub(crate) config: Option<PathBuf>,
    /// Where the service of this machine listens; sets `api.listen`
    #[arg(long, conflicts_with = "url")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct WorkersArgs {
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// The topic
    pub(crate) topic: TailTopic,
    /// Begin with the oldest record that is kept; else with the next one
    #[arg(long)]
    pub(crate) from_beginning: bool,
    /// End after so many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max: Option<u64>,
    /// Read this data folder of a service that is not running: all that is there, then end
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Machine-readable output: one record a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// The topics that can be read. The others hold sealed credentials or what upstream
/// wrote itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TailTopic {
    /// Outcomes, each with contentJson
    Completions,
    /// Outcomes of before-callbacks
    Decisions,
    /// What could not be read, and why
    DeadLetters,
    /// Everything that was seen about invocations
    InvocationLog,
}

impl TailTopic {
    /// The name without an installation's prefix.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Completions => "completions",
            Self::Decisions => "decisions",
            Self::DeadLetters => "dead-letters",
            Self::InvocationLog => "invocation-log",
        }
    }
}

fn service_url(text: &str) -> Result<Url, String> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| "write it as http://HOST:PORT or https://HOST".to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// Goes out as a header.
fn idempotency_key(text: &str) -> Result<String, String> {
    let is_sendable = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let has_length = (1..=255).contains(&text.trim().len());
    let refused = || "write 1 to 255 printable ASCII characters".to_owned();
    (is_sendable && has_length)
        .then(|| text.to_owned())
        .ok_or_else(refused)
}

fn invocation_id(text: &str) -> Result<InvocationId, String> {
    text.parse().map_err(|_| {
        "not the id of an invocation; `start`, `test` and `status` show ids".to_owned()
    })
}

fn subscription_id(text: &str) -> Result<SubscriptionId, String> {
    Uuid::parse_str(text)
        .map(SubscriptionId)
        .map_err(|_| "not the id of a subscription; `apply --json` shows ids".to_owned())
}
