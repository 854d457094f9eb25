//! A log in memory that keeps the contract of `triggerfish-log`, in weather that a seed makes.
//!
//! Everything happens under one lock, at one moment each; the weather decides how long a
//! call takes, whether it fails, and whether the caller gets to know what became of it. A
//! [`SimLog`] is one process's way to the log and goes through its [`Life`]. All that
//! happens is told to a [`Witness`], before anybody else can see it.

mod append;
mod group;
mod read;
mod session;
mod store;
mod weather;
mod witness;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use triggerfish_log::{
    EventLog, LogError, NewRecord, Offset, Outputs, Partition, Record, SessionSpec, Topic,
    TopicSpec, WriterName,
};

pub use append::SimAppender;
pub use read::SimReader;
pub use session::SimSession;
pub use weather::Weather;
pub use witness::{NoWitness, Witness};

use crate::life::Life;
use store::State;
use weather::Trouble;

/// What all processes share.
struct Shared {
    state: Mutex<State>,
    weather: Mutex<Weather>,
    /// Something was appended, or a group has changed.
    changed: Notify,
    witness: Arc<dyn Witness>,
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
}

/// See the head of the file. Clones are the same process's.
#[derive(Clone)]
pub struct SimLog {
    shared: Arc<Shared>,
    life: Life,
}

impl SimLog {
    /// An empty log. A record gets the time that `clock` tells, in microseconds.
    pub fn new(
        life: Life,
        weather: Weather,
        witness: Arc<dyn Witness>,
        clock: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        let shared = Shared {
            state: Mutex::default(),
            weather: Mutex::new(weather),
            changed: Notify::new(),
            witness,
            clock: Arc::new(clock),
        };
        Self {
            shared: Arc::new(shared),
            life,
        }
    }

    /// The way of another process to the same log.
    #[must_use]
    pub fn of(&self, life: Life) -> Self {
        let shared = Arc::clone(&self.shared);
        Self { shared, life }
    }

    /// From here on the weather is this.
    pub fn set_weather(&self, change: impl FnOnce(&mut Weather)) {
        change(&mut self.shared.weather.lock());
    }

    /// Appends at this moment, whatever the weather.
    ///
    /// # Errors
    /// When there is no such topic or partition.
    pub fn put(&self, records: &[NewRecord]) -> Result<Vec<(Partition, Offset)>, LogError> {
        self.apply(records)
    }

    /// All records of a partition.
    #[must_use]
    pub fn records(&self, topic: &Topic, partition: Partition) -> Vec<Record> {
        self.shared.state.lock().records(topic, partition)
    }

    /// The committed position of a group in each partition of its topic, if there is one.
    #[must_use]
    pub fn committed(&self, group: &str, topic: &Topic) -> Vec<Option<Offset>> {
        self.shared.state.lock().committed(group, topic)
    }

    /// Forgets the positions of all groups, as Kafka does when nobody is in them for long.
    pub fn forget_positions(&self) {
        self.shared.state.lock().forget_positions();
    }

    /// Where each partition ends.
    #[must_use]
    pub fn ends(&self, topic: &Topic) -> Vec<Offset> {
        self.shared.state.lock().ends(topic)
    }

    fn apply(&self, records: &[NewRecord]) -> Result<Vec<(Partition, Offset)>, LogError> {
        let mut state = self.shared.state.lock();
        state.check(records)?;
        let appended = state.append(records, (self.shared.clock)());
        self.shared.witness.appended(&self.life, &appended);
        drop(state);
        self.shared.changed.notify_waiters();
        Ok(appended.iter().map(|r| (r.partition, r.offset)).collect())
    }

    /// Takes as long as the way to the log does.
    async fn travel(&self) {
        let lag = self.shared.weather.lock().lag();
        if !lag.is_zero() {
            tokio::time::sleep(lag).await;
        }
        self.life.well().await;
    }

    /// What is to go wrong with a call.
    fn trouble(&self) -> Option<Trouble> {
        self.shared.weather.lock().trouble()
    }

    /// A way to the log, if there is one.
    async fn reach(&self) -> Result<(), LogError> {
        self.life.well().await;
        self.travel().await;
        match self.trouble() {
            Some(Trouble::Before) => Err(unavailable("it did not answer")),
            _ => Ok(()),
        }
    }
}

fn unavailable(reason: &str) -> LogError {
    LogError::Unavailable {
        reason: reason.to_owned(),
    }
}

impl EventLog for SimLog {
    type Session = SimSession;
    type Appender = SimAppender;
    type Reader = SimReader;

    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        self.reach().await?;
        let made = self.shared.state.lock().ensure(topics);
        self.shared.changed.notify_waiters();
        made
    }

    async fn partitions(&self, topic: &Topic) -> Result<u32, LogError> {
        self.reach().await?;
        self.shared.state.lock().partitions(topic)
    }

    async fn open_session(&self, spec: SessionSpec) -> Result<SimSession, LogError> {
        self.reach().await?;
        let hand_over = self.shared.weather.lock().hand_over;
        let mut state = self.shared.state.lock();
        state.partitions(&spec.topic)?;
        self.shared.witness.joined(&self.life, &spec.group);
        let member = state.join(&spec, hand_over);
        drop(state);
        self.shared.changed.notify_waiters();
        Ok(SimSession::new(self.clone(), spec, member))
    }

    async fn open_appender(&self, _: WriterName) -> Result<SimAppender, LogError> {
        self.reach().await?;
        Ok(SimAppender::new(self.clone()))
    }

    async fn open_reader(&self) -> Result<SimReader, LogError> {
        self.reach().await?;
        Ok(SimReader::new(self.clone()))
    }
}

/// The writer whose name a session commits under.
fn writer_of(outputs: &Outputs) -> Option<&WriterName> {
    match outputs {
        Outputs::Atomic(writer) => Some(writer),
        Outputs::PositionsOnly => None,
    }
}

/// The longest that a session is not heard of before its partitions go to others.
const SESSION: Duration = Duration::from_secs(6);
