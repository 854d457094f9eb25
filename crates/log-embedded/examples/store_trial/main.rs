//! Which store the embedded log should rest on: sled, fjall or a plain file, under the load the
//! engine puts on it (one writer, one value per partition and group, one flush per group).
//! The figures go into `docs/decisions/0001-embedded-log-store.md`; remake them with
//! `cargo run --release -p triggerfish-log-embedded --example store_trial -- all`.

#![expect(clippy::print_stdout, reason = "a trial prints its figures")]

mod crash;
mod power;
mod stores;
mod throughput;

use anyhow::{Context, bail};

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["child", store, folder] => crash::child(store, folder.as_ref()),
        ["speed"] => throughput::run(),
        ["kill"] => crash::run(),
        ["power"] => power::run(),
        ["all"] => {
            throughput::run().context("speed")?;
            crash::run().context("kill")?;
            power::run().context("power")
        }
        _ => bail!("usage: store_trial speed|kill|power|all"),
    }
}
