//! The harness notices when a rule is broken: a program is built whose rules can be
//! switched off one by one, and must not get through.
//!
//! The build takes minutes, so it is done only where `CHAOS_NEGATIVE` asks for it.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use triggerfish_test_broker::shared;
use triggerfish_tests::binary::{triggerfish, workspace};
use triggerfish_tests::kafka::{Brokers, Findings, Installation, Role, Table};

use super::ending::Run;
use super::turn;

/// Names the rule to a program that was built for it.
const VARIABLE: &str = "CHAOS_FAULT";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_is_saved_before_the_commit_is_noticed() {
    let Some((table, findings)) = broken("view-first").await else {
        return;
    };
    println!("{table}{}", findings.describe());
    let lost = findings.wrong.get("accepted and never completed");
    assert!(lost.is_some(), "{}", findings.describe());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_folded_twice_are_noticed() {
    let Some((table, findings)) = broken("no-dedupe").await else {
        return;
    };
    println!("{table}{}", findings.describe());
    for doubled in [
        "invocations completed twice",
        "calls repeated for no reason",
    ] {
        assert!(
            findings.wrong.contains_key(doubled),
            "{}",
            findings.describe()
        );
    }
}

#[test]
fn no_rule_can_be_switched_off_in_what_is_shipped() {
    let program = std::fs::read(triggerfish()).expect("the program is there");
    let named = program
        .windows(VARIABLE.len())
        .any(|bytes| bytes == VARIABLE.as_bytes());
    assert!(!named, "the program was built with the feature faults");
}

/// What is found out about a run with a broken rule, and kills of completion-consumers.
async fn broken(rule: &str) -> Option<(Table, Findings)> {
    std::env::var_os("CHAOS_NEGATIVE").filter(|asked| !asked.is_empty())?;
    let _turn = turn("broken rules").await?;
    let program = tokio::task::block_in_place(build);
    let cluster = tokio::task::block_in_place(shared);
    let mut installation = Installation::new(Brokers::Shared(cluster))
        .program(program)
        .plain_variable(VARIABLE, rule);
    installation.start(1).await;
    let consumer = installation.running(Some(Role::CompletionConsumer))[0];
    let mut run = Run::begin(installation, 100).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(15) {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let worker = &mut run.installation.workers[consumer];
        worker.kill();
        worker.launch();
        worker.ready().await;
    }
    let mut table = Table::default();
    table.row("rule that is broken", rule);
    let findings = run.end(&mut table).await;
    Some((table, findings))
}

/// In a folder of its own, so that the program under test is left alone.
fn build() -> PathBuf {
    let target = workspace().join("target").join("negative");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(workspace())
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .args(["build", "--quiet", "--package", "triggerfish"])
        .args(["--bin", "triggerfish", "--features", "faults"]);
    let status = cargo.status().expect("cargo can be started");
    assert!(status.success(), "the program does not build: {status}");
    target.join("debug").join("triggerfish")
}
