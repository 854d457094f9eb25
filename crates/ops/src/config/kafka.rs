//! `[kafka]`: a few keys of ours, and librdkafka's properties passed through.

use std::{collections::BTreeMap, num::NonZeroU16};

use serde_json::json;
use triggerfish_core::Secret;

use super::{
    effective::Row,
    layers::Raw,
    reader::{Reader, Section, Setting as _},
};

/// Properties on which correctness rests; they are ours alone.
const OURS: [&str; 16] = [
    "acks",
    "auto.offset.reset",
    "client.id",
    "delivery.report.only.error",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "partition.assignment.strategy",
    "request.required.acks",
    "transaction.timeout.ms",
    "transactional.id",
];

/// The connection to Kafka. Without `bootstrap_servers` the embedded engine is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kafka {
    /// Brokers to begin with: `host:port`, several with commas between them.
    pub bootstrap_servers: Option<String>,
    /// What the names of all topics begin with.
    pub topic_prefix: String,
    /// Who this process is among those of the installation; each has its own.
    pub instance: Option<String>,
    /// Copies of each partition of topics that are made.
    pub replication_factor: Option<NonZeroU16>,
    /// Every other key, passed to librdkafka as it is. The values are kept from
    /// debug output because passwords are among them.
    pub properties: BTreeMap<String, Secret>,
}

impl Section for Kafka {
    const NAME: &'static str = "kafka";
    const ABOUT: &'static [&'static str] = &[
        " The connection to Kafka.",
        " Every other key is passed to librdkafka as it is, e.g. `\"security.protocol\" = \"SASL_SSL\"`; in a variable's name `__` stands for the dot (`TRIGGERFISH_KAFKA__SECURITY__PROTOCOL`).",
        " Properties on which correctness rests (acknowledgements, offsets, transactions, group ids) are refused.",
    ];

    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            bootstrap_servers: Option::<String>::read(
                reader,
                "kafka.bootstrap_servers",
                "Brokers to begin with: `host:port`, several with commas between them. Without it the embedded engine is used.",
                None,
            ),
            topic_prefix: String::read(
                reader,
                "kafka.topic_prefix",
                "What the names of all topics, groups and transactional ids begin with.",
                String::new(),
            ),
            instance: Option::<String>::read(
                reader,
                "kafka.instance",
                "Who this process is; no two may have the same. Without it one is made on the first start and kept in the file `instance` in the data folder.",
                None,
            ),
            replication_factor: Option::<NonZeroU16>::read(
                reader,
                "kafka.replication_factor",
                "Copies of each partition of topics that are made. Without it the brokers' `default.replication.factor` counts.",
                None,
            ),
            properties: properties(reader),
        }
    }
}

fn properties(reader: &mut Reader<'_>) -> BTreeMap<String, Secret> {
    let mut properties = BTreeMap::new();
    for (name, raw, source) in reader.rest_of(Kafka::NAME) {
        let key = format!("kafka.{name}");
        if OURS.contains(&name.as_str()) {
            reader.problem(
                source,
                &key,
                "Triggerfish sets this property itself; remove it",
            );
            continue;
        }
        if matches!(name.as_str(), "bootstrap.servers" | "metadata.broker.list") {
            reader.problem(source, &key, "write kafka.bootstrap_servers instead");
            continue;
        }
        let Some(text) = text_of(raw) else {
            reader.problem(
                source,
                &key,
                "a librdkafka property is text, a number or a boolean",
            );
            continue;
        };
        reader.row(Row {
            key,
            value: if is_secret(&name) {
                json!("***")
            } else {
                json!(text)
            },
            source,
            preset: serde_json::Value::Null,
            meaning: "A librdkafka property.".to_owned(),
        });
        properties.insert(name, Secret::new(text));
    }
    properties
}

fn text_of(raw: Raw) -> Option<String> {
    match raw {
        Raw::Text(text) | Raw::Typed(toml::Value::String(text)) => Some(text),
        Raw::Typed(toml::Value::Integer(number)) => Some(number.to_string()),
        Raw::Typed(toml::Value::Float(number)) => Some(number.to_string()),
        Raw::Typed(toml::Value::Boolean(truth)) => Some(truth.to_string()),
        Raw::Typed(_) => None,
    }
}

/// By name, and rather too often than too seldom.
fn is_secret(property: &str) -> bool {
    const MARKS: [&str; 9] = [
        "password",
        "secret",
        "token",
        "jaas",
        "credential",
        "key",
        "pem",
        "oauthbearer.config",
        "kinit",
    ];
    !property.ends_with(".location") && MARKS.iter().any(|mark| property.contains(mark))
}
