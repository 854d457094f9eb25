//! What is in a topic, as a consumer with `read_committed` sees it: Kafka's console
//! consumer, in a process of its own.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;
use triggerfish_test_broker::tool;

/// Between records. No JSON holds it, and no header of ours.
const RECORD: u8 = 0x1E;
/// Between the parts of a record.
const PART: char = '\x1F';
const HEADER: char = '\x1D';

/// A record.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where it is.
    pub partition: u32,
    /// Where it is.
    pub offset: u64,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Its key.
    pub key: String,
    /// Its value, byte for byte.
    pub value: String,
    /// When it was read.
    pub at: Instant,
}

/// Follows a topic from its beginning.
pub struct Reader {
    child: Child,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Reader {
    /// Starts to follow `topic`.
    ///
    /// # Panics
    /// If Java can't be started.
    #[must_use]
    pub fn follow(bootstrap: &str, topic: &str) -> Self {
        let mut child = command(bootstrap, topic)
            .spawn()
            .expect("java can be started");
        let output = child.stdout.take().expect("it is piped");
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let found = Arc::clone(&seen);
        let mut known = HashSet::new();
        thread::spawn(move || {
            read(output, |record| {
                // A consumer that commits nothing reads again what moves in its group.
                if known.insert((record.partition, record.offset)) {
                    found.lock().push(record);
                }
            });
        });
        Self { child, seen }
    }

    /// All records of `topic` that are there now. Blocks.
    ///
    /// # Panics
    /// If the consumer fails.
    #[must_use]
    pub fn all(bootstrap: &str, topic: &str) -> Vec<Seen> {
        let mut child = command(bootstrap, topic)
            .args(["--timeout-ms", "4000"])
            .spawn()
            .expect("java can be started");
        let mut seen = Vec::new();
        let output = child.stdout.take().expect("it is piped");
        let mut known = HashSet::new();
        read(output, |record| {
            if known.insert((record.partition, record.offset)) {
                seen.push(record);
            }
        });
        child.wait().expect("our own process ends");
        seen
    }

    /// How many records were seen so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.seen.lock().len()
    }

    /// What was seen from the record with this index on.
    #[must_use]
    pub fn since(&self, index: usize) -> Vec<Seen> {
        self.seen.lock().get(index..).unwrap_or_default().to_vec()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Fails when it has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(bootstrap: &str, topic: &str) -> Command {
    let mut command = tool::command(tool::CONSOLE_CONSUMER).expect("Kafka is installed");
    command
        .args(["--bootstrap-server", bootstrap, "--topic", topic])
        .args(["--from-beginning", "--isolation-level", "read_committed"])
        // The topic may grow.
        .args(["--command-property", "metadata.max.age.ms=1000"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let part = format!("key.separator={PART}");
    let headers = format!("headers.separator={HEADER}");
    let record = format!("line.separator={}", char::from(RECORD));
    for property in [
        "print.partition=true",
        "print.offset=true",
        "print.headers=true",
        "print.key=true",
        &part,
        &headers,
        &record,
    ] {
        command.args(["--formatter-property", property]);
    }
    command
}

fn read(output: impl Read, mut found: impl FnMut(Seen)) {
    for bytes in BufReader::new(output).split(RECORD).map_while(Result::ok) {
        let text = String::from_utf8(bytes).expect("records of ours are text");
        if let Some(record) = parse(&text) {
            found(record);
        }
    }
}

/// Partition, offset, headers, key and value. `None` for what is not whole, as when the
/// consumer was killed.
fn parse(text: &str) -> Option<Seen> {
    let mut parts = text.splitn(5, PART);
    let mut number = |name: &str| parts.next()?.strip_prefix(name)?.parse::<u64>().ok();
    let partition = u32::try_from(number("Partition:")?).ok()?;
    let offset = number("Offset:")?;
    let headers = parts.next()?.split(HEADER);
    let headers = headers.filter_map(|header| header.split_once(':'));
    Some(Seen {
        partition,
        offset,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        key: parts.next()?.to_owned(),
        value: parts.next()?.to_owned(),
        at: Instant::now(),
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_record_is_taken_apart_and_its_value_kept() {
        let text = "Partition:2\u{1f}Offset:17\u{1f}ce_id:a:b\u{1d}x:\u{1f}key\u{1f}{\"a\":\n\t1}";
        let record = parse(text).unwrap();
        assert_eq!((record.partition, record.offset), (2, 17));
        assert_eq!(record.headers[0], ("ce_id".to_owned(), "a:b".to_owned()));
        assert_eq!((&*record.key, &*record.value), ("key", "{\"a\":\n\t1}"));
        assert!(parse("Partition:2\u{1f}Offset:17").is_none());
        assert!(parse("Processed a total of 3 messages").is_none());
    }
}
