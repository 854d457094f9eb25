//! One module for each command.

mod apply;
mod callbacks;
mod complete;
mod config;
mod dead_letters;
mod health;
mod serve;
mod settings;
mod start;
mod status;
mod tail;
mod verify;
mod workers;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::{
    args::{Args, Command},
    bench, demo,
    service::Duty,
};

/// Does what was asked for.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::All(args) => serve::run(&args, Duty::ALL).await,
        Command::Producer(args) => serve::run(&args, &[Duty::Producer]).await,
        Command::Dispatcher(args) => serve::run(&args, &[Duty::Dispatcher]).await,
        Command::CompletionConsumer(args) => serve::run(&args, &[Duty::CompletionConsumer]).await,
        Command::Demo => demo::run().await,
        Command::Apply(args) => apply::run(&args).await,
        Command::Callbacks(command) => callbacks::run(&command).await,
        Command::Start(args) => start::start(&args).await,
        Command::Test(args) => start::test(&args).await,
        Command::Complete(args) => complete::run(&args).await,
        Command::Status(args) => status::run(&args).await,
        Command::Workers(args) => workers::run(&args).await,
        Command::Tail(args) => tail::run(&args).await,
        Command::Health(args) => health::run(&args).await,
        Command::DeadLetters(command) => dead_letters::run(&command).await,
        Command::Config(args) => config::run(&args),
        Command::Verify(args) => verify::run(&args).await,
        Command::Bench(command) => bench::run(&command).await,
        Command::ShellCompletions { shell } => {
            let mut command = Args::command();
            clap_complete::generate(shell, &mut command, "triggerfish", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Says on standard error what went wrong, with its causes.
#[expect(
    clippy::print_stderr,
    reason = "the last word of a command goes to the person"
)]
pub(crate) fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

/// Prints a line of output.
#[expect(clippy::print_stdout, reason = "the output of a command")]
pub(crate) fn print(line: impl std::fmt::Display) {
    println!("{line}");
}
