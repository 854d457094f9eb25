//! Signals and panics, in processes of their own.

use std::time::Duration;

use triggerfish_ops::{
    config::{Log, LogFormat},
    health::Readiness,
    shutdown::{Drained, Shutdown},
    telemetry,
};

use crate::process::{Process, is_child};

/// Long enough never to be over in a test.
const HOUR: Duration = Duration::from_hours(1);

fn log_as_json() {
    let log = Log {
        format: LogFormat::Json,
        level: "info".to_owned(),
    };
    telemetry::init(&log).unwrap();
    telemetry::init(&log).unwrap();
}

/// A process with one task that ends when told to if `obedient`, else never.
fn serve(obedient: bool) -> Drained {
    log_as_json();
    let readiness = Readiness::new();
    let condition = readiness.condition("log");
    condition.met();
    let shutdown = Shutdown::install(readiness.clone()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let token = shutdown.token().child_token();
        shutdown.tracker().spawn(async move {
            token.cancelled().await;
            if !obedient {
                std::future::pending::<()>().await;
            }
        });
        tracing::info!("serving");
        shutdown.token().cancelled().await;
        assert!(!readiness.is_ready());
        tracing::info!("draining");
        shutdown.wait_drained(HOUR).await
    })
}

#[test]
fn first_signal_drains() {
    const NAME: &str = "shutdown::first_signal_drains";
    if is_child(NAME) {
        assert_eq!(serve(true), Drained::Fully);
        return;
    }
    let mut process = Process::run(NAME);
    process.line_with("serving");
    process.signal("-TERM");
    process.line_with("SIGTERM");
    assert_eq!(process.exit().code(), Some(0));
}

#[test]
fn second_signal_ends_at_once() {
    const NAME: &str = "shutdown::second_signal_ends_at_once";
    if is_child(NAME) {
        serve(false);
        return;
    }
    for (second, code) in [("-TERM", 143), ("-INT", 130)] {
        let mut process = Process::run(NAME);
        process.line_with("serving");
        process.signal("-INT");
        process.line_with("draining");
        process.signal(second);
        process.line_with("ending at once");
        assert_eq!(process.exit().code(), Some(code));
    }
}

#[test]
fn second_signal_ends_a_process_whose_threads_are_stuck() {
    const NAME: &str = "shutdown::second_signal_ends_a_process_whose_threads_are_stuck";
    if is_child(NAME) {
        log_as_json();
        let _shutdown = Shutdown::install(Readiness::new()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            tracing::info!("stuck");
            loop {
                std::thread::park();
            }
        });
    }
    let mut process = Process::run(NAME);
    process.line_with("stuck");
    process.signal("-TERM");
    process.line_with("shutting down");
    process.signal("-TERM");
    assert_eq!(process.exit().code(), Some(143));
}

#[test]
fn panics_are_log_lines() {
    const NAME: &str = "shutdown::panics_are_log_lines";
    if is_child(NAME) {
        log_as_json();
        let worker = std::thread::Builder::new().name("worker".to_owned());
        let ended = worker
            .spawn(|| panic!("cannot go on: {}", 7))
            .unwrap()
            .join();
        assert!(ended.is_err());
        return;
    }
    let mut process = Process::run(NAME);
    let line: serde_json::Value = serde_json::from_str(&process.line_with("cannot go on")).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "panicked: cannot go on: 7");
    assert_eq!(line["thread"], "worker");
    assert!(line["place"].as_str().unwrap().contains("shutdown.rs:"));
    assert_eq!(process.exit().code(), Some(0));
}
