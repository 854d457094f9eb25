//! Sessions that are handed over, and sessions that are taken away.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use triggerfish_log::{
    Batch, CommitError, EventLog, Limit, LogError, Offset, Partition, Polled, Session, SessionSpec,
    Topic, TopicSpec, WriterName,
};
use triggerfish_log_embedded::EmbeddedLog;
use triggerfish_producer::UpstreamSettings;

use crate::world::{TRIGGER, World, eventually};

/// What goes wrong next.
#[derive(Clone, Default)]
struct Faults {
    polls: Arc<Mutex<VecDeque<LogError>>>,
    commits: Arc<Mutex<VecDeque<CommitError>>>,
}

/// A log whose sessions fail as they are told.
#[derive(Clone)]
struct Shaky {
    log: EmbeddedLog,
    faults: Faults,
    opened: Arc<Mutex<usize>>,
    /// Whether partitions are paused.
    paused: Arc<Mutex<bool>>,
    /// How many of the next sessions say nothing of records.
    deaf: Arc<Mutex<usize>>,
}

struct ShakySession {
    session: <EmbeddedLog as EventLog>::Session,
    faults: Faults,
    paused: Arc<Mutex<bool>>,
    is_deaf: bool,
}

impl Shaky {
    fn on(world: &World) -> Self {
        Self {
            log: world.log.clone(),
            faults: Faults::default(),
            opened: Arc::default(),
            paused: Arc::default(),
            deaf: Arc::default(),
        }
    }
}

impl EventLog for Shaky {
    type Session = ShakySession;
    type Appender = <EmbeddedLog as EventLog>::Appender;
    type Reader = <EmbeddedLog as EventLog>::Reader;

    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.log.ensure_topics(topics).await
    }

    async fn partitions(&self, topic: &Topic) -> Result<u32, LogError> {
        self.log.partitions(topic).await
    }

    async fn open_session(&self, spec: SessionSpec) -> Result<ShakySession, LogError> {
        *self.opened.lock().unwrap() += 1;
        *self.paused.lock().unwrap() = false;
        let is_deaf = {
            let mut deaf = self.deaf.lock().unwrap();
            let before = *deaf;
            *deaf = before.saturating_sub(1);
            before > 0
        };
        Ok(ShakySession {
            is_deaf,
            session: self.log.open_session(spec).await?,
            faults: self.faults.clone(),
            paused: Arc::clone(&self.paused),
        })
    }

    async fn open_appender(&self, writer: WriterName) -> Result<Self::Appender, LogError> {
        self.log.open_appender(writer).await
    }

    async fn open_reader(&self) -> Result<Self::Reader, LogError> {
        self.log.open_reader().await
    }
}

impl Session for ShakySession {
    async fn poll(&mut self, limit: Limit, wait: Duration) -> Result<Polled, LogError> {
        let fault = self.faults.polls.lock().unwrap().pop_front();
        match fault {
            Some(fault) => Err(fault),
            None => match self.session.poll(limit, wait).await {
                Ok(Polled::Records(_)) if self.is_deaf => Ok(Polled::Idle),
                polled => polled,
            },
        }
    }

    async fn seek(&mut self, partition: Partition, to: Offset) -> Result<(), LogError> {
        self.session.seek(partition, to).await
    }

    async fn pause(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        *self.paused.lock().unwrap() = true;
        self.session.pause(partitions).await
    }

    async fn resume(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        *self.paused.lock().unwrap() = false;
        self.session.resume(partitions).await
    }

    async fn commit(
        &mut self,
        batch: impl Into<Arc<Batch>> + Send,
    ) -> Result<Vec<Offset>, CommitError> {
        let fault = self.faults.commits.lock().unwrap().pop_front();
        match fault {
            Some(fault) => Err(fault),
            None => self.session.commit(batch).await,
        }
    }

    async fn close(self) {
        self.session.close().await;
    }
}

fn event(id: u32) -> String {
    format!(r#"{{"triggerId":"{TRIGGER}","id":"{id}","input":{{"a":1}}}}"#)
}

fn said() -> String {
    "the test says so".to_owned()
}

#[tokio::test]
async fn a_session_that_is_taken_away_is_replaced() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let log = Shaky::on(&world);
    let reading = world.upstream_on(log.clone(), world.settings()).await;
    let mut expected = 0;
    let mut started = async |what: &str| {
        world.produce(event(expected), &[]).await;
        expected += 1;
        eventually(what, async || {
            let requests = world.requests().await;
            let ids: std::collections::BTreeSet<_> = requests.iter().map(|(id, _)| *id).collect();
            ids.len() == expected as usize
        })
        .await;
    };
    started("the first").await;
    for (fault, sessions) in [
        (LogError::Unavailable { reason: said() }, 1),
        (LogError::Fenced { reason: said() }, 2),
        (LogError::Closed { reason: said() }, 3),
    ] {
        log.faults.polls.lock().unwrap().push_back(fault);
        started("one after a failed poll").await;
        eventually("the session is as new as it has to be", async || {
            *log.opened.lock().unwrap() == sessions
        })
        .await;
    }
    let lost = LogError::NotAssigned {
        topic: world.topics.trigger_events.clone(),
        partition: Partition(0),
    };
    for (fault, sessions) in [
        (CommitError::Aborted { reason: said() }, 3),
        (CommitError::Refused(lost), 3),
        (CommitError::Unknown { reason: said() }, 4),
        (CommitError::Fenced { reason: said() }, 5),
    ] {
        log.faults.commits.lock().unwrap().push_back(fault);
        started("one whose commit fails").await;
        eventually("the session is as new as it has to be", async || {
            *log.opened.lock().unwrap() == sessions
        })
        .await;
        started("one after that").await;
    }
    reading.end().await;
    // All of it is committed: who comes next reads nothing again.
    let before = world.requests().await.len();
    let next = world.upstream().await;
    world.produce(event(1000), &[]).await;
    eventually("the next one is started", async || {
        world.requests().await.len() > before
    })
    .await;
    assert_eq!(world.requests().await.len(), before + 1);
    next.end().await;
}

#[tokio::test]
async fn a_session_that_withholds_events_is_noticed_and_replaced() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let log = Shaky::on(&world);
    *log.deaf.lock().unwrap() = 1;
    let settings = UpstreamSettings {
        stall_after: Duration::from_millis(400),
        ..world.settings()
    };
    let reading = world.upstream_on(log.clone(), settings).await;
    world.produce(event(0), &[]).await;
    eventually("it is started", async || world.requests().await.len() == 1).await;
    assert_eq!(*log.opened.lock().unwrap(), 2);
    reading.end().await;
}

#[tokio::test]
async fn what_was_taken_is_finished_before_partitions_go_to_another() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let one = world.upstream().await;
    world.produce(event(0), &[]).await;
    eventually("it reads", async || world.requests().await.len() == 1).await;
    world.appender.open.send_replace(false);
    world.produce(event(1), &[]).await;
    eventually("an append is under way", async || {
        world.appender.open.receiver_count() > 0
    })
    .await;
    // Another one joins, and the partition in question goes to it sooner or later.
    let settings = UpstreamSettings {
        instance: "q".into(),
        ..world.settings()
    };
    let other = world.upstream_on(world.log.clone(), settings).await;
    world.produce(event(2), &[]).await;
    world.appender.open.send_replace(true);
    eventually("all are started", async || {
        world.requests().await.len() >= 3
    })
    .await;
    one.end().await;
    world.produce(event(3), &[]).await;
    eventually("the other one reads on", async || {
        world.requests().await.len() >= 4
    })
    .await;
    other.end().await;
    assert_eq!(world.requests().await.len(), 4, "none was read twice");
}

#[tokio::test]
async fn the_session_is_polled_while_nothing_more_can_be_taken() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let log = Shaky::on(&world);
    let is_paused = || *log.paused.lock().unwrap();
    world.appender.open.send_replace(false);
    let reading = world.upstream_on(log.clone(), world.settings()).await;
    world.produce(event(0), &[]).await;
    eventually("an append is under way", async || {
        world.appender.open.receiver_count() > 0
    })
    .await;
    world.produce(event(1), &[]).await;
    eventually("partitions are paused", async || is_paused()).await;
    // That it was fenced only a poll tells.
    let fenced = LogError::Fenced { reason: said() };
    log.faults.polls.lock().unwrap().push_back(fenced);
    eventually("it has another session", async || {
        *log.opened.lock().unwrap() == 2
    })
    .await;
    eventually("an append is under way again", async || {
        world.appender.open.receiver_count() > 0
    })
    .await;
    world.produce(event(2), &[]).await;
    eventually("partitions are paused again", async || is_paused()).await;
    world.appender.open.send_replace(true);
    eventually("all are started", async || {
        world.requests().await.len() == 3
    })
    .await;
    eventually("reading goes on", async || !is_paused()).await;
    world.produce(event(3), &[]).await;
    eventually("the last one is started", async || {
        world.requests().await.len() == 4
    })
    .await;
    reading.end().await;
}
