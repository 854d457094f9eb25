//! Follows the topic `workers`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use triggerfish_log::{
    Appender, EventLog, Limit, LogError, NewRecord, Offset, Partition, Position, Reader, Topic,
};
use triggerfish_runtime::Clock;

use crate::roster::Roster;

/// The one partition of the topic.
pub(crate) const PARTITION: Partition = Partition(0);
/// The longest wait for a record before silence is counted again.
const FOLLOW_WAIT: Duration = Duration::from_secs(1);
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Who is there, as of the moment. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Directory {
    roster: watch::Receiver<Arc<Roster>>,
}

impl Directory {
    pub(crate) fn roster(&self) -> Arc<Roster> {
        Arc::clone(&self.roster.borrow())
    }

    /// Changes with every announcement.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Roster>> {
        self.roster.clone()
    }
}

/// The task behind a [`Directory`].
pub(crate) struct Follower<L: EventLog> {
    reader: L::Reader,
    appender: L::Appender,
    topic: Topic,
    instance: String,
    next: Offset,
    roster: Roster,
    shown: watch::Sender<Arc<Roster>>,
}

impl<L: EventLog> Follower<L> {
    /// Reads the topic to its end.
    pub(crate) async fn open(
        log: &L,
        appender: L::Appender,
        topic: Topic,
        instance: String,
        clock: &dyn Clock,
    ) -> Result<(Self, Directory), LogError> {
        let now = Instant::now();
        let roster = Roster::new(now);
        let mut follower = Self {
            reader: log.open_reader().await?,
            appender,
            topic,
            instance,
            next: Offset::ZERO,
            shown: watch::Sender::new(Arc::new(roster.clone())),
            roster,
        };
        loop {
            let page = follower
                .reader
                .read(&follower.topic, PARTITION, follower.next, Limit::default())
                .await?;
            for record in &page.records {
                follower.roster.take(record, now);
            }
            follower.next = page.next;
            if page.at_end {
                break;
            }
        }
        follower.roster.caught_up(clock.now().as_micros());
        follower.show();
        let roster = follower.shown.subscribe();
        Ok((follower, Directory { roster }))
    }

    /// Runs until `stop`; fails when the log is closed.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), LogError> {
        while let Some(followed) = stop.run_until_cancelled(self.follow()).await {
            match followed {
                Ok(()) => {}
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, "the topic of workers can't be read, trying again");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for news and takes them.
    async fn follow(&mut self) -> Result<(), LogError> {
        let mut positions = [Position {
            topic: self.topic.clone(),
            partition: PARTITION,
            offset: self.next,
        }];
        let followed = self
            .reader
            .follow(&mut positions, Limit::default(), FOLLOW_WAIT);
        let records = followed.await?;
        let now = Instant::now();
        for record in &records {
            self.roster.take(record, now);
        }
        self.next = positions[0].offset;
        self.roster.is_read(now);
        self.show();
        self.bury().await;
        Ok(())
    }

    fn show(&self) {
        self.shown.send_replace(Arc::new(self.roster.clone()));
    }

    /// Takes those off the topic that have been gone for long, so that it stays small.
    /// Should one of them come back at this very moment, it is there again with its next
    /// heartbeat.
    async fn bury(&mut self) {
        let gone = self.roster.to_bury(&self.instance);
        if gone.is_empty() {
            return;
        }
        tracing::info!(
            ?gone,
            "processes that are gone are taken off the topic of workers"
        );
        let tombstones = gone.into_iter().map(|name| tombstone(&self.topic, name));
        if let Err(error) = self.appender.append(tombstones.collect()).await {
            tracing::warn!(%error, "the topic of workers can't be written to, trying again later");
        }
    }
}

/// The record that takes a process off the topic.
pub(crate) fn tombstone(topic: &Topic, name: String) -> NewRecord {
    NewRecord {
        topic: topic.clone(),
        partition: PARTITION,
        key: Some(Bytes::from(name)),
        value: None,
        headers: Vec::new(),
    }
}
