//! What `triggerfish dead-letters` is told.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use triggerfish_api::ports::Place;

use super::ClientArgs;

const LIST_HELP: &str = "Examples:
  triggerfish dead-letters list
  triggerfish dead-letters list --reason 'does not exist' --limit 100 --json
  triggerfish dead-letters list --from-beginning --data ./data";

const SHOW_HELP: &str = "Examples:
  triggerfish dead-letters show 0@12
  triggerfish dead-letters show 0@12 --json | jq -r .valueBase64 | base64 -d";

const REDRIVE_HELP: &str = "Each event keeps its identity, so putting a letter back twice starts \
its invocations once. A letter stays in the topic when it was put back.

Examples:
  triggerfish dead-letters redrive 0@12 0@13
  triggerfish dead-letters redrive --all --reason 'does not exist' --dry-run";

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// List dead letters, the newest first
    #[command(after_help = LIST_HELP)]
    List(ListArgs),
    /// Show one dead letter, byte for byte
    #[command(after_help = SHOW_HELP)]
    Show(ShowArgs),
    /// Put events back on the topics that they came from
    #[command(after_help = REDRIVE_HELP)]
    Redrive(RedriveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Begin with the oldest one that is kept
    #[arg(long)]
    pub(crate) from_beginning: bool,
    /// Letters at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// Only letters whose reason has this text in it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Read this data folder of a service that is not running
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Machine-readable output: one letter a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Where the letter is, as `list` shows it: partition@offset
    pub(crate) place: Place,
    /// Read this data folder of a service that is not running
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Machine-readable output, with all bytes as base64
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(crate) struct RedriveArgs {
    /// Where the letters are, as `list` shows it: partition@offset
    #[arg(value_name = "PLACE", group = "which")]
    pub(crate) places: Vec<Place>,
    /// All letters that are there now and can be put back
    #[arg(long, group = "which")]
    pub(crate) all: bool,
    /// Of all letters only those whose reason has this text in it
    #[arg(long, value_name = "TEXT", conflicts_with = "places")]
    pub(crate) reason: Option<String>,
    /// Say what would be put back and put nothing back
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Machine-readable output: one letter a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
