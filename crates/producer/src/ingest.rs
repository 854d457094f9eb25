//! Events by HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use triggerfish_api::ports::{self, Start, StartError, StartIdentity, Started};
use triggerfish_core::Invocation;
use triggerfish_log::{Appender, LogError, Offset, Partition};
use triggerfish_peers::Peers;
#[cfg(feature = "faults")]
use triggerfish_runtime::faults::{self, Fault};

use crate::intake::{Decided, Intake, Requested};

/// Starts invocations.
pub struct Ingest<A> {
    intake: Intake,
    appender: A,
    peers: Peers,
}

impl<A: Appender> Ingest<A> {
    /// Requests are appended by `appender`; events that came before are looked up by
    /// `peers`.
    pub fn new(intake: Intake, appender: A, peers: Peers) -> Self {
        Self {
            intake,
            appender,
            peers,
        }
    }

    async fn take(&self, start: Start) -> Result<Vec<Started>, StartError> {
        let Decided {
            requested,
            elsewhere,
        } = self.intake.decide(&start)?;
        #[cfg(feature = "faults")]
        if faults::is_on(Fault::EventAcknowledgedFirst) {
            let (started, records) = requested.into_iter().map(|r| (r.started, r.record)).unzip();
            let appender = self.appender.clone();
            tokio::spawn(async move { appender.append(records).await });
            return Ok(started);
        }
        if start.identity == StartIdentity::Unique {
            let (started, records): (Vec<_>, Vec<_>) =
                requested.into_iter().map(|r| (r.started, r.record)).unzip();
            if !records.is_empty() {
                self.appender
                    .append(records)
                    .await
                    .map_err(|error| unavailable(&error))?;
            }
            return Ok(started);
        }
        self.take_once(&start, requested, &elsewhere).await
    }

    /// Starts the invocations of an event that may have come before. The fold keeps the
    /// first request of an event; its answer is also the answer to the repetition.
    async fn take_once(
        &self,
        start: &Start,
        requested: Vec<Requested>,
        elsewhere: &BTreeSet<u16>,
    ) -> Result<Vec<Started>, StartError> {
        let mut known = Vec::with_capacity(requested.len());
        for Requested { started, .. } in &requested {
            known.push(self.find_anywhere(started, elsewhere).await?);
        }
        // Another event under the same key starts nothing at all.
        for (known, requested) in known.iter().zip(&requested) {
            check_same_event(known.as_ref(), start, &requested.started)?;
        }
        let is_new = known.iter().map(Option::is_none);
        let new = requested.iter().zip(is_new).filter(|(_, is_new)| *is_new);
        let records: Vec<_> = new.map(|(requested, _)| requested.record.clone()).collect();
        let mut places = Vec::new();
        if !records.is_empty() {
            let appended = self.appender.append(records).await;
            places = appended.map_err(|error| unavailable(&error))?;
        }
        let mut places = places.into_iter().map(|(_, offset)| offset);
        let mut all = Vec::with_capacity(requested.len());
        for (known, Requested { mut started, .. }) in known.into_iter().zip(requested) {
            let here = started.id.partition();
            let known = match known {
                Some(known) => Some(known),
                None => self.find(&started, here, places.next()).await?,
            };
            // Somebody may have been quicker under the same key.
            check_same_event(known.as_ref(), start, &started)?;
            if let Some(known) = known {
                started.secret = self.intake.settings().keys.invocation_secret(known.id);
                started.id = known.id;
            }
            all.push(started);
        }
        Ok(all)
    }

    /// The invocation that the fold knows for `started`, where it would be now or where
    /// it was when the log had another number of partitions.
    async fn find_anywhere(
        &self,
        started: &Started,
        elsewhere: &BTreeSet<u16>,
    ) -> Result<Option<Invocation>, StartError> {
        let here = started.id.partition();
        for partition in std::iter::once(&here).chain(elsewhere) {
            let found = self.find(started, *partition, None).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The invocation that the fold knows for `started` in this partition, once the
    /// record at `after` is folded.
    async fn find(
        &self,
        started: &Started,
        partition: u16,
        after: Option<Offset>,
    ) -> Result<Option<Invocation>, StartError> {
        let partition = Partition(u32::from(partition));
        let found = self.peers.get(partition, started.id.key(), after).await;
        found.map_err(|unavailable| {
            tracing::warn!(%unavailable, "an event was refused: whether it came before is not known");
            StartError::Unavailable {
                retry_after: unavailable.retry_after,
            }
        })
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(1);

fn check_same_event(
    known: Option<&Invocation>,
    start: &Start,
    started: &Started,
) -> Result<(), StartError> {
    match known {
        Some(known) if !is_same_event(known, start, started) => Err(StartError::KeyReused),
        _ => Ok(()),
    }
}

fn is_same_event(known: &Invocation, start: &Start, started: &Started) -> bool {
    let same_input = match &start.input {
        ports::StartInput::Json(json) => known.request.input == *json,
        ports::StartInput::Example => true,
    };
    same_input
        && known.request.content_json == started.content_json
        && *known.request.trigger_id == *started.trigger_id
}

fn unavailable(error: &LogError) -> StartError {
    match error {
        LogError::TooLarge { limit, .. } => StartError::TooLarge { limit: *limit },
        error => {
            tracing::warn!(%error, "an event was refused: the log can't be written to");
            StartError::Unavailable {
                retry_after: RETRY_AFTER,
            }
        }
    }
}

impl<A: Appender> ports::Ingest for Ingest<A> {
    fn start(&self, start: Start) -> BoxFuture<'_, Result<Vec<Started>, StartError>> {
        self.take(start).boxed()
    }
}
