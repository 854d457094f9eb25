//! A disk that takes no more: appends fail with a reason, nothing panics, and what was
//! acknowledged before is there afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;

use triggerfish_log::{Appender, EventLog, LogError};

use crate::{ensure, open, read_all, record};

const FOLDER: &str = "TRIGGERFISH_FULL_DISK_TEST_FOLDER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_closes_the_log_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let acknowledged = run_with_little_room(&log);
    let log = open(&log).await;
    let there = read_all(&log, "t", 0).await.len();
    assert!(
        there >= acknowledged && acknowledged > 10,
        "{acknowledged} of {there}"
    );
    let appender = log.open_appender("w".into()).await.unwrap();
    appender
        .append(vec![record("t", 0, "there is room again")])
        .await
        .unwrap();
}

/// Runs the child so that a write beyond its limit is an error and not its end.
fn run_with_little_room(folder: &Path) -> usize {
    let limited = "trap '' XFSZ; exec \"$0\" \"$@\"";
    let child = Command::new("bash")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .args([
            "full_disk::child",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER, folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}");
    let acknowledged = said
        .lines()
        .find_map(|line| line.strip_prefix("acknowledged "));
    acknowledged
        .unwrap_or_else(|| panic!("{said}"))
        .parse()
        .unwrap()
}

/// Not a test of its own: what the test above starts. Without its variable it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let log = open(&folder).await;
    ensure(&log, &[("t", 1)]).await;
    let appender = log.open_appender("w".into()).await.unwrap();
    // The store takes 64 MiB beforehand, so the limit comes after it was opened.
    let limited = Command::new("prlimit")
        .args(["--fsize=20971520", "--pid"])
        .arg(std::process::id().to_string())
        .status();
    assert!(limited.unwrap().success());
    let mut acknowledged = 0;
    let failed = loop {
        assert!(acknowledged < 200, "200 MB went into files of 20");
        match appender
            .append(vec![record("t", 0, vec![7; 1 << 20])])
            .await
        {
            Ok(_) => acknowledged += 1,
            Err(failed) => break failed,
        }
    };
    let said = failed.to_string();
    assert!(
        matches!(failed, LogError::Closed { .. }) && said.contains("disk"),
        "{said}"
    );
    let again = appender.append(vec![record("t", 0, "more")]).await;
    assert!(matches!(again, Err(LogError::Closed { .. })), "{again:?}");
    log.close().await;
    eprintln!("acknowledged {acknowledged}");
}
