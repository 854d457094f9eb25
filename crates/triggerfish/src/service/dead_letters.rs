//! Shows dead letters to the API and puts them back.

use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use triggerfish_api::ports::{
    DeadLetterView, DeadLetters, Place, Redrive, RedriveResult, Unavailable,
};
use triggerfish_log::{Appender, EventLog, LogError, NewRecord, Topic};
use triggerfish_runtime::Topics;

use crate::letters::{find, redriven, view};

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The dead letters of one log.
pub(super) struct LogLetters<L: EventLog> {
    log: L,
    appender: L::Appender,
    topics: Topics,
    upstream: Vec<Topic>,
}

impl<L: EventLog> LogLetters<L> {
    /// Letters go back to the topics `upstream`, which events are read from.
    pub(super) fn new(log: L, appender: L::Appender, topics: Topics, upstream: Vec<Topic>) -> Self {
        Self {
            log,
            appender,
            topics,
            upstream,
        }
    }

    async fn find(&self, place: Place) -> Result<Option<DeadLetterView>, LogError> {
        let mut reader = self.log.open_reader().await?;
        let found = find(&mut reader, &self.topics.dead_letters, place).await?;
        Ok(found.as_ref().map(view))
    }

    async fn put_back(&self, redrive: &Redrive) -> Result<Vec<RedriveResult>, LogError> {
        let mut reader = self.log.open_reader().await?;
        let mut letters = Vec::with_capacity(redrive.places.len());
        for place in &redrive.places {
            let letter = find(&mut reader, &self.topics.dead_letters, *place).await?;
            letters.push(redriven(letter.as_ref(), &self.topics, &self.upstream));
        }
        if !redrive.dry_run {
            self.append(&mut letters).await?;
        }
        let places = redrive.places.iter().zip(letters);
        let result = |(place, letter): (&Place, Result<NewRecord, String>)| RedriveResult {
            place: *place,
            topic: letter.as_ref().ok().map(|record| record.topic.to_string()),
            refused: letter.err(),
        };
        Ok(places.map(result).collect())
    }

    /// Appends what can be put back; what the log does not take is refused.
    async fn append(&self, letters: &mut [Result<NewRecord, String>]) -> Result<(), LogError> {
        loop {
            let records: Vec<NewRecord> = letters.iter().flatten().cloned().collect();
            if records.is_empty() {
                return Ok(());
            }
            let is_refused: Box<dyn Fn(&NewRecord) -> bool> =
                match self.appender.append(records).await {
                    Ok(_) => return Ok(()),
                    // With the headers that say where it was it is larger than before.
                    Err(LogError::TooLarge { limit, .. }) => {
                        Box::new(move |record| record.payload_bytes() > limit)
                    }
                    Err(LogError::UnknownTopic { topic }) => {
                        Box::new(move |record| record.topic == topic)
                    }
                    Err(LogError::UnknownPartition {
                        topic, partition, ..
                    }) => Box::new(move |record| {
                        record.topic == topic && record.partition == partition
                    }),
                    Err(error) => return Err(error),
                };
            let before = letters.iter().flatten().count();
            for letter in &mut *letters {
                if letter.as_ref().is_ok_and(&is_refused) {
                    *letter = Err(
                        "its topic does not take it, too large or no longer there: produce the event again"
                            .to_owned(),
                    );
                }
            }
            if letters.iter().flatten().count() == before {
                let reason = "the topic does not take the records".to_owned();
                return Err(LogError::Refused { reason });
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unavailable(error: LogError) -> Unavailable {
    Unavailable {
        retry_after: RETRY_AFTER,
        reason: error.to_string(),
    }
}

impl<L: EventLog> DeadLetters for LogLetters<L> {
    fn get(&self, place: Place) -> BoxFuture<'_, Result<Option<DeadLetterView>, Unavailable>> {
        async move { self.find(place).await.map_err(unavailable) }.boxed()
    }

    fn redrive(&self, redrive: Redrive) -> BoxFuture<'_, Result<Vec<RedriveResult>, Unavailable>> {
        async move { self.put_back(&redrive).await.map_err(unavailable) }.boxed()
    }
}
