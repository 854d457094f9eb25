//! Readers that are kept for the next question.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use triggerfish_log::{EventLog, LogError, Offset, Partition, Topic, last_record};

/// So many questions read at a time; the others wait for their turn.
const READERS: usize = 4;

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

    /// The last record that is there now.
    pub(crate) async fn last_record(
        &self,
        topic: &Topic,
        partition: Partition,
    ) -> Result<Option<Offset>, LogError> {
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
