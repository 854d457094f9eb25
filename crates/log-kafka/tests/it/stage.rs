//! What the tests stand on: names of their own, and waiting with a deadline.

use std::future::Future;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use triggerfish_log::{
    Appender as _, Assigned, Batch, Consumed, EventLog as _, Limit, LogError, NewRecord, Offset,
    Outputs, Partition, Polled, Reader as _, Record, Session as _, SessionSpec, Topic, TopicSpec,
};
use triggerfish_log_kafka::{KafkaLog, KafkaSession, KafkaSettings};
use triggerfish_test_broker::{Cluster, shared, tool};

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_millis(50);

/// Settings with short waits, for a broker without TLS.
pub(crate) fn settings(bootstrap: &str) -> KafkaSettings {
    let mut settings = KafkaSettings::new(bootstrap);
    settings.hand_over = Duration::from_secs(2);
    for (name, value) in [
        ("session.timeout.ms", "3000"),
        ("heartbeat.interval.ms", "300"),
        ("topic.metadata.refresh.interval.ms", "300"),
    ] {
        settings.properties.insert(name.into(), value.into());
    }
    settings
}

/// A log on the broker of this process.
pub(crate) async fn open() -> KafkaLog {
    let settings = settings(&shared().bootstrap());
    KafkaLog::open(settings).await.unwrap()
}

/// A name that nothing else has.
pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{what}-{:x}-{count}", since.as_micros())
}

pub(crate) fn spec(name: &str, partitions: u32) -> TopicSpec {
    TopicSpec {
        name: Topic::from(name),
        partitions,
        retention: None,
        compacted: false,
    }
}

/// A new topic that keeps everything.
pub(crate) async fn topic(log: &KafkaLog, what: &str, partitions: u32) -> Topic {
    let name = unique(what);
    let spec = spec(&name, partitions);
    log.ensure_topics(&[spec]).await.unwrap();
    Topic::from(name)
}

pub(crate) fn session_spec(group: &str, topic: &Topic, writer: Option<&str>) -> SessionSpec {
    SessionSpec {
        group: group.into(),
        topic: topic.clone(),
        instance: "test".into(),
        outputs: writer.map_or(Outputs::PositionsOnly, |name| Outputs::Atomic(name.into())),
    }
}

pub(crate) fn record(topic: &Topic, partition: u32, value: &str) -> NewRecord {
    NewRecord {
        topic: topic.clone(),
        partition: Partition(partition),
        key: None,
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Vec::new(),
    }
}

pub(crate) fn position(topic: &Topic, partition: Partition, offset: Offset) -> Consumed {
    Consumed {
        topic: topic.clone(),
        partition,
        offset,
        metadata: Bytes::new(),
    }
}

pub(crate) fn batch(records: Vec<NewRecord>, consumed: Vec<Consumed>) -> Batch {
    Batch { records, consumed }
}

/// Appends values to partition 0.
pub(crate) async fn append(log: &KafkaLog, topic: &Topic, values: &[&str]) -> Vec<Offset> {
    let appender = log.open_appender("test".into()).await.unwrap();
    let records = values.iter().map(|value| record(topic, 0, value)).collect();
    let places = appender.append(records).await.unwrap();
    places.into_iter().map(|(_, offset)| offset).collect()
}

pub(crate) fn text(record: &Record) -> String {
    String::from_utf8_lossy(record.value.as_deref().unwrap()).into_owned()
}

/// Everything that can be read of a partition, as values.
pub(crate) async fn values(log: &KafkaLog, topic: &Topic, partition: u32) -> Vec<String> {
    let mut reader = log.open_reader().await.unwrap();
    let (mut from, mut values) = (Offset::ZERO, Vec::new());
    loop {
        let page = reader.read(topic, Partition(partition), from, Limit::default());
        let page = page.await.unwrap();
        values.extend(page.records.iter().map(text));
        from = page.next;
        if page.at_end {
            return values;
        }
    }
}

/// Polls until `done` has what it wants.
pub(crate) async fn poll_until<T>(
    session: &mut KafkaSession,
    mut done: impl FnMut(Polled) -> Option<T>,
) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < until, "it did not come");
        let polled = session.poll(Limit::default(), STEP).await.unwrap();
        if let Some(done) = done(polled) {
            return done;
        }
    }
}

/// Polls until this many partitions have been assigned.
pub(crate) async fn assigned(session: &mut KafkaSession, count: usize) -> Vec<Assigned> {
    let mut owned = Vec::new();
    poll_until(session, |polled| {
        if let Polled::Assigned(more) = polled {
            owned.extend(more);
        }
        (owned.len() == count).then(|| owned.clone())
    })
    .await
}

/// Polls until this many records came.
pub(crate) async fn records(session: &mut KafkaSession, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    poll_until(session, |polled| {
        if let Polled::Records(more) = polled {
            records.extend(more);
        }
        (records.len() >= count).then(|| records.clone())
    })
    .await
}

/// Polls until the session fails.
pub(crate) async fn failure(session: &mut KafkaSession) -> LogError {
    let until = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < until, "it goes on");
        if let Err(error) = session.poll(Limit::default(), STEP).await {
            return error;
        }
    }
}

/// Fails what takes too long.
pub(crate) async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| panic!("{what} takes too long"))
}

/// What a tool of Kafka printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    said
}

/// Runs one of the tools that take topics.
pub(crate) fn topics(cluster: &Cluster, arguments: &[&str]) -> String {
    let bootstrap = cluster.bootstrap();
    let mut command = cluster.tool(tool::TOPICS, &["--bootstrap-server", &bootstrap]);
    run(command.args(arguments))
}
