//! What sessions, appenders and readers of one log share: clients that answer questions about
//! topics, and what was heard of them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::admin::AdminClient;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use triggerfish_log::{LogError, NewRecord, Partition, Topic};

use crate::client::Plain;
use crate::deliveries::Appending;
use crate::error::{misconfigured, unavailable};
use crate::record::OVERHEAD_BYTES;
use crate::settings::{ANSWER_WITHIN, KafkaSettings};

/// How long a first answer is waited for before looking why there is none.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long the client may take to say what it has to say.
const SAY_WITHIN: Duration = Duration::from_millis(20);

pub(crate) struct Shared {
    pub(crate) settings: KafkaSettings,
    /// Answers questions about topics; it reads nothing.
    client: BaseConsumer<Plain>,
    pub(crate) admin: AdminClient<Plain>,
    /// Partitions of topics as they were last seen. They only grow as long as nobody deletes
    /// the topic, so an old number is at worst too small.
    counts: Mutex<HashMap<Topic, u32>>,
    pub(crate) appending: Appending,
}

/// Runs `work`, which waits for brokers, where waiting holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(LogError::Unavailable {
            reason: format!("a task that asks the brokers failed: {error}"),
        })
    })
}

impl Shared {
    /// Makes the clients; they connect by and by.
    pub(crate) fn connect(settings: KafkaSettings) -> Result<Self, LogError> {
        let config = settings.client();
        let client = config.create_with_context(Plain::default());
        let client: BaseConsumer<Plain> = client.map_err(|error| misconfigured(&error))?;
        let admin = config.create_with_context(Plain::default());
        Ok(Self {
            settings,
            client,
            admin: admin.map_err(|error| misconfigured(&error))?,
            counts: Mutex::default(),
            appending: Appending::default(),
        })
    }

    /// Waits until a broker answers. A refused login is not waited for: it is refused again.
    pub(crate) fn reach_brokers(&self) -> Result<(), LogError> {
        let servers = &self.settings.bootstrap_servers;
        let until = Instant::now() + ANSWER_WITHIN;
        loop {
            let answered = self.client.fetch_metadata(None, LOOK_AGAIN);
            let Err(error) = answered else {
                return Ok(());
            };
            // What the client has to say is said when it is polled.
            while self.client.poll(SAY_WITHIN).is_some() {}
            let said = self.client.context().said();
            match said {
                Some(said) if said.code == Some(RDKafkaErrorCode::Authentication) => {
                    return Err(LogError::Refused {
                        reason: format!(
                            "kafka.bootstrap_servers ({servers}) let nobody in with these properties: {}; look at sasl.* under [kafka]",
                            said.reason
                        ),
                    });
                }
                said if Instant::now() > until => {
                    let said = said.map_or_else(String::new, |said| format!("; {}", said.reason));
                    return Err(unavailable(
                        &format!("no broker of kafka.bootstrap_servers ({servers}) answers{said}"),
                        &error,
                    ));
                }
                _ => {}
            }
        }
    }

    /// The cluster's own id. Blocks.
    pub(crate) fn cluster_id(&self) -> Option<String> {
        self.client.client().fetch_cluster_id(ANSWER_WITHIN)
    }

    /// The partitions of `topic`, asked now; `None` if there is no such topic. Blocks.
    pub(crate) fn count(&self, topic: &Topic) -> Result<Option<u32>, LogError> {
        // Events that nobody takes out would pile up.
        drop(self.client.poll(Duration::ZERO));
        let metadata = self
            .client
            .fetch_metadata(Some(topic.as_str()), ANSWER_WITHIN)
            .map_err(|error| unavailable("asking for topics", &error))?;
        let found = metadata
            .topics()
            .iter()
            .find(|one| one.name() == topic.as_str());
        let Some(found) = found else {
            self.forget(topic);
            return Ok(None);
        };
        match found.error().map(RDKafkaErrorCode::from) {
            None => {
                let count = u32::try_from(found.partitions().len()).unwrap_or(u32::MAX);
                self.counts.lock().insert(topic.clone(), count);
                Ok(Some(count).filter(|count| *count > 0))
            }
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                self.forget(topic);
                Ok(None)
            }
            Some(code) => Err(LogError::Unavailable {
                reason: format!("topic {topic}: {code}"),
            }),
        }
    }

    /// Somebody has deleted the topic.
    pub(crate) fn forget(&self, topic: &Topic) {
        self.counts.lock().remove(topic);
    }

    /// Whether the partition is known to exist, without asking.
    fn knows(&self, topic: &Topic, partition: Partition) -> bool {
        let counts = self.counts.lock();
        counts.get(topic).is_some_and(|count| partition.0 < *count)
    }

    /// Makes sure that the partition exists. Blocks where it was not seen before.
    pub(crate) fn check(&self, topic: &Topic, partition: Partition) -> Result<(), LogError> {
        if self.knows(topic, partition) {
            return Ok(());
        }
        match self.count(topic)? {
            None => Err(LogError::UnknownTopic {
                topic: topic.clone(),
            }),
            Some(partitions) if partition.0 >= partitions => Err(LogError::UnknownPartition {
                topic: topic.clone(),
                partition,
                partitions,
            }),
            Some(_) => Ok(()),
        }
    }

    /// Whether all of `records` go to partitions that are known to exist.
    pub(crate) fn knows_all(&self, records: &[NewRecord]) -> bool {
        records
            .iter()
            .all(|record| self.knows(&record.topic, record.partition))
    }

    /// Refuses records that would be refused every time. Blocks where a partition was not seen
    /// before.
    pub(crate) fn check_all(&self, records: &[NewRecord]) -> Result<(), LogError> {
        for record in records {
            self.check(&record.topic, record.partition)?;
        }
        self.check_sizes(records)
    }

    pub(crate) fn check_sizes(&self, records: &[NewRecord]) -> Result<(), LogError> {
        let limit = self.settings.record_bytes_max() - OVERHEAD_BYTES;
        let too_large = records.iter().find(|record| record.payload_bytes() > limit);
        too_large.map_or(Ok(()), |record| {
            Err(LogError::TooLarge {
                what: format!("a record for {}", record.topic),
                bytes: record.payload_bytes(),
                limit,
                setting: "kafka.\"message.max.bytes\", and max.message.bytes of the topic",
            })
        })
    }

    /// The first offset kept and the position after the last readable record, gaps included.
    /// Blocks.
    pub(crate) fn watermarks(
        &self,
        topic: &Topic,
        partition: Partition,
    ) -> Result<(u64, u64), LogError> {
        self.check(topic, partition)?;
        let number = i32::try_from(partition.0).unwrap_or(i32::MAX);
        let (low, high) = self
            .client
            .fetch_watermarks(topic.as_str(), number, ANSWER_WITHIN)
            .map_err(|error| unavailable("asking for the ends of a partition", &error))?;
        let position = |offset: i64| u64::try_from(offset).unwrap_or_default();
        Ok((position(low), position(high)))
    }
}
