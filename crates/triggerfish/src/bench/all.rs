//! `triggerfish bench all`: every case in turn.

use std::ffi::OsString;

use anyhow::{Context as _, bail};
use clap::{CommandFactory as _, Parser as _};

use super::one;
use crate::args::{
    Args, BenchCommand, Command,
    bench::{AllArgs, Engine},
};

/// The cases in their order, each with what makes it little work.
const CASES: [(&str, &[&str]); 13] = [
    ("sync", &["--invocations", "200", "--warm-up", "0"]),
    ("latency", &["--invocations", "20", "--pause-ms", "5"]),
    ("fire-and-forget", &["--invocations", "200"]),
    (
        "order",
        &["--count", "200", "--pause-ms", "2", "--keys", "4"],
    ),
    (
        "slow",
        &["--count", "100", "--pause-ms", "20", "--in-flight", "8"],
    ),
    (
        "neighbours",
        &[
            "--healthy",
            "2",
            "--dead",
            "2",
            "--in-flight",
            "4",
            "--rate",
            "50",
            "--time-ms",
            "400",
            "--call-timeout-ms",
            "1000",
        ],
    ),
    (
        "open",
        &[
            "--count",
            "200",
            "--completions",
            "20",
            "--deadlines",
            "50",
            "--deadline-s",
            "3",
        ],
    ),
    (
        "rebuild",
        &["--count", "200", "--burst", "100", "--waiting", "20"],
    ),
    (
        "subscriptions",
        &["--count", "200", "--many", "20", "--few", "2"],
    ),
    ("status", &["--count", "200", "--requests", "20"]),
    ("fan-out", &["--count", "50"]),
    (
        "outage",
        &[
            "--count",
            "200",
            "--outage-s",
            "1",
            "--alone-s",
            "1",
            "--rate",
            "20",
        ],
    ),
    (
        "decisions",
        &[
            "--count",
            "50",
            "--at-once-silent",
            "16",
            "--budget-ms",
            "200",
        ],
    ),
];

pub(super) async fn run(args: &AllArgs) -> anyhow::Result<()> {
    for (name, quick) in CASES {
        if args.log.engine == Engine::Kafka && !is_for_kafka(name) {
            continue;
        }
        let quick = if args.quick { quick } else { &[] };
        one(&command(name, quick, args)?).await?;
    }
    Ok(())
}

/// The case as the command line would have it, with its own defaults.
fn command(name: &str, more: &[&str], args: &AllArgs) -> anyhow::Result<BenchCommand> {
    let mut line: Vec<OsString> = ["triggerfish", "bench", name].map(Into::into).into();
    line.extend(more.iter().map(Into::into));
    line.extend(["--repeat".into(), args.options.repeat.to_string().into()]);
    if args.options.json {
        line.push("--json".into());
    }
    if let Some(folder) = &args.options.plot {
        line.extend(["--plot".into(), folder.into()]);
    }
    if args.log.engine == Engine::Kafka {
        line.extend(["--engine", "kafka"].map(Into::into));
        let servers = args.log.bootstrap_servers.iter();
        line.extend(servers.flat_map(|servers| ["--bootstrap-servers".into(), servers.into()]));
    }
    let parsed = Args::try_parse_from(line).with_context(|| format!("case {name}"))?;
    match parsed.command {
        Command::Bench(command) => Ok(command),
        _ => bail!("{name} is not a case"),
    }
}

fn is_for_kafka(name: &str) -> bool {
    let program = Args::command();
    let case = program.find_subcommand("bench");
    let case = case.and_then(|bench| bench.find_subcommand(name));
    case.is_some_and(|case| case.get_arguments().any(|arg| arg.get_id() == "engine"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_among_all() {
        let program = Args::command();
        let bench = program.find_subcommand("bench").unwrap();
        let commands = bench.get_subcommands().map(clap::Command::get_name);
        let cases: Vec<_> = commands.filter(|name| *name != "all").collect();
        assert_eq!(CASES.map(|(name, _)| name).to_vec(), cases);
    }

    #[test]
    fn options_reach_every_case() {
        let line = "triggerfish bench all --quick --json --repeat 7 --plot plots";
        let Command::Bench(BenchCommand::All(all)) = Args::parse_from(line.split(' ')).command
        else {
            panic!("not all");
        };
        for (name, quick) in CASES {
            let command = format!("{:?}", command(name, quick, &all).unwrap());
            for part in ["repeat: 7", "json: true", "plot: Some(\"plots\")"] {
                assert!(command.contains(part), "{name}: {command}");
            }
        }
        assert!(is_for_kafka("sync"));
    }
}
