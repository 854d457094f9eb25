//! How the engine is set up, and what it hands to librdkafka.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

/// How to reach Kafka.
#[derive(Clone)]
pub struct KafkaSettings {
    /// Brokers to begin with: `host:port`, several with commas between them.
    pub bootstrap_servers: String,
    /// Who this process is, for the broker's logs and quotas.
    pub client_id: String,
    /// Properties of librdkafka, as its `CONFIGURATION.md` names them. They win over the defaults
    /// of this engine, and lose against what correctness rests on.
    pub properties: BTreeMap<String, String>,
    /// Copies of each partition of topics that are made; `None` leaves it to the broker
    /// (`default.replication.factor`).
    pub replication_factor: Option<u16>,
    /// How long a session may take to give partitions up before they are lost to it. Shorter
    /// than the group waits for it (`max.poll.interval.ms`).
    pub hand_over: Duration,
}

/// The largest record, in bytes, unless `message.max.bytes` says otherwise. Above it Kafka's own
/// default is 1 MiB, which an event of that size does not fit into together with its envelope.
const RECORD_BYTES_MAX: usize = 4 << 20;

/// How long the brokers may take to answer a question.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// After this time the broker aborts a transaction that nobody ends: as long as that can a dead
/// process hold back readers of the partitions it wrote to.
pub(crate) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Defaults that the operator may override.
const DEFAULTS: [(&str, &str); 12] = [
    ("fetch.queue.backoff.ms", "20"),
    ("heartbeat.interval.ms", "1000"),
    // Several records in one request cost the broker less than each in its own.
    ("linger.ms", "3"),
    ("max.poll.interval.ms", "120000"),
    ("message.timeout.ms", "60000"),
    ("queued.max.messages.kbytes", "32768"),
    ("reconnect.backoff.max.ms", "1000"),
    ("retry.backoff.max.ms", "100"),
    // A coordinator that is still busy with the transaction before answers at once; waiting the
    // usual 100 ms for it would be most of a commit's time.
    ("retry.backoff.ms", "2"),
    ("session.timeout.ms", "10000"),
    ("socket.nagle.disable", "true"),
    // New partitions of a grown topic are noticed after this time.
    ("topic.metadata.refresh.interval.ms", "10000"),
];

/// Not passed on: each would change what a client is. Appenders wait for the report of every
/// record, and only sessions are transactional; all sessions of a process would be one member.
const NOT_PASSED: [&str; 4] = [
    "delivery.report.only.error",
    "group.instance.id",
    "group.protocol",
    "transactional.id",
];

impl KafkaSettings {
    /// Brokers and nothing else.
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.into(),
            client_id: "triggerfish".to_owned(),
            properties: BTreeMap::new(),
            replication_factor: None,
            hand_over: Duration::from_secs(30),
        }
    }

    /// The largest record that producers take, in bytes.
    pub(crate) fn record_bytes_max(&self) -> usize {
        let set = self.properties.get("message.max.bytes");
        set.and_then(|value| value.parse().ok())
            .unwrap_or(RECORD_BYTES_MAX)
    }

    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in DEFAULTS {
            config.set(name, value);
        }
        config.set("message.max.bytes", self.record_bytes_max().to_string());
        let passed = self.properties.iter();
        for (name, value) in passed.filter(|(name, _)| !NOT_PASSED.contains(&name.as_str())) {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", &self.client_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set_log_level(RDKafkaLogLevel::Warning);
        config
    }

    /// For metadata and administration.
    pub(crate) fn client(&self) -> ClientConfig {
        self.base()
    }

    /// Reads what it is told to, in no group.
    pub(crate) fn reader(&self, fetch_wait: Duration) -> ClientConfig {
        let mut config = self.base();
        config
            // librdkafka assigns partitions only to a consumer with a group; this one never joins
            // and never commits.
            .set("group.id", format!("{}-readers", self.client_id))
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", fetch_wait.as_millis().to_string());
        config
    }

    /// Joins a group.
    pub(crate) fn session(&self, group: &str) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", group)
            // For a position before the first kept record. One after the end is told apart by
            // the session.
            .set("auto.offset.reset", "earliest")
            // Only partitions that move are given up, the others go on meanwhile.
            .set("partition.assignment.strategy", "cooperative-sticky");
        config
    }

    /// Plain appends.
    pub(crate) fn appender(&self) -> ClientConfig {
        let mut config = self.base();
        config.set("enable.idempotence", "true").set("acks", "all");
        config
    }

    /// Commits of records and positions.
    pub(crate) fn writer(&self, name: &str) -> ClientConfig {
        let mut config = self.appender();
        config
            .set("transactional.id", name)
            // A transaction is sent as a whole: nothing is gained by waiting for more.
            .set("linger.ms", "0")
            // It may not be longer than that of the transaction.
            .set("message.timeout.ms", millis(TRANSACTION_TIMEOUT))
            .set("transaction.timeout.ms", millis(TRANSACTION_TIMEOUT));
        config
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

/// Values stay out: passwords are among them.
impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSettings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("client_id", &self.client_id)
            .field("properties", &self.properties.keys())
            .field("replication_factor", &self.replication_factor)
            .field("hand_over", &self.hand_over)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_win_over_defaults_and_lose_against_what_correctness_rests_on() {
        let mut settings = KafkaSettings::new("kafka:9092");
        for (name, value) in [
            ("linger.ms", "7"),
            ("isolation.level", "read_uncommitted"),
            ("acks", "1"),
            ("enable.auto.commit", "true"),
            ("transaction.timeout.ms", "1"),
            ("transactional.id", "x"),
            ("delivery.report.only.error", "true"),
        ] {
            settings.properties.insert(name.into(), value.into());
        }
        let writer = settings.writer("w");
        let appender = settings.appender();
        assert_eq!(appender.get("linger.ms"), Some("7"));
        assert_eq!(appender.get("transactional.id"), None);
        assert_eq!(appender.get("delivery.report.only.error"), None);
        assert_eq!(writer.get("transactional.id"), Some("w"));
        assert_eq!(writer.get("isolation.level"), Some("read_committed"));
        assert_eq!(writer.get("acks"), Some("all"));
        assert_eq!(writer.get("enable.auto.commit"), Some("false"));
        assert_eq!(writer.get("transaction.timeout.ms"), Some("10000"));
    }

    #[test]
    fn values_of_properties_are_not_shown() {
        let mut settings = KafkaSettings::new("kafka:9092");
        let secret = ("sasl.password".into(), "hunter2".into());
        settings.properties.extend([secret]);
        let shown = format!("{settings:?}");
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"));
    }
}
