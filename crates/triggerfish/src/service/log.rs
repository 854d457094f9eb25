//! The log of a process: one of the two engines, chosen by the settings.
//!
//! Everything above is compiled once, against this.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use triggerfish_log::{
    Appender, Batch, Bounds, CommitError, EventLog, Limit, LogError, NewRecord, Offset, Page,
    Partition, Polled, Position, Reader, Record, Session, SessionSpec, Topic, TopicSpec,
    WriterName,
};
use triggerfish_log_embedded::{
    EmbeddedAppender, EmbeddedLog, EmbeddedOptions, EmbeddedReader, EmbeddedSession,
};
use triggerfish_log_kafka::{KafkaAppender, KafkaLog, KafkaReader, KafkaSession, KafkaSettings};
use triggerfish_ops::config::Config;

/// Either engine.
#[derive(Clone)]
pub(crate) enum AnyLog {
    Embedded(EmbeddedLog),
    Kafka(KafkaLog),
}

/// Sessions of either.
pub(crate) enum AnySession {
    Embedded(EmbeddedSession),
    Kafka(KafkaSession),
}

/// Appenders of either.
#[derive(Clone)]
pub(crate) enum AnyAppender {
    Embedded(EmbeddedAppender),
    Kafka(KafkaAppender),
}

/// Readers of either.
pub(crate) enum AnyReader {
    Embedded(EmbeddedReader),
    Kafka(Box<KafkaReader>),
}

/// Does the same to whichever engine it is.
macro_rules! either {
    ($any:expr, $kind:ident, $inner:ident => $does:expr) => {
        match $any {
            $kind::Embedded($inner) => $does,
            $kind::Kafka($inner) => $does,
        }
    };
}

impl AnyLog {
    /// Opens the log that the settings name. `instance` is who this process is.
    pub(crate) async fn open(config: &Config, instance: &str) -> anyhow::Result<Self> {
        let Some(settings) = kafka_settings(config, instance) else {
            let options = EmbeddedOptions::new(config.storage.data_dir.join("log"));
            let log = EmbeddedLog::open(options).await;
            return Ok(Self::Embedded(log.context("can't open the log")?));
        };
        let log = KafkaLog::open(settings).await;
        Ok(Self::Kafka(log.context("can't reach Kafka")?))
    }

    /// What views are bound to, so that none is used with another log.
    pub(crate) async fn identity(&self) -> anyhow::Result<String> {
        match self {
            Self::Embedded(_) => Ok("embedded".to_owned()),
            Self::Kafka(log) => Ok(log.cluster_id().await?),
        }
    }

    /// Ends what the engine does in the background.
    pub(crate) async fn close(&self) {
        match self {
            Self::Embedded(log) => log.close().await,
            Self::Kafka(_) => {}
        }
    }
}

fn kafka_settings(config: &Config, instance: &str) -> Option<KafkaSettings> {
    let kafka = &config.kafka;
    let mut settings = KafkaSettings::new(kafka.bootstrap_servers.clone()?);
    settings.client_id = format!("{}triggerfish-{instance}", kafka.topic_prefix);
    settings.replication_factor = kafka.replication_factor.map(std::num::NonZeroU16::get);
    let property = |(name, value): (&String, &triggerfish_core::Secret)| {
        (name.clone(), value.expose().to_owned())
    };
    settings.properties = kafka.properties.iter().map(property).collect();
    Some(settings)
}

impl EventLog for AnyLog {
    type Session = AnySession;
    type Appender = AnyAppender;
    type Reader = AnyReader;

    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        either!(self, Self, log => log.ensure_topics(topics).await)
    }

    async fn partitions(&self, topic: &Topic) -> Result<u32, LogError> {
        either!(self, Self, log => log.partitions(topic).await)
    }

    async fn open_session(&self, spec: SessionSpec) -> Result<AnySession, LogError> {
        Ok(match self {
            Self::Embedded(log) => AnySession::Embedded(log.open_session(spec).await?),
            Self::Kafka(log) => AnySession::Kafka(log.open_session(spec).await?),
        })
    }

    async fn open_appender(&self, writer: WriterName) -> Result<AnyAppender, LogError> {
        Ok(match self {
            Self::Embedded(log) => AnyAppender::Embedded(log.open_appender(writer).await?),
            Self::Kafka(log) => AnyAppender::Kafka(log.open_appender(writer).await?),
        })
    }

    async fn open_reader(&self) -> Result<AnyReader, LogError> {
        Ok(match self {
            Self::Embedded(log) => AnyReader::Embedded(log.open_reader().await?),
            Self::Kafka(log) => AnyReader::Kafka(Box::new(log.open_reader().await?)),
        })
    }
}

impl Session for AnySession {
    async fn poll(&mut self, limit: Limit, wait: Duration) -> Result<Polled, LogError> {
        either!(self, Self, session => session.poll(limit, wait).await)
    }

    async fn seek(&mut self, partition: Partition, to: Offset) -> Result<(), LogError> {
        either!(self, Self, session => session.seek(partition, to).await)
    }

    async fn pause(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        either!(self, Self, session => session.pause(partitions).await)
    }

    async fn resume(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        either!(self, Self, session => session.resume(partitions).await)
    }

    async fn commit(
        &mut self,
        batch: impl Into<Arc<Batch>> + Send,
    ) -> Result<Vec<Offset>, CommitError> {
        either!(self, Self, session => session.commit(batch).await)
    }

    async fn close(self) {
        either!(self, Self, session => session.close().await);
    }
}

impl Appender for AnyAppender {
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<(Partition, Offset)>, LogError> {
        either!(self, Self, appender => appender.append(records).await)
    }
}

impl Reader for AnyReader {
    async fn bounds(&mut self, topic: &Topic, partition: Partition) -> Result<Bounds, LogError> {
        either!(self, Self, reader => reader.bounds(topic, partition).await)
    }

    async fn read(
        &mut self,
        topic: &Topic,
        partition: Partition,
        from: Offset,
        limit: Limit,
    ) -> Result<Page, LogError> {
        either!(self, Self, reader => reader.read(topic, partition, from, limit).await)
    }

    async fn follow(
        &mut self,
        positions: &mut [Position],
        limit: Limit,
        wait: Duration,
    ) -> Result<Vec<Record>, LogError> {
        either!(self, Self, reader => reader.follow(positions, limit, wait).await)
    }
}
