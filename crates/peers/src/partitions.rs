//! How many partitions there are; they can grow while a process runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::{sync::Mutex, time::Instant};
use triggerfish_log::{EventLog, LogError, Partition, Topic};

/// How long a count is taken for true.
const FRESH: Duration = Duration::from_secs(3);
/// The same when somebody names a partition beyond it.
const FRESH_BEYOND: Duration = Duration::from_millis(250);
/// The longest that anybody waits for a newer count.
const WAIT: Duration = Duration::from_secs(1);

type Ask = Box<dyn Fn() -> BoxFuture<'static, Result<u32, LogError>> + Send + Sync>;

/// The number of partitions of a topic, looked at again every few seconds by whoever needs
/// it. Cheap to clone; clones share what is known.
#[derive(Clone)]
pub struct PartitionCount {
    inner: Arc<Inner>,
}

struct Inner {
    count: AtomicU32,
    /// When it was looked at; held by the one who looks.
    looked: Mutex<Instant>,
    ask: Ask,
}

impl PartitionCount {
    /// Asks for the first time.
    ///
    /// # Errors
    /// When the log can't be asked or has no such topic.
    pub async fn open<L: EventLog>(log: L, topic: Topic) -> Result<Self, LogError> {
        let count = log.partitions(&topic).await?;
        let ask: Ask = Box::new(move || {
            let (log, topic) = (log.clone(), topic.clone());
            Box::pin(async move { log.partitions(&topic).await })
        });
        let inner = Inner {
            count: AtomicU32::new(count),
            looked: Mutex::new(Instant::now()),
            ask,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// How many there are.
    pub async fn current(&self) -> u32 {
        self.look_again(FRESH).await;
        self.known()
    }

    /// Whether there is such a partition, perhaps since a moment ago.
    pub async fn has(&self, partition: Partition) -> bool {
        if partition.0 >= self.known() {
            self.look_again(FRESH_BEYOND).await;
        }
        partition.0 < self.known()
    }

    fn known(&self) -> u32 {
        self.inner.count.load(Ordering::Relaxed)
    }

    /// One looks, the others go on with what is known; so they do while the log is away.
    async fn look_again(&self, fresh: Duration) {
        let Ok(mut looked) = self.inner.looked.try_lock() else {
            return;
        };
        if looked.elapsed() < fresh {
            return;
        }
        *looked = Instant::now();
        match tokio::time::timeout(WAIT, (self.inner.ask)()).await {
            // Partitions are never taken away.
            Ok(Ok(count)) => drop(self.inner.count.fetch_max(count, Ordering::Relaxed)),
            Ok(Err(error)) => tracing::warn!(%error, "the number of partitions can't be looked up"),
            Err(_) => tracing::warn!("the number of partitions could not be looked up in time"),
        }
    }
}
