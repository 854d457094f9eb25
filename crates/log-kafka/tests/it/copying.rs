//! A process that copies one topic into another, each record once: this test binary, started
//! again. It stands for a worker that can be killed and frozen at any moment.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use triggerfish_log::{
    Batch, CommitError, EventLog as _, Limit, LogError, NewRecord, Polled, Record, Session as _,
    Topic,
};
use triggerfish_log_kafka::{KafkaLog, KafkaSession};

use crate::stage::{PATIENCE, position, session_spec, settings};

/// Says what to copy: servers, group, input, output and writer, with spaces between them.
const TASK: &str = "TRIGGERFISH_TEST_COPY";
/// What the child says of each turn.
const COMMITTED: &str = "committed";
const SET_BACK: &str = "set back";
/// Between reading and committing a worker works; that is when it is caught most often.
const WORK: Duration = Duration::from_millis(5);

/// A running child; killed when it is dropped.
pub(crate) struct Copier {
    child: Child,
    said: Receiver<String>,
}

/// What is copied, and under which name.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) bootstrap: String,
    pub(crate) group: String,
    pub(crate) input: Topic,
    pub(crate) output: Topic,
}

impl Copier {
    pub(crate) fn start(task: &Task, writer: &str) -> Self {
        let Task {
            bootstrap,
            group,
            input,
            output,
        } = task;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "copying::child", "--nocapture"])
            .env(
                TASK,
                format!("{bootstrap} {group} {input} {output} {writer}"),
            )
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (say, said) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if say.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, said }
    }

    /// Waits for this many commits.
    pub(crate) fn commits(&self, count: usize) {
        (0..count).for_each(|_| self.hears(COMMITTED));
    }

    /// Waits for this many commits, but not for long; how many there were.
    ///
    /// # Panics
    /// If the process has ended.
    pub(crate) fn commits_within(&self, wait: Duration, count: usize) -> usize {
        let until = Instant::now() + wait;
        let mut heard = 0;
        while heard < count && self.next_is(COMMITTED, until) {
            heard += 1;
        }
        heard
    }

    /// Waits until it finds that it lost its place.
    pub(crate) fn is_set_back(&self) {
        self.hears(SET_BACK);
    }

    fn hears(&self, wanted: &str) {
        let is_heard = self.next_is(wanted, Instant::now() + PATIENCE);
        assert!(is_heard, "it never said {wanted:?}");
    }

    /// Whether it says this by then.
    fn next_is(&self, wanted: &str, until: Instant) -> bool {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(line) if line.starts_with(wanted) => return true,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => panic!("it ended before {wanted:?}"),
            }
        }
    }

    /// Forgets what it said until now.
    pub(crate) fn hush(&self) {
        while self.said.try_recv().is_ok() {}
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        // One that has ended can't be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// No test by itself: what a child does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let parts: Vec<&str> = task.split(' ').collect();
    let [bootstrap, group, input, output, writer] = parts[..] else {
        panic!("{TASK}={task}");
    };
    let (input, output) = (Topic::from(input), Topic::from(output));
    let mut settings = settings(bootstrap);
    for (name, value) in [
        ("session.timeout.ms", "1000"),
        ("heartbeat.interval.ms", "200"),
    ] {
        settings.properties.insert(name.into(), value.into());
    }
    let log = KafkaLog::open(settings).await.unwrap();
    loop {
        let spec = session_spec(group, &input, Some(writer));
        match log.open_session(spec).await {
            Ok(session) => copy(session, &output).await,
            Err(LogError::Unavailable { reason }) => say(&format!("unavailable {reason}")),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Copies until the session is over.
async fn copy(mut session: KafkaSession, output: &Topic) {
    loop {
        let polled = session.poll(Limit::records(20), Duration::from_secs(1));
        let records = match polled.await {
            Ok(Polled::Records(records)) => records,
            Ok(Polled::Lost(lost)) => {
                say(&format!("{SET_BACK}: lost {lost:?}"));
                continue;
            }
            // A hand-over is granted by dropping what was polled.
            Ok(_) => continue,
            Err(error) => return say(&format!("{SET_BACK}: {error}")),
        };
        tokio::time::sleep(WORK).await;
        let batch = copied(&records, output);
        loop {
            match session.commit(batch.clone()).await {
                Ok(_) => break say(COMMITTED),
                Err(CommitError::Aborted { reason }) => say(&format!("aborted: {reason}")),
                Err(error @ CommitError::Refused(_)) => panic!("{error:?}"),
                Err(error) => return say(&format!("{SET_BACK}: {error}")),
            }
        }
    }
}

fn copied(records: &[Record], output: &Topic) -> Batch {
    let mut batch = Batch::default();
    for record in records {
        batch.records.push(NewRecord {
            topic: output.clone(),
            partition: record.partition,
            key: None,
            value: record.value.clone(),
            headers: Vec::new(),
        });
        let next = position(&record.topic, record.partition, record.offset.next());
        batch
            .consumed
            .retain(|one| one.partition != record.partition);
        batch.consumed.push(next);
    }
    batch
}

#[expect(clippy::print_stdout, reason = "the parent listens")]
fn say(line: &str) {
    // The test harness has begun a line of its own.
    println!("\n{line}");
}
