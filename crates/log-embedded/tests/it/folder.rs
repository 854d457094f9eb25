//! The folder: one process, one format, and clear words when it is not so.

use std::fs;

use triggerfish_log::{Appender, EventLog, LogError, Topic};
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions, OpenError};

use crate::{ensure, open, read_all, record};

#[tokio::test]
async fn a_folder_in_use_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).await;
    let Err(refused) = EmbeddedLog::open(EmbeddedOptions::new(folder.path())).await else {
        panic!("opened twice");
    };
    let said = refused.to_string();
    assert!(matches!(refused, OpenError::Locked { .. }), "{said}");
    assert!(said.contains(&std::process::id().to_string()), "{said}");
    assert!(
        said.contains(folder.path().to_str().unwrap()) && said.contains("stop"),
        "{said}"
    );
    log.close().await;
    open(folder.path()).await.close().await;
}

#[tokio::test]
async fn a_folder_of_another_format_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).await.close().await;
    let format = folder.path().join("format");
    let ours = fs::read_to_string(&format).unwrap();
    fs::write(&format, "triggerfish log, format 99\n").unwrap();
    let refused = EmbeddedLog::open(EmbeddedOptions::new(folder.path()))
        .await
        .err()
        .unwrap();
    assert!(refused.to_string().contains("format 99"), "{refused}");
    fs::write(&format, ours).unwrap();
    open(folder.path()).await.close().await;
}

#[tokio::test]
async fn a_folder_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "do not touch").unwrap();
    let refused = EmbeddedLog::open(EmbeddedOptions::new(folder.path()))
        .await
        .err()
        .unwrap();
    assert!(matches!(&refused, OpenError::NotALog { found, .. } if found == "thesis.tex"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_store_that_is_damaged_does_not_open_as_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).await;
    ensure(&log, &[("t", 1)]).await;
    log.close().await;
    fs::write(folder.path().join("store/version"), b"nonsense").unwrap();
    let refused = EmbeddedLog::open(EmbeddedOptions::new(folder.path()))
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, OpenError::Store { .. }), "{refused}");
    assert!(
        refused
            .to_string()
            .contains("restore the folder from a copy"),
        "{refused}"
    );
}

#[tokio::test]
async fn settings_out_of_range_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = EmbeddedOptions::new(folder.path());
    options.record_bytes_max = 0;
    let refused = EmbeddedLog::open(options).await.err().unwrap();
    assert!(
        refused.to_string().contains("record_bytes_max is 0"),
        "{refused}"
    );
}

#[tokio::test]
async fn dropping_everything_gives_the_folder_up() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).await;
    ensure(&log, &[("t", 1)]).await;
    let appender = log.open_appender("w".into()).await.unwrap();
    drop(log);
    appender.append(vec![record("t", 0, "kept")]).await.unwrap();
    drop(appender);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let log = loop {
        match EmbeddedLog::open(EmbeddedOptions::new(folder.path())).await {
            Ok(log) => break log,
            Err(OpenError::Locked { .. }) => {
                assert!(std::time::Instant::now() < deadline, "still locked");
                tokio::task::yield_now().await;
            }
            Err(e) => panic!("{e}"),
        }
    };
    assert_eq!(read_all(&log, "t", 0).await.len(), 1);
}

#[tokio::test]
async fn a_closed_log_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).await;
    ensure(&log, &[("t", 1)]).await;
    let appender = log.open_appender("w".into()).await.unwrap();
    log.close().await;
    let refused = appender.append(vec![record("t", 0, "late")]).await;
    assert!(
        matches!(refused, Err(LogError::Closed { .. })),
        "{refused:?}"
    );
    assert!(log.open_reader().await.is_err());
    assert!(log.ensure_topics(&[]).await.is_err());
    assert_eq!(log.partitions(&Topic::new("t")).await.unwrap(), 1);
    log.close().await;
}
