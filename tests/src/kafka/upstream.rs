//! An upstream producer: Apache Kafka's own client, in a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::thread;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use parking_lot::Mutex;
use triggerfish_test_broker::tool;

use crate::binary::workspace;

/// Sends records to any topic.
pub struct Upstream {
    child: Child,
    input: Option<ChildStdin>,
    reading: Option<thread::JoinHandle<()>>,
    failed: Arc<Mutex<Vec<String>>>,
}

/// A record to send.
#[derive(Clone, Debug, Default)]
pub struct Event<'e> {
    /// The topic's full name.
    pub topic: &'e str,
    /// The key; empty is none.
    pub key: &'e str,
    /// The value.
    pub value: &'e str,
    /// Headers.
    pub headers: &'e [(&'e str, &'e str)],
}

impl Upstream {
    /// Starts it; `acknowledged` hears the number of every record that the brokers have.
    ///
    /// # Panics
    /// If Java can't be started.
    pub fn start(bootstrap: &str, acknowledged: impl Fn(u64) + Send + 'static) -> Self {
        let program = workspace().join("tests/kafka/Upstream.java");
        let program = program.to_str().expect("the workspace's name is text");
        // A class that is a file is compiled as it is run.
        let mut child = tool::command(program)
            .expect("Kafka is installed")
            .arg(bootstrap)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("java can be started");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let failed: Arc<Mutex<Vec<String>>> = Arc::default();
        let failures = Arc::clone(&failed);
        let reading = thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                match line.split_once(' ') {
                    Some((number, "ok")) => {
                        acknowledged(number.parse().expect("the number of a record"));
                    }
                    _ => failures.lock().push(line),
                }
            }
        });
        Self {
            child,
            input,
            reading: Some(reading),
            failed,
        }
    }

    /// Sends a record; `number` is what its acknowledgement names.
    ///
    /// # Panics
    /// If the process has ended.
    pub fn send(&mut self, number: u64, event: &Event<'_>) {
        let key = if event.key.is_empty() {
            "-".to_owned()
        } else {
            BASE64.encode(event.key)
        };
        let mut line = format!(
            "{number} {} {key} {}",
            event.topic,
            BASE64.encode(event.value)
        );
        for (name, value) in event.headers {
            line.push(' ');
            line.push_str(&BASE64.encode(name));
            line.push(' ');
            line.push_str(&BASE64.encode(value));
        }
        line.push('\n');
        let input = self.input.as_mut().expect("it takes records until its end");
        input
            .write_all(line.as_bytes())
            .expect("the upstream producer runs");
    }

    /// Waits until everything that was sent is acknowledged; returns what failed.
    ///
    /// # Panics
    /// If the process can't be waited for.
    pub fn end(mut self) -> Vec<String> {
        drop(self.input.take());
        if let Some(reading) = self.reading.take() {
            reading.join().expect("reading does not panic");
        }
        self.child.wait().expect("our own process ends");
        std::mem::take(&mut self.failed.lock())
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // Fails when it has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
