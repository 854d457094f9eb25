//! The embedded log with places where a test can break things: commits that fail or
//! never return, reads that wait, news that the group did not send.

use std::collections::VecDeque;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use triggerfish_log::{
    Batch, Bounds, CommitError, EventLog, Limit, LogError, Offset, Page, Partition, Polled,
    Position, Reader, Record, Session, SessionSpec, Topic, TopicSpec, WriterName,
};
use triggerfish_log_embedded::{EmbeddedAppender, EmbeddedLog, EmbeddedReader, EmbeddedSession};

/// What happens to a commit that holds records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Aborted,
    /// The session is over; nothing is in the log.
    Fenced,
    /// The log does not say so, but it is there.
    Unknown,
    /// It never reaches the log, and never returns.
    HangsBefore,
    /// It is in the log, and never returns.
    HangsAfter,
    Passes,
}

#[derive(Clone)]
pub(crate) struct Seams {
    pub(crate) log: EmbeddedLog,
    /// Of the next commits; those after them pass.
    pub(crate) fates: Arc<Mutex<VecDeque<Fate>>>,
    /// Commits that hang at the moment.
    pub(crate) hanging: watch::Sender<usize>,
    /// Whether readers read.
    pub(crate) reads: watch::Sender<bool>,
    /// Whether sessions open.
    pub(crate) opens: watch::Sender<bool>,
    /// One for each of the next sessions that shall say nothing of records.
    pub(crate) deaf: Arc<Mutex<VecDeque<()>>>,
    /// Whether groups take leave of nobody.
    pub(crate) is_mute: Arc<AtomicBool>,
    news: Arc<Mutex<Option<mpsc::UnboundedReceiver<Polled>>>>,
    pub(crate) tell: mpsc::UnboundedSender<Polled>,
}

impl Seams {
    pub(crate) fn new(log: EmbeddedLog) -> Self {
        let (tell, news) = mpsc::unbounded_channel();
        Self {
            log,
            fates: Arc::default(),
            hanging: watch::channel(0).0,
            reads: watch::channel(true).0,
            opens: watch::channel(true).0,
            deaf: Arc::default(),
            is_mute: Arc::default(),
            news: Arc::new(Mutex::new(Some(news))),
            tell,
        }
    }

    /// What is told from now on is heard by the next session that opens.
    pub(crate) fn tell_the_next(&mut self) {
        let (tell, news) = mpsc::unbounded_channel();
        *self.news.lock().unwrap() = Some(news);
        self.tell = tell;
    }
}

pub(crate) struct SeamSession {
    session: EmbeddedSession,
    seams: Seams,
    news: Option<mpsc::UnboundedReceiver<Polled>>,
    /// It says nothing of records that are there.
    is_deaf: bool,
}

pub(crate) struct SeamReader {
    reader: EmbeddedReader,
    reads: watch::Receiver<bool>,
}

impl EventLog for Seams {
    type Session = SeamSession;
    type Appender = EmbeddedAppender;
    type Reader = SeamReader;

    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.log.ensure_topics(topics).await
    }

    async fn partitions(&self, topic: &Topic) -> Result<u32, LogError> {
        self.log.partitions(topic).await
    }

    async fn open_session(&self, spec: SessionSpec) -> Result<SeamSession, LogError> {
        let mut opens = self.opens.subscribe();
        let opened = opens.wait_for(|opens| *opens).await;
        opened.expect("the sender is in the seams");
        Ok(SeamSession {
            session: self.log.open_session(spec).await?,
            seams: self.clone(),
            news: self.news.lock().unwrap().take(),
            is_deaf: self.deaf.lock().unwrap().pop_front().is_some(),
        })
    }

    async fn open_appender(&self, writer: WriterName) -> Result<EmbeddedAppender, LogError> {
        self.log.open_appender(writer).await
    }

    async fn open_reader(&self) -> Result<SeamReader, LogError> {
        Ok(SeamReader {
            reader: self.log.open_reader().await?,
            reads: self.reads.subscribe(),
        })
    }
}

impl Session for SeamSession {
    async fn poll(&mut self, limit: Limit, wait: Duration) -> Result<Polled, LogError> {
        let told = async {
            match &mut self.news {
                Some(news) => match news.recv().await {
                    Some(polled) => polled,
                    None => std::future::pending().await,
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            polled = told => Ok(polled),
            polled = self.session.poll(limit, wait) => match polled {
                Ok(Polled::Records(_)) if self.is_deaf => Ok(Polled::Idle),
                polled => polled,
            },
        }
    }

    async fn seek(&mut self, partition: Partition, to: Offset) -> Result<(), LogError> {
        self.session.seek(partition, to).await
    }

    async fn pause(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        self.session.pause(partitions).await
    }

    async fn resume(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        self.session.resume(partitions).await
    }

    async fn commit(
        &mut self,
        batch: impl Into<Arc<Batch>> + Send,
    ) -> Result<Vec<Offset>, CommitError> {
        let batch = batch.into();
        let fate = if batch.records.is_empty() {
            Fate::Passes
        } else {
            let next = self.seams.fates.lock().unwrap().pop_front();
            next.unwrap_or(Fate::Passes)
        };
        let reason = "the test says so".to_owned();
        match fate {
            Fate::Aborted => return Err(CommitError::Aborted { reason }),
            Fate::Fenced => return Err(CommitError::Fenced { reason }),
            Fate::Unknown => {
                self.session.commit(batch).await?;
                return Err(CommitError::Unknown { reason });
            }
            Fate::HangsBefore | Fate::HangsAfter | Fate::Passes => {}
        }
        let committed = match fate {
            Fate::HangsBefore => None,
            _ => Some(self.session.commit(batch).await),
        };
        match committed {
            Some(committed) if fate == Fate::Passes => committed,
            _ => {
                self.seams.hanging.send_modify(|hanging| *hanging += 1);
                std::future::pending().await
            }
        }
    }

    async fn close(self) {
        self.session.close().await;
        if self.seams.is_mute.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

impl Reader for SeamReader {
    async fn bounds(&mut self, topic: &Topic, partition: Partition) -> Result<Bounds, LogError> {
        self.reader.bounds(topic, partition).await
    }

    async fn read(
        &mut self,
        topic: &Topic,
        partition: Partition,
        from: Offset,
        limit: Limit,
    ) -> Result<Page, LogError> {
        let open = self.reads.wait_for(|open| *open).await;
        open.map(drop).expect("the test holds the other end");
        self.reader.read(topic, partition, from, limit).await
    }

    async fn follow(
        &mut self,
        positions: &mut [Position],
        limit: Limit,
        wait: Duration,
    ) -> Result<Vec<Record>, LogError> {
        self.reader.follow(positions, limit, wait).await
    }
}
