//! A process is killed at random moments, again and again on the same folder. What it said was
//! acknowledged is there, nothing is there by halves, and no record was processed twice.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use triggerfish_log::{
    Appender, Batch, Consumed, EventLog, Limit, Offset, Outputs, Polled, Session, SessionSpec,
    Topic,
};
use triggerfish_log_embedded::EmbeddedLog;

use crate::{Seeded, ensure, open, read_all, record, text};

const KILLS: u64 = 50;
const APPENDERS: u32 = 24;
const PARTITIONS: u32 = 4;
const FOLDER: &str = "TRIGGERFISH_CRASH_TEST_FOLDER";
const RUN: &str = "TRIGGERFISH_CRASH_TEST_RUN";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_whenever_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut seeded = Seeded(0x0007_EEF1);
    let mut acknowledged = HashMap::new();
    for run in 0..KILLS {
        let acknowledgements = 1 + seeded.below(250);
        let path = log.clone();
        let killed = tokio::task::spawn_blocking(move || kill_after(&path, run, acknowledgements));
        acknowledged.extend(killed.await.unwrap());
        let log = open(&log).await;
        check_appends(&log, &acknowledged).await;
        check_commits(&log).await;
        log.close().await;
    }
    assert!(acknowledged.len() as u64 > KILLS, "the runs did nothing");
}

/// Starts the child, kills it once it has acknowledged so much, and returns all it acknowledged
/// until then: each call with the places of its records.
fn kill_after(folder: &Path, run: u64, acknowledgements: u64) -> HashMap<String, String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(RUN, run.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = HashMap::new();
    let mut take = |line: String| {
        let (call, places) = line
            .split_once(' ')
            .unwrap_or_else(|| panic!("child: {line}"));
        said.insert(call.to_owned(), places.to_owned());
    };
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    for _ in 0..acknowledgements {
        take(
            lines
                .next()
                .expect("the child goes on until it is killed")
                .unwrap(),
        );
    }
    child.kill().unwrap();
    // What it still said before it died counts too, save for a line cut in two.
    for line in lines
        .map_while(Result::ok)
        .filter(|line| line.ends_with('.'))
    {
        take(line);
    }
    child.wait().unwrap();
    said
}

/// The records of each call are next to each other, all or none, where it was said.
async fn check_appends(log: &EmbeddedLog, acknowledged: &HashMap<String, String>) {
    let mut found = HashMap::new();
    for partition in 0..PARTITIONS {
        let records = read_all(log, "appends", partition).await;
        assert_eq!(records.len() % 3, 0, "a call is there by halves");
        for call in records.chunks(3) {
            let ids: HashSet<_> = call.iter().map(text).collect();
            assert_eq!(ids.len(), 1, "calls are mixed: {ids:?}");
            assert_eq!(call[2].offset.0, call[0].offset.0 + 2);
            let id = text(&call[0]).trim_end().to_owned();
            let place = format!("{partition}@{}.", call[0].offset);
            assert_eq!(found.insert(id, place), None, "a call is there twice");
        }
    }
    for (call, place) in acknowledged {
        assert_eq!(found.get(call), Some(place), "{call} was acknowledged");
    }
}

/// The results are those of the records before the committed position: each once, no others.
async fn check_commits(log: &EmbeddedLog) {
    let mut session = log
        .open_session(spec(Outputs::PositionsOnly))
        .await
        .unwrap();
    let polled = session
        .poll(Limit::default(), Duration::from_secs(5))
        .await
        .unwrap();
    let Polled::Assigned(assigned) = polled else {
        panic!("{polled:?}")
    };
    let committed = assigned[0]
        .committed
        .as_ref()
        .map_or(Offset::ZERO, |c| c.offset);
    let metadata = assigned[0].committed.as_ref().map(|c| c.metadata.clone());
    session.close().await;
    let work = read_all(log, "work", 0).await;
    let done = work
        .iter()
        .filter(|r| r.offset < committed)
        .map(|r| r.offset.to_string());
    let done: Vec<_> = done.collect();
    let results = read_all(log, "results", 0).await;
    assert_eq!(results.iter().map(text).collect::<Vec<_>>(), done);
    assert_eq!(metadata.unwrap_or_default(), committed_metadata(&done));
}

fn committed_metadata(done: &[String]) -> String {
    done.last()
        .map_or(String::new(), |last| format!("after {last}"))
}

fn spec(outputs: Outputs) -> SessionSpec {
    SessionSpec {
        group: "workers".into(),
        topic: "work".into(),
        instance: "crash test".into(),
        outputs,
    }
}

/// Not a test of its own: what the test above starts and kills. Without its variables it has
/// nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let run = std::env::var(RUN).unwrap();
    let log = open(&folder).await;
    ensure(
        &log,
        &[("appends", PARTITIONS), ("work", 1), ("results", 1)],
    )
    .await;
    let mut tasks = tokio::task::JoinSet::new();
    for a in 0..APPENDERS {
        tasks.spawn(append(log.clone(), run.clone(), a));
    }
    tasks.spawn(feed(log.clone()));
    tasks.spawn(work(log));
    tasks.join_next().await.unwrap().unwrap();
}

/// Each call appends its own name three times and then says where.
async fn append(log: EmbeddedLog, run: String, a: u32) {
    let appender = log.open_appender("crash test".into()).await.unwrap();
    for n in 0.. {
        let id = format!("{run}-{a}-{n}");
        // Padded to the size of an ordinary record.
        let value = format!("{id:<600}");
        let three = (0..3)
            .map(|_| record("appends", a % PARTITIONS, value.clone()))
            .collect();
        let places = appender.append(three).await.unwrap();
        let line = format!("{id} {}@{}.\n", places[0].0, places[0].1);
        std::io::stderr().lock().write_all(line.as_bytes()).unwrap();
    }
}

async fn feed(log: EmbeddedLog) {
    let appender = log.open_appender("crash test".into()).await.unwrap();
    loop {
        let records = (0..3).map(|_| record("work", 0, "task")).collect();
        appender.append(records).await.unwrap();
    }
}

async fn work(log: EmbeddedLog) {
    let mut session = log
        .open_session(spec(Outputs::Atomic("worker".into())))
        .await
        .unwrap();
    loop {
        let polled = session
            .poll(Limit::records(5), Duration::from_secs(5))
            .await
            .unwrap();
        let Polled::Records(records) = polled else {
            continue;
        };
        let done: Vec<_> = records.iter().map(|r| r.offset.to_string()).collect();
        let results = done
            .iter()
            .map(|offset| record("results", 0, offset.clone()))
            .collect();
        let position = Consumed {
            topic: Topic::new("work"),
            partition: records[0].partition,
            offset: records.last().unwrap().offset.next(),
            metadata: committed_metadata(&done).into(),
        };
        session
            .commit(Batch {
                records: results,
                consumed: vec![position],
            })
            .await
            .unwrap();
    }
}
