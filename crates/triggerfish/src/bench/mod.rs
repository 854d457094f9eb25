//! Measures against a reference in the same run.
//!
//! Numbers of one machine mean nothing on another, ratios do: each case runs its
//! reference and Triggerfish in turn on the same cores, several times, and reports medians,
//! how far the rounds are apart, and whether the goal is reached.
//!
//! A case is one file with a [`Case`]: it sets a [`stage::Stage`], or a process of its own
//! where what is measured would be distorted by the load beside it, measures its rounds and
//! hands everything it found to an [`Outcome`]. How that is printed and drawn is no concern of
//! the case.

mod alarm;
mod all;
mod child;
mod comeback;
mod completions;
mod decisions;
mod fan_out;
mod fire_and_forget;
mod home;
mod latency;
mod load;
mod neighbours;
mod open;
mod order;
mod outage;
mod outcome;
mod pace;
mod paced;
mod pipeline;
mod plot;
mod progress;
mod rebuild;
mod report;
mod sink;
mod slow;
mod stage;
mod status;
mod subscriptions;
mod sync;
mod tickets;

use std::process::ExitCode;

use anyhow::Context as _;
use triggerfish_ops::open_files;

use crate::args::bench::{BenchCommand, Options};
pub(crate) use neighbours::Kind as DeadKind;
use outcome::Outcome;
use progress::Progress;

/// Something that is measured. What it was told on the command line is the case itself.
trait Case {
    /// The name of its command.
    const NAME: &'static str;

    /// How often, and where results go.
    fn options(&self) -> &Options;

    /// What one round measures, in a few words with the numbers that it was told.
    fn about(&self) -> String;

    /// Sets the stage, measures all rounds, clears the stage.
    ///
    /// # Errors
    /// When something is measured that is not what it should be, such as a lost event: a
    /// figure would be worth nothing then.
    async fn measure(&self, outcome: &mut Outcome, progress: &Progress) -> anyhow::Result<()>;
}

/// Measures what was asked for.
pub(crate) async fn run(command: &BenchCommand) -> anyhow::Result<ExitCode> {
    // Both ends of every call are here.
    open_files::raise_limit();
    match command {
        BenchCommand::All(args) => all::run(args).await?,
        command => one(command).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures one case.
async fn one(command: &BenchCommand) -> anyhow::Result<()> {
    match command {
        BenchCommand::All(_) => unreachable!("all cases are not one"),
        BenchCommand::Sync(args) => measure(args).await,
        BenchCommand::Latency(args) => measure(args).await,
        BenchCommand::FireAndForget(args) => measure(args).await,
        BenchCommand::Order(args) => measure(args).await,
        BenchCommand::Slow(args) => measure(args).await,
        BenchCommand::Neighbours(args) => measure(args).await,
        BenchCommand::Open(args) => measure(args).await,
        BenchCommand::Rebuild(args) => measure(args).await,
        BenchCommand::Subscriptions(args) => measure(args).await,
        BenchCommand::Status(args) => measure(args).await,
        BenchCommand::FanOut(args) => measure(args).await,
        BenchCommand::Outage(args) => measure(args).await,
        BenchCommand::Decisions(args) => measure(args).await,
    }
}

async fn measure<C: Case>(case: &C) -> anyhow::Result<()> {
    let options = case.options();
    let mut outcome = Outcome::new(C::NAME, case.about());
    let progress = Progress::new(C::NAME, options.repeat);
    case.measure(&mut outcome, &progress)
        .await
        .with_context(|| format!("case {}", C::NAME))?;
    if let Some(folder) = &options.plot {
        plot::write(folder, &outcome)?;
    }
    report::print(&outcome, options.json)
}
