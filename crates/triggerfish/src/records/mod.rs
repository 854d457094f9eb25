//! Records of topics, readable: for the API of a running service and for reading the
//! folder of one that is not running.
//!
//! Only topics without credentials are shown. Start with [`Shown`].

mod cursor;
pub(crate) mod folder;
pub(crate) mod observation;
mod readable;
#[cfg(test)]
mod tests;

use std::time::Duration;

use triggerfish_api::ports::{RecordsFrom, RecordsPage};
use triggerfish_log::{Limit, LogError, Offset, Partition, Position, Reader, Topic};
use triggerfish_runtime::Topics;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// The cursor is not one of this topic.
    #[error("the cursor is not one of this topic")]
    Cursor,
    #[error(transparent)]
    Log(#[from] LogError),
}

/// One topic to read.
pub(crate) struct Shown<'a> {
    topics: &'a Topics,
    topic: &'a Topic,
    partitions: u32,
}

/// The topics that are shown: nothing in them is a secret.
pub(crate) fn shown_topics(topics: &Topics) -> [&Topic; 4] {
    [
        &topics.completions,
        &topics.decisions,
        &topics.dead_letters,
        &topics.invocation_log,
    ]
}

impl<'a> Shown<'a> {
    /// The topic with this plain or prefixed name, if it is shown.
    pub(crate) fn topic(topics: &'a Topics, name: &str) -> Option<&'a Topic> {
        topics
            .by_name(name)
            .filter(|topic| shown_topics(topics).contains(topic))
    }

    /// `topic`, which has so many partitions.
    pub(crate) fn new(topics: &'a Topics, topic: &'a Topic, partitions: u32) -> Self {
        Self {
            topics,
            topic,
            partitions,
        }
    }

    /// Records from `from` on, at most `limit`, after waiting up to `wait` for the
    /// first.
    pub(crate) async fn page(
        &self,
        reader: &mut impl Reader,
        from: &RecordsFrom,
        limit: usize,
        wait: Duration,
    ) -> Result<RecordsPage, PageError> {
        let mut positions = self.positions(reader, from).await?;
        let followed = reader
            .follow(&mut positions, Limit::records(limit), wait)
            .await;
        let records = followed.map_err(|error| match error {
            LogError::BeyondEnd { .. } => PageError::Cursor,
            error => PageError::Log(error),
        })?;
        let is_invocation_log = *self.topic == self.topics.invocation_log;
        let records = records
            .iter()
            .map(|record| readable::record(record, is_invocation_log));
        Ok(RecordsPage {
            records: records.collect(),
            cursor: cursor::written(&positions),
        })
    }

    async fn positions(
        &self,
        reader: &mut impl Reader,
        from: &RecordsFrom,
    ) -> Result<Vec<Position>, PageError> {
        let offsets = match from {
            RecordsFrom::Beginning => vec![Offset::ZERO; self.partitions as usize],
            RecordsFrom::Cursor(text) => {
                cursor::read(text, self.partitions).ok_or(PageError::Cursor)?
            }
            RecordsFrom::End => {
                let mut ends = Vec::with_capacity(self.partitions as usize);
                for partition in 0..self.partitions {
                    ends.push(reader.bounds(self.topic, Partition(partition)).await?.end);
                }
                ends
            }
        };
        let position = |(partition, offset)| Position {
            topic: self.topic.clone(),
            partition: Partition(partition),
            offset,
        };
        Ok((0..self.partitions).zip(offsets).map(position).collect())
    }
}
