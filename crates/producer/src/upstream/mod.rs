//! Events from a topic: `trigger-events`, or one of others that stands for a trigger; and
//! questions about actions, from `object-events`.
//!
//! The position of a record is committed only after what it caused is durable. An
//! event has its own identity, else that of its place in the topic, so reading it
//! again after a crash makes the same invocations. What an event may look like is in
//! `docs/upstream.md`.

mod action;
mod append;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod headers;
mod json;
mod pipeline;
mod read;
mod refused;
mod said;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use triggerfish_log::{
    Appender, Assigned, Batch, CommitError, Consumed, EventLog, GroupName, InstanceName, Limit,
    LogError, NewRecord, Offset, Outputs, Partition, Polled, Record, Revoking, Session,
    SessionSpec, Topic,
};
use triggerfish_ops::metrics;
#[cfg(feature = "faults")]
use triggerfish_runtime::faults::{self, Fault};
use triggerfish_runtime::{Lookout, Stall};

use crate::{action_intake::ActionIntake, intake::Intake};
use append::{Done, Taken, pause, refuse};
use pipeline::Pipeline;
use read::read;
use refused::Refused;

const POLL: Duration = Duration::from_millis(500);
/// After so long without room for another batch reading is held, so that the session can be
/// polled all the same.
const HOLD_AFTER: Duration = Duration::from_secs(2);
/// How long the end of the process waits for what was taken.
const SETTLE: Duration = Duration::from_secs(5);
/// Between two sessions, so that a log which takes them away is not stormed.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// How events are read.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Producers of one group share the partitions out. Each topic has its own.
    pub group: GroupName,
    /// Who this is.
    pub instance: InstanceName,
    /// The topic.
    pub topic: Topic,
    /// What its records are.
    pub content: Content,
    /// Where records go that are no events.
    pub dead_letters: Topic,
    /// A partition that could be read on and has not moved for this long has stalled.
    pub stall_after: Duration,
}

/// What the records of a topic are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Events that fire triggers.
    Events {
        /// The trigger that the topic stands for, if it does.
        trigger: Option<Arc<str>>,
    },
    /// Questions before actions of platforms, and news after them.
    Actions,
}

/// Who decides what records mean.
#[derive(Clone)]
pub struct Intakes {
    /// For events.
    pub events: Intake,
    /// For actions.
    pub actions: ActionIntake,
}

/// Reads the events of one topic and fans them out.
pub struct Upstream<L: EventLog, A: Appender = <L as EventLog>::Appender> {
    log: L,
    session: L::Session,
    appender: A,
    intakes: Intakes,
    settings: UpstreamSettings,
    pipeline: Pipeline,
    /// The partitions that are owned, and the next record of each to take.
    owned: BTreeMap<Partition, Offset>,
    /// Whether the partitions are paused.
    held: bool,
    lookout: Lookout<L>,
}

/// Why reading does not go on as it was.
enum Broken {
    /// With another session it does. A label, and what was seen.
    Session(&'static str, String),
    /// It does not.
    Log(LogError),
}

impl Broken {
    /// What an error of the session means.
    fn by(error: LogError) -> Self {
        match error {
            // Whether it is the session or the log shows when another one is opened.
            LogError::Fenced { .. } | LogError::Closed { .. } => {
                Self::Session("fenced", error.to_string())
            }
            error => Self::Log(error),
        }
    }
}

impl<L: EventLog, A: Appender> Upstream<L, A> {
    /// Joins the group.
    pub async fn open(
        log: &L,
        appender: A,
        intakes: Intakes,
        settings: UpstreamSettings,
    ) -> Result<Self, LogError> {
        let (group, topic) = (settings.group.clone(), settings.topic.clone());
        Ok(Self {
            lookout: Lookout::new(log.clone(), group, topic, settings.stall_after),
            log: log.clone(),
            session: log.open_session(spec(&settings)).await?,
            appender,
            intakes,
            settings,
            pipeline: Pipeline::default(),
            owned: BTreeMap::new(),
            held: false,
        })
    }

    /// Runs until `stop`. A session that was taken away is replaced by another; only
    /// what the log itself can't do ends this before.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), LogError> {
        while !stop.is_cancelled() {
            match self.turn(&stop).await {
                Ok(()) => {}
                Err(Broken::Log(error)) => return Err(error),
                Err(Broken::Session(label, reason)) => {
                    metrics::session_reopened(label);
                    self.reopen(&reason, &stop).await?;
                }
            }
        }
        match tokio::time::timeout(SETTLE, self.settle(&stop)).await {
            Ok(Ok(())) => self.session.close().await,
            Ok(Err(Broken::Log(error))) => return Err(error),
            // The next one reads the rest again.
            Ok(Err(Broken::Session(..))) | Err(_) => {}
        }
        Ok(())
    }

    /// Waits for whatever happens first.
    async fn turn(&mut self, stop: &CancellationToken) -> Result<(), Broken> {
        self.start_append(stop);
        #[cfg(feature = "faults")]
        if faults::is_on(Fault::PositionBeforeAppend) {
            self.commit(stop).await?;
        }
        self.watch()?;
        let has_room = self.pipeline.has_room();
        if has_room && self.held {
            self.hold(false).await?;
        }
        let may_poll = has_room || self.held;
        let polled = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            appended = self.pipeline.appended() => {
                appended.map_err(Broken::Log)?;
                // It goes on while the positions are committed.
                self.start_append(stop);
                return self.commit(stop).await;
            }
            polled = self.session.poll(Limit::default(), POLL), if may_poll => polled,
            () = tokio::time::sleep(HOLD_AFTER), if !may_poll => return self.hold(true).await,
        };
        match polled {
            Ok(Polled::Records(records)) => self.take(records, stop).await,
            Ok(Polled::Revoking(revoking)) => self.revoking(revoking, stop).await?,
            Ok(Polled::Lost(partitions)) => {
                tracing::warn!(topic = %self.settings.topic, ?partitions, "partitions lost");
                self.forget(&partitions);
            }
            Ok(Polled::Assigned(assigned)) => {
                let next = |one: &Assigned| {
                    let committed = one.committed.as_ref();
                    (one.partition, committed.map_or(Offset::ZERO, |c| c.offset))
                };
                self.owned.extend(assigned.iter().map(next));
                if self.held {
                    self.hold(true).await?;
                }
            }
            Ok(Polled::Idle) => {}
            Err(error) if error.is_retryable() => {
                tracing::warn!(%error, "reading events failed, trying again");
                pause(stop).await;
            }
            Err(error) => return Err(Broken::by(error)),
        }
        Ok(())
    }

    /// Looks whether events are there that nobody delivers; what is held is not expected.
    fn watch(&mut self) -> Result<(), Broken> {
        if self.held {
            self.lookout.reset();
            return Ok(());
        }
        let positions = self
            .owned
            .iter()
            .map(|(partition, next)| (*partition, *next));
        let stalls = self.lookout.look(positions);
        if stalls.is_empty() {
            return Ok(());
        }
        Err(Broken::Session("stalled", Stall::describe(&stalls)))
    }

    fn start_append(&mut self, stop: &CancellationToken) {
        self.pipeline
            .start(&self.appender, &self.settings.dead_letters, stop);
    }

    /// Pauses all partitions, or resumes them.
    async fn hold(&mut self, held: bool) -> Result<(), Broken> {
        let owned: Vec<Partition> = self.owned.keys().copied().collect();
        let done = if held {
            self.session.pause(&owned).await
        } else {
            self.session.resume(&owned).await
        };
        match done {
            Ok(()) => self.held = held,
            Err(error) if error.is_retryable() => {
                tracing::warn!(%error, "holding or resuming partitions failed, trying again");
            }
            Err(error) => return Err(Broken::by(error)),
        }
        Ok(())
    }

    fn forget(&mut self, partitions: &[Partition]) {
        self.owned
            .retain(|partition, _| !partitions.contains(partition));
        self.pipeline.forget(partitions);
    }

    /// Makes durable and commits what was taken.
    async fn settle(&mut self, stop: &CancellationToken) -> Result<(), Broken> {
        loop {
            self.start_append(stop);
            if !self.pipeline.is_appending() {
                return self.commit(stop).await;
            }
            self.pipeline.appended().await.map_err(Broken::Log)?;
        }
    }

    /// The partitions leave when the guard is dropped.
    async fn revoking(
        &mut self,
        revoking: Revoking,
        stop: &CancellationToken,
    ) -> Result<(), Broken> {
        let deadline = tokio::time::Instant::from_std(revoking.deadline);
        let settled = tokio::time::timeout_at(deadline, self.settle(stop)).await;
        self.forget(&revoking.partitions);
        settled.unwrap_or_else(|_| {
            // A commit may have been broken off.
            let reason = "partitions had to go before their events were taken";
            Err(Broken::Session("commit_unknown", reason.to_owned()))
        })
    }

    async fn reopen(&mut self, reason: &str, stop: &CancellationToken) -> Result<(), LogError> {
        tracing::warn!(topic = %self.settings.topic, reason, "reading events begins anew");
        self.pipeline = Pipeline::default();
        self.owned.clear();
        self.held = false;
        self.lookout.reset();
        loop {
            let pause = tokio::time::sleep(REOPEN_PAUSE);
            if stop.run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
            match self.log.open_session(spec(&self.settings)).await {
                Ok(session) => {
                    self.session = session;
                    return Ok(());
                }
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, "events can't be read yet, trying again");
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn take(&mut self, records: Vec<Record>, stop: &CancellationToken) {
        let mut taken = Vec::with_capacity(records.len());
        for record in records {
            self.owned.insert(record.partition, record.offset.next());
            let out = loop {
                match self.requests(&record) {
                    Ok(out) => break out,
                    Err(Refused::Later(reason)) => {
                        tracing::warn!(reason, "an event can't be taken yet, trying again");
                        if !pause(stop).await {
                            return self.pipeline.push(taken);
                        }
                    }
                    Err(Refused::Never { label, reason }) => {
                        let topic = &self.settings.dead_letters;
                        break vec![refuse(topic, &record, label, &reason)];
                    }
                }
            };
            taken.push(Taken { record, out });
        }
        self.pipeline.push(taken);
    }

    fn requests(&self, record: &Record) -> Result<Vec<NewRecord>, Refused> {
        let unreadable = |reason| Refused::Never {
            label: "unreadable",
            reason,
        };
        match &self.settings.content {
            Content::Events { trigger } => {
                let intake = &self.intakes.events;
                let start = read(record, trigger.as_deref(), |id| intake.knows(id));
                let decided = intake.decide(&start.map_err(unreadable)?);
                let decided = decided.map_err(|error| Refused::by(&error))?;
                let records = decided.requested.into_iter();
                Ok(records.map(|requested| requested.record).collect())
            }
            Content::Actions => {
                let ask = action::read(record).map_err(unreadable)?;
                let decided = self.intakes.actions.decide(&ask);
                let decided = decided.map_err(|error| Refused::by_action(&error))?;
                Ok(vec![decided.record])
            }
        }
    }

    async fn commit(&mut self, stop: &CancellationToken) -> Result<(), Broken> {
        while !self.pipeline.done().is_empty() {
            let batch = positions(&self.settings.topic, self.pipeline.done());
            match self.session.commit(batch).await {
                Ok(_) => self.pipeline.committed(),
                Err(CommitError::Refused(LogError::NotAssigned { partition, .. })) => {
                    tracing::warn!(topic = %self.settings.topic, %partition, "the position of events was not committed: the partition is gone");
                    self.pipeline.forget(&[partition]);
                }
                Err(CommitError::Refused(error)) => return Err(Broken::by(error)),
                Err(CommitError::Aborted { reason }) => {
                    tracing::warn!(
                        reason,
                        "committing positions of events was aborted, trying again"
                    );
                    if !pause(stop).await {
                        return Ok(());
                    }
                }
                Err(error @ CommitError::Fenced { .. }) => {
                    return Err(Broken::Session("fenced", error.to_string()));
                }
                Err(error @ CommitError::Unknown { .. }) => {
                    return Err(Broken::Session("commit_unknown", error.to_string()));
                }
            }
        }
        Ok(())
    }
}

fn positions(topic: &Topic, done: &Done) -> Batch {
    let consumed = done.iter().map(|(partition, offset)| Consumed {
        topic: topic.clone(),
        partition: *partition,
        offset: *offset,
        metadata: Bytes::new(),
    });
    Batch {
        records: Vec::new(),
        consumed: consumed.collect(),
    }
}

fn spec(settings: &UpstreamSettings) -> SessionSpec {
    SessionSpec {
        group: settings.group.clone(),
        topic: settings.topic.clone(),
        instance: settings.instance.clone(),
        outputs: Outputs::PositionsOnly,
    }
}
