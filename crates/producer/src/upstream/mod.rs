//! Events from a topic: `trigger-events`, or one of others that stands for a trigger.
//!
//! The position of a record is committed only after what it caused is durable. An
//! event has its own identity, else that of its place in the topic, so reading it
//! again after a crash makes the same invocations. What an event may look like is in
//! `docs/upstream.md`.

mod append;
mod headers;
mod json;
mod pipeline;
mod read;
mod said;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use triggerfish_api::ports::StartError;
use triggerfish_log::{
    Appender, Batch, CommitError, Consumed, EventLog, GroupName, InstanceName, Limit, LogError,
    NewRecord, Outputs, Polled, Record, Revoking, Session, SessionSpec, Topic,
};

use crate::intake::Intake;
use append::{Done, Taken, pause, refuse};
use pipeline::Pipeline;
use read::read;

const POLL: Duration = Duration::from_millis(500);
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
    /// The trigger that the topic stands for, if it does.
    pub trigger: Option<Arc<str>>,
    /// Where records go that are no events.
    pub dead_letters: Topic,
}

/// Reads the events of one topic and fans them out.
pub struct Upstream<L: EventLog, A: Appender = <L as EventLog>::Appender> {
    log: L,
    session: L::Session,
    appender: A,
    intake: Intake,
    settings: UpstreamSettings,
    pipeline: Pipeline,
}

/// Why reading does not go on as it was.
enum Broken {
    /// With another session it does.
    Session(String),
    /// It does not.
    Log(LogError),
}

impl Broken {
    /// What an error of the session means.
    fn by(error: LogError) -> Self {
        match error {
            // Whether it is the session or the log shows when another one is opened.
            LogError::Fenced { .. } | LogError::Closed { .. } => Self::Session(error.to_string()),
            error => Self::Log(error),
        }
    }
}

impl<L: EventLog, A: Appender> Upstream<L, A> {
    /// Joins the group.
    pub async fn open(
        log: &L,
        appender: A,
        intake: Intake,
        settings: UpstreamSettings,
    ) -> Result<Self, LogError> {
        Ok(Self {
            log: log.clone(),
            session: log.open_session(spec(&settings)).await?,
            appender,
            intake,
            settings,
            pipeline: Pipeline::default(),
        })
    }

    /// Runs until `stop`. A session that was taken away is replaced by another; only
    /// what the log itself can't do ends this before.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), LogError> {
        while !stop.is_cancelled() {
            match self.turn(&stop).await {
                Ok(()) => {}
                Err(Broken::Log(error)) => return Err(error),
                Err(Broken::Session(reason)) => self.reopen(&reason, &stop).await?,
            }
        }
        match tokio::time::timeout(SETTLE, self.settle(&stop)).await {
            Ok(Ok(())) => self.session.close().await,
            Ok(Err(Broken::Log(error))) => return Err(error),
            // The next one reads the rest again.
            Ok(Err(Broken::Session(_))) | Err(_) => {}
        }
        Ok(())
    }

    /// Waits for whatever happens first.
    async fn turn(&mut self, stop: &CancellationToken) -> Result<(), Broken> {
        self.start_append(stop);
        let has_room = self.pipeline.has_room();
        let polled = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            appended = self.pipeline.appended() => {
                appended.map_err(Broken::Log)?;
                // It goes on while the positions are committed.
                self.start_append(stop);
                return self.commit(stop).await;
            }
            polled = self.session.poll(Limit::default(), POLL), if has_room => polled,
        };
        match polled {
            Ok(Polled::Records(records)) => self.take(records, stop).await,
            Ok(Polled::Revoking(revoking)) => self.revoking(revoking, stop).await?,
            Ok(Polled::Lost(partitions)) => {
                tracing::warn!(topic = %self.settings.topic, ?partitions, "partitions lost");
                self.pipeline.forget(&partitions);
            }
            Ok(Polled::Assigned(_) | Polled::Idle) => {}
            Err(error) if error.is_retryable() => {
                tracing::warn!(%error, "reading events failed, trying again");
                pause(stop).await;
            }
            Err(error) => return Err(Broken::by(error)),
        }
        Ok(())
    }

    fn start_append(&mut self, stop: &CancellationToken) {
        self.pipeline
            .start(&self.appender, &self.settings.dead_letters, stop);
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
        self.pipeline.forget(&revoking.partitions);
        settled.unwrap_or_else(|_| {
            // A commit may have been broken off.
            let reason = "partitions had to go before their events were taken";
            Err(Broken::Session(reason.to_owned()))
        })
    }

    async fn reopen(&mut self, reason: &str, stop: &CancellationToken) -> Result<(), LogError> {
        tracing::warn!(topic = %self.settings.topic, reason, "reading events begins anew");
        self.pipeline = Pipeline::default();
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
        let is_trigger = |id: &str| self.intake.knows(id);
        let start = read(record, self.settings.trigger.as_deref(), is_trigger);
        let start = start.map_err(|reason| Refused::Never {
            label: "unreadable",
            reason,
        })?;
        let decided = self
            .intake
            .decide(&start)
            .map_err(|error| Refused::by(&error))?;
        let records = decided.requested.into_iter();
        Ok(records.map(|requested| requested.record).collect())
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
                Err(error @ (CommitError::Fenced { .. } | CommitError::Unknown { .. })) => {
                    return Err(Broken::Session(error.to_string()));
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

/// Why an event is not taken.
enum Refused {
    /// It goes to dead-letters.
    Never {
        /// For metrics.
        label: &'static str,
        /// For people.
        reason: String,
    },
    /// Nothing is wrong with the event.
    Later(String),
}

impl Refused {
    fn by(error: &StartError) -> Self {
        let label = match error {
            StartError::UnknownTrigger(_) => "unknown_trigger",
            StartError::TooLarge { .. } => "too_large",
            StartError::TooDeep { .. } => "too_deep",
            StartError::InvalidInput(_)
            | StartError::UnknownSubscription(_)
            | StartError::KeyReused => "invalid_input",
            StartError::Unavailable { .. } => return Self::Later(error.to_string()),
        };
        Self::Never {
            label,
            reason: error.to_string(),
        }
    }
}
