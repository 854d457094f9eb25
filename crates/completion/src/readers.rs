//! Readers that are kept for the next question.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::{sync::Semaphore, time::timeout};
use triggerfish_log::{EventLog, LogError, Offset, Partition, Topic, last_record};

/// So many questions read at a time; the others wait for their turn.
const READERS: usize = 4;
/// How long a question may wait for its turn and its answer.
const WITHIN: Duration = Duration::from_secs(5);

/// Lends readers out. On Kafka each is a client with connections and threads of its own: if
/// every question had one, those asked while the folds are behind would slow them down further.
pub(crate) struct Readers<L: EventLog> {
    log: L,
    idle: Arc<Mutex<Vec<L::Reader>>>,
    turns: Arc<Semaphore>,
}

impl<L: EventLog> Clone for Readers<L> {
    fn clone(&self) -> Self {
        Self {
            log: self.log.clone(),
            idle: Arc::clone(&self.idle),
            turns: Arc::clone(&self.turns),
        }
    }
}

impl<L: EventLog> Readers<L> {
    pub(crate) fn new(log: L) -> Self {
        Self {
            log,
            idle: Arc::default(),
            turns: Arc::new(Semaphore::new(READERS)),
        }
    }

    /// The last record that is there now. Whoever waits for brokers that do not answer must not
    /// hold a turn for long, nor a request that keeps the process from ending.
    pub(crate) async fn last_record(
        &self,
        topic: &Topic,
        partition: Partition,
    ) -> Result<Option<Offset>, LogError> {
        let found = timeout(WITHIN, self.look(topic, partition)).await;
        found.unwrap_or_else(|_| {
            Err(LogError::Unavailable {
                reason: format!("the end of {topic}/{partition} was not found in time"),
            })
        })
    }

    async fn look(&self, topic: &Topic, partition: Partition) -> Result<Option<Offset>, LogError> {
        let turn = self.turns.acquire().await;
        let _turn = turn.expect("the semaphore is never closed");
        let idle = self.idle.lock().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => self.log.open_reader().await?,
        };
        let last = last_record(&mut reader, topic, partition).await?;
        // One that has failed, or that somebody gave up waiting for, is not used again.
        self.idle.lock().push(reader);
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::pin::pin;

    use futures::future::{FutureExt as _, join_all};
    use triggerfish_log::{Appender as _, NewRecord, TopicSpec};
    use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};

    use super::*;

    /// A log with a topic of one partition.
    async fn log(folder: &Path, topic: &Topic) -> EmbeddedLog {
        let log = EmbeddedLog::open(EmbeddedOptions::new(folder));
        let log = log.await.unwrap();
        let spec = TopicSpec {
            name: topic.clone(),
            partitions: 1,
            retention: None,
            compacted: false,
        };
        log.ensure_topics(&[spec]).await.unwrap();
        log
    }

    #[tokio::test]
    async fn many_questions_share_a_few_readers() {
        let folder = tempfile::tempdir().unwrap();
        let topic = Topic::from("t");
        let log = log(folder.path(), &topic).await;
        let readers = Readers::new(log.clone());
        let last = readers.last_record(&topic, Partition(0)).await;
        assert_eq!(last.unwrap(), None);
        let appender = log.open_appender("a".into()).await.unwrap();
        let record = || NewRecord {
            topic: topic.clone(),
            partition: Partition(0),
            key: None,
            value: None,
            headers: Vec::new(),
        };
        for _ in 0..3 {
            appender.append(vec![record()]).await.unwrap();
        }
        let questions = (0..50).map(|_| readers.last_record(&topic, Partition(0)));
        for last in join_all(questions).await {
            assert_eq!(last.unwrap(), Some(Offset(2)));
        }
        let kept = readers.idle.lock().len();
        assert!((1..=READERS).contains(&kept), "{kept} are kept");

        let turns = u32::try_from(READERS).unwrap();
        let all = readers.turns.acquire_many(turns).await.unwrap();
        let mut late = pin!(readers.last_record(&topic, Partition(0)));
        assert!(late.as_mut().now_or_never().is_none(), "it waits");
        drop(all);
        assert_eq!(late.await.unwrap(), Some(Offset(2)));
    }

    #[tokio::test]
    async fn a_question_is_not_kept_waiting_by_those_that_nobody_answers() {
        let folder = tempfile::tempdir().unwrap();
        let topic = Topic::from("t");
        let readers = Readers::new(log(folder.path(), &topic).await);
        let turns = u32::try_from(READERS).unwrap();
        let all = readers.turns.acquire_many(turns).await.unwrap();
        tokio::time::pause();
        let late = readers.last_record(&topic, Partition(0));
        let late = timeout(2 * WITHIN, late).await.expect("it gives up");
        let is_late = matches!(late, Err(LogError::Unavailable { .. }));
        assert!(is_late, "{late:?}");
        drop(all);
        tokio::time::resume();
        let last = readers.last_record(&topic, Partition(0)).await;
        assert_eq!(last.unwrap(), None);
    }
}
