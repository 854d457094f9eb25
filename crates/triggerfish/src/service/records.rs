//! Shows records of topics to the API.

use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use tokio_util::sync::CancellationToken;
use triggerfish_api::ports::{Records, RecordsError, RecordsPage, RecordsQuery, Unavailable};
use triggerfish_log::{EventLog, LogError};
use triggerfish_runtime::Topics;

use crate::records::{PageError, Shown, shown_topics};

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Reads the topics of one log.
pub(super) struct LogRecords<L> {
    log: L,
    topics: Topics,
    stop: CancellationToken,
}

impl<L: EventLog> LogRecords<L> {
    /// Whoever waits for a record is answered when `stop` is cancelled.
    pub(super) fn new(log: L, topics: Topics, stop: CancellationToken) -> Self {
        Self { log, topics, stop }
    }

    async fn page(&self, query: RecordsQuery) -> Result<RecordsPage, RecordsError> {
        let topic = Shown::topic(&self.topics, &query.topic).ok_or_else(|| {
            let names = shown_topics(&self.topics).map(ToString::to_string);
            RecordsError::UnknownTopic(query.topic.clone(), names.join(", "))
        })?;
        let partitions = self.log.partitions(topic).await.map_err(unavailable)?;
        let mut reader = self.log.open_reader().await.map_err(unavailable)?;
        let shown = Shown::new(&self.topics, topic, partitions);
        let waiting = shown.page(&mut reader, &query.from, query.limit, query.wait);
        let page = match self.stop.run_until_cancelled(waiting).await {
            Some(page) => page,
            None => {
                shown
                    .page(&mut reader, &query.from, query.limit, Duration::ZERO)
                    .await
            }
        };
        page.map_err(|error| match error {
            PageError::Cursor => RecordsError::Cursor,
            PageError::Log(error) => unavailable(error),
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unavailable(error: LogError) -> RecordsError {
    Unavailable {
        retry_after: RETRY_AFTER,
        reason: error.to_string(),
    }
    .into()
}

impl<L: EventLog> Records for LogRecords<L> {
    fn read(&self, query: RecordsQuery) -> BoxFuture<'_, Result<RecordsPage, RecordsError>> {
        self.page(query).boxed()
    }
}
