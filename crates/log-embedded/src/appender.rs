//! Plain appends: encode, queue, wait for the flush.

use std::sync::Arc;

use tokio::sync::oneshot;
use triggerfish_log::{Appender, LogError, NewRecord, Offset, Partition};

use crate::engine::Inner;
use crate::intake::{Append, Encoded, Request};

/// Appends to an [`crate::EmbeddedLog`].
#[derive(Clone)]
pub struct EmbeddedAppender {
    log: Arc<Inner>,
}

impl EmbeddedAppender {
    pub(crate) fn new(log: Arc<Inner>) -> Self {
        Self { log }
    }
}

impl Appender for EmbeddedAppender {
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<(Partition, Offset)>, LogError> {
        let shared = &self.log.shared;
        let encoded = Encoded::new(&shared.topics, &records, shared.options.record_bytes_max)?;
        drop(records);
        let room = self.log.room(encoded.bytes()).await?;
        let (runs, places) = encoded.split();
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let (done, acknowledged) = oneshot::channel();
        self.log
            .send(Request::Append(Append { runs, done, room }))?;
        let offsets = acknowledged.await.map_err(|_| shared.closed())??;
        Ok(places.offsets(offsets))
    }
}
