//! What `triggerfish callbacks` is told.

use clap::{Args, Subcommand, ValueEnum, value_parser};
use triggerfish_core::SubscriptionId;
use uuid::Uuid;

use super::ClientArgs;

const LIST_HELP: &str = "Callbacks are made and changed with `triggerfish apply`.

Examples:
  triggerfish callbacks list
  triggerfish callbacks list --object-type app --timing before --json";

const SHOW_HELP: &str = "Examples:
  triggerfish callbacks show ID
  triggerfish callbacks show ID --json | jq .requestHeaders";

const HISTORY_HELP: &str = "Values of secret fields are masked.

Examples:
  triggerfish callbacks history ID
  triggerfish callbacks history ID --filter 'outcome eq \"DENIED\"' --limit 10
  triggerfish callbacks history ID --json | jq '.[] | {triggeredOn, responseBody}'";

const DELETE_HELP: &str = "Example:
  triggerfish callbacks delete ID";

const OBJECT_TYPES_HELP: &str = "Examples:
  triggerfish callbacks object-types
  triggerfish callbacks object-types --json | jq '.[] | {id, example}'";

#[derive(Debug, Subcommand)]
pub(crate) enum CallbacksCommand {
    /// List callbacks, the oldest first
    #[command(after_help = LIST_HELP)]
    List(ListCallbacksArgs),
    /// Show one callback
    #[command(after_help = SHOW_HELP)]
    Show(ShowCallbackArgs),
    /// Show when a callback was called and what came of it, the newest first
    #[command(after_help = HISTORY_HELP)]
    History(CallbackHistoryArgs),
    /// Delete a callback
    #[command(after_help = DELETE_HELP)]
    Delete(DeleteCallbackArgs),
    /// List what callbacks can be about
    #[command(after_help = OBJECT_TYPES_HELP)]
    ObjectTypes(ObjectTypesArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListCallbacksArgs {
    /// Only callbacks of this object type
    #[arg(long, value_name = "ID")]
    pub(crate) object_type: Option<String>,
    /// Only callbacks with this timing
    #[arg(long)]
    pub(crate) timing: Option<TimingArg>,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// When callbacks are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimingArg {
    /// Before the action, which they can block
    Before,
    /// After the action
    After,
}

#[derive(Debug, Args)]
pub(crate) struct ShowCallbackArgs {
    /// Id of the callback
    #[arg(value_parser = callback_id)]
    pub(crate) id: SubscriptionId,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CallbackHistoryArgs {
    /// Id of the callback; its history outlives it
    #[arg(value_parser = callback_id)]
    pub(crate) id: SubscriptionId,
    /// Only what matches, by `outcome`, `action` and `objectId`
    #[arg(long, value_name = "FILTER")]
    pub(crate) filter: Option<String>,
    /// Calls at most
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u64).range(1..=2000))]
    pub(crate) limit: u64,
    /// Machine-readable output, with the bodies
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteCallbackArgs {
    /// Id of the callback
    #[arg(value_parser = callback_id)]
    pub(crate) id: SubscriptionId,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ObjectTypesArgs {
    /// Machine-readable output, with the examples
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

fn callback_id(text: &str) -> Result<SubscriptionId, String> {
    Uuid::parse_str(text)
        .map(SubscriptionId)
        .map_err(|_| "not the id of a callback; `callbacks list` shows ids".to_owned())
}
