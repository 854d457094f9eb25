//! The open log.

use std::sync::Arc;

use triggerfish_log::{EventLog, LogError, SessionSpec, Topic, TopicSpec, WriterName};

use crate::appender::KafkaAppender;
use crate::reader::KafkaReader;
use crate::session::KafkaSession;
use crate::settings::KafkaSettings;
use crate::shared::{Shared, blocking};

/// A log on Kafka. Cheap to clone.
#[derive(Clone)]
pub struct KafkaLog {
    shared: Arc<Shared>,
}

impl KafkaLog {
    /// Connects to the brokers.
    ///
    /// # Errors
    /// [`LogError::Refused`] for a property that librdkafka does not take,
    /// [`LogError::Unavailable`] if no broker answers.
    pub async fn open(settings: KafkaSettings) -> Result<Self, LogError> {
        let shared = Arc::new(Shared::connect(settings)?);
        let asked = Arc::clone(&shared);
        blocking(move || asked.reach_brokers()).await?;
        Ok(Self { shared })
    }

    /// The cluster's own id, which a view of another cluster's log is told by.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] if no broker says it.
    pub async fn cluster_id(&self) -> Result<String, LogError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let id = shared.cluster_id();
            id.ok_or_else(|| LogError::Unavailable {
                reason: "the brokers don't say the id of their cluster".to_owned(),
            })
        })
        .await
    }
}

impl EventLog for KafkaLog {
    type Session = KafkaSession;
    type Appender = KafkaAppender;
    type Reader = KafkaReader;

    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.shared.ensure_topics(topics).await
    }

    async fn partitions(&self, topic: &Topic) -> Result<u32, LogError> {
        let (shared, topic) = (Arc::clone(&self.shared), topic.clone());
        blocking(move || {
            let count = shared.count(&topic)?;
            count.ok_or(LogError::UnknownTopic { topic })
        })
        .await
    }

    async fn open_session(&self, spec: SessionSpec) -> Result<KafkaSession, LogError> {
        self.partitions(&spec.topic).await?;
        KafkaSession::open(Arc::clone(&self.shared), spec).await
    }

    async fn open_appender(&self, writer: WriterName) -> Result<KafkaAppender, LogError> {
        KafkaAppender::open(Arc::clone(&self.shared), writer)
    }

    async fn open_reader(&self) -> Result<KafkaReader, LogError> {
        Ok(KafkaReader::new(Arc::clone(&self.shared)))
    }
}
