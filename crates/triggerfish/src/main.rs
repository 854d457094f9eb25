//! `triggerfish`: the services and the tools of Triggerfish in one program.
//!
//! `args` says what can be asked for, `commands` does it, `service` puts a running
//! process together.

mod args;
mod bench;
mod client;
mod commands;
mod demo;
mod json_arg;
mod letters;
mod output;
mod records;
mod service;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

/// Many small allocations on many threads are the hot path, and much is freed on another
/// thread than it was made on. How it is set is in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What is left may wait for a broker that is away, and is nothing that anybody still wants.
const LAST_WORK: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    #[cfg(feature = "faults")]
    if let Ok(name) = std::env::var("CHAOS_FAULT") {
        triggerfish_runtime::faults::break_everywhere(&name);
    }
    let args = args::Args::parse();
    // Only fails when another part of the program was faster, with the same provider.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return commands::fail(&anyhow::Error::new(error).context("can't start")),
    };
    let ended = runtime.block_on(commands::run(args));
    runtime.shutdown_timeout(LAST_WORK);
    match ended {
        Ok(code) => code,
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => commands::fail(&error),
    }
}
