//! Events by HTTP.

use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use triggerfish_api::ports::{self, Start, StartError, StartIdentity, Started};
use triggerfish_core::Invocation;
use triggerfish_log::{Appender, LogError, Partition};
use triggerfish_runtime::Handle;

use crate::intake::{Intake, Requested};

/// Starts invocations.
pub struct Ingest<A> {
    intake: Intake,
    appender: A,
    handle: Handle,
}

impl<A: Appender> Ingest<A> {
    /// Requests are appended by `appender`; events that came before are looked up by
    /// `handle`.
    pub fn new(intake: Intake, appender: A, handle: Handle) -> Self {
        Self {
            intake,
            appender,
            handle,
        }
    }

    async fn take(&self, start: Start) -> Result<Vec<Started>, StartError> {
        let requested = self.intake.requests(&start)?;
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
        let mut started = Vec::with_capacity(requested.len());
        for request in requested {
            started.push(self.take_once(&start, request).await?);
        }
        Ok(started)
    }

    /// Starts an invocation of an event that may have come before. The fold keeps the
    /// first request of an event; its answer is also the answer to the repetition.
    async fn take_once(&self, start: &Start, requested: Requested) -> Result<Started, StartError> {
        let Requested {
            mut started,
            record,
        } = requested;
        let id = started.id;
        let partition = Partition(u32::from(id.partition()));
        let not_here = |_| StartError::Unavailable {
            retry_after: Duration::from_secs(1),
        };
        let mut known = self
            .handle
            .get(partition, id.key())
            .await
            .map_err(not_here)?;
        if known.is_none() {
            let places = self
                .appender
                .append(vec![record])
                .await
                .map_err(|error| unavailable(&error))?;
            let offset = places
                .first()
                .map(|(_, offset)| *offset)
                .unwrap_or_default();
            known = self
                .handle
                .get_after(partition, offset, id.key())
                .await
                .map_err(not_here)?;
        }
        if let Some(known) = known {
            if !is_same_event(&known, start, &started) {
                return Err(StartError::KeyReused);
            }
            started.secret = self.intake.settings().keys.invocation_secret(known.id);
            started.id = known.id;
        }
        Ok(started)
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
                retry_after: Duration::from_secs(1),
            }
        }
    }
}

impl<A: Appender> ports::Ingest for Ingest<A> {
    fn start(&self, start: Start) -> BoxFuture<'_, Result<Vec<Started>, StartError>> {
        self.take(start).boxed()
    }
}
