//! Answers the API from the views, wherever they are.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use serde_json::Value;
use triggerfish_api::ports::{Invocations, ListQuery, Listing, PendingCount, Unavailable, Verdict};
use triggerfish_core::{
    CompletionReport, Invocation, InvocationId, Observation, Outcome, TriggerType,
};
use triggerfish_log::{EventLog, LogError, Offset, Partition, Reader};
use triggerfish_peers::{Peers, Query};
use triggerfish_registry::Registry;
#[cfg(feature = "faults")]
use triggerfish_runtime::faults::{self, Fault};
use triggerfish_runtime::{Observer, Topics};

use crate::readers::Readers;

/// Knows and completes invocations, by asking the owners of their partitions.
#[derive(Clone)]
pub struct Status<L: EventLog> {
    log: L,
    readers: Readers<L>,
    topics: Topics,
    peers: Peers,
    observer: Observer<L::Appender>,
    registry: Registry,
}

const RETRY_AFTER: Duration = Duration::from_secs(1);

fn unavailable(reason: impl std::fmt::Display) -> Unavailable {
    Unavailable {
        retry_after: RETRY_AFTER,
        reason: reason.to_string(),
    }
}

impl<L: EventLog> Status<L> {
    /// Asks the owners by `peers` and appends completions by `observer`.
    pub fn new(
        log: L,
        topics: Topics,
        peers: Peers,
        observer: Observer<L::Appender>,
        registry: Registry,
    ) -> Self {
        Self {
            readers: Readers::new(log.clone()),
            log,
            topics,
            peers,
            observer,
            registry,
        }
    }

    async fn find(&self, id: InvocationId) -> Result<Option<Invocation>, Unavailable> {
        let partition = Partition(u32::from(id.partition()));
        if !self.peers.partitions().has(partition).await {
            return Ok(None);
        }
        let found = match self.peers.get(partition, id.key(), None).await? {
            Some(found) => Some(found),
            None => self.find_after_fold(partition, id).await?,
        };
        Ok(found.filter(|invocation| invocation.id == id))
    }

    /// What was acknowledged a moment ago is in the log, but may not be folded yet.
    async fn find_after_fold(
        &self,
        partition: Partition,
        id: InvocationId,
    ) -> Result<Option<Invocation>, Unavailable> {
        let topic = &self.topics.invocation_log;
        let last = self.readers.last_record(topic, partition).await;
        match last.map_err(unavailable)? {
            Some(last) => self.peers.get(partition, id.key(), Some(last)).await,
            None => Ok(None),
        }
    }

    async fn list_all(&self, query: ListQuery) -> Result<Listing, Unavailable> {
        if let Some(id) = query.id {
            let found = self
                .find(id)
                .await?
                .filter(|invocation| fits(invocation, &query));
            let invocations: Vec<Invocation> = found.into_iter().collect();
            return Ok(Listing {
                total: invocations.len(),
                invocations,
            });
        }
        let registry = self.registry.snapshot();
        let of_trigger = query.trigger_id.as_deref().map_or(Vec::new(), |trigger| {
            let all = registry.subscriptions_of(trigger).iter();
            all.map(|found| found.subscription.id).collect()
        });
        let query = Query {
            trigger_id: query.trigger_id,
            subscriptions_of_trigger: of_trigger,
            subscription_id: query.subscription_id,
            open_only: query.open_only,
            before: query.before,
            soonest: query.soonest,
            without_total: query.without_total,
            limit: query.limit,
        };
        let gathered = self.peers.list(query).await?;
        Ok(Listing {
            invocations: gathered.rows,
            total: gathered.total,
        })
    }

    async fn report(
        &self,
        found: Invocation,
        report: CompletionReport,
    ) -> Result<Verdict, Unavailable> {
        let id = found.id;
        if found.request.trigger_type == TriggerType::FireAndForget {
            self.note_refused(id, report).await;
            return Ok(Verdict::NothingOwed);
        }
        if !found.is_open() {
            let verdict = judge(&found, &report, None);
            if verdict != Verdict::Repeated {
                self.note_refused(id, report).await;
            }
            return Ok(verdict);
        }
        let observation = Observation::CompletionReported(report.clone());
        #[cfg(feature = "faults")]
        if faults::is_on(Fault::ResultAcknowledgedFirst) {
            let observer = self.observer.clone();
            tokio::spawn(async move { observer.append(id, &observation).await });
            return Ok(Verdict::Accepted);
        }
        let offset = self
            .observer
            .append(id, &observation)
            .await
            .map_err(unavailable)?;
        let partition = Partition(u32::from(id.partition()));
        let folded = self.peers.get(partition, id.key(), Some(offset)).await?;
        Ok(folded.map_or(Verdict::Unknown, |invocation| {
            judge(&invocation, &report, Some(offset))
        }))
    }

    /// Puts a report into the log that comes too late, so that the story of the invocation
    /// has it; the fold ignores it. The answer does not depend on it.
    async fn note_refused(&self, id: InvocationId, report: CompletionReport) {
        let observation = Observation::CompletionReported(report);
        if let Err(error) = self.observer.append(id, &observation).await {
            tracing::warn!(invocation = %id, %error, "a refused callback could not be noted in the log");
        }
    }

    async fn backlog(&self) -> Result<Vec<PendingCount>, Unavailable> {
        let positions = self.peers.positions().await?;
        let count = self.behind(&positions).await.map_err(unavailable)?;
        Ok(vec![PendingCount {
            topic: self.topics.invocation_log.to_string(),
            count,
        }])
    }

    /// How many records the folds have not seen, about: gaps in the log count too.
    async fn behind(&self, positions: &[(Partition, Offset)]) -> Result<u64, LogError> {
        let topic = &self.topics.invocation_log;
        let mut reader = self.log.open_reader().await?;
        let mut count = 0;
        for (partition, position) in positions {
            let bounds = reader.bounds(topic, *partition).await?;
            count += bounds.end.0.saturating_sub(position.0.max(bounds.first.0));
        }
        Ok(count)
    }
}

fn fits(invocation: &Invocation, query: &ListQuery) -> bool {
    let request = &invocation.request;
    query
        .trigger_id
        .as_deref()
        .is_none_or(|trigger| trigger == &*request.trigger_id)
        && query
            .subscription_id
            .is_none_or(|id| id == request.subscription_id)
        && (!query.open_only || invocation.is_open())
}

/// What the fold made of a completion that stands at `offset`, or of one that was
/// not appended because the invocation was closed before.
fn judge(invocation: &Invocation, report: &CompletionReport, offset: Option<Offset>) -> Verdict {
    let Some(closing) = invocation.closing() else {
        return Verdict::AfterDeadline {
            deadline: invocation.request.deadline,
        };
    };
    if offset.is_some_and(|offset| offset.0 == closing.offset) {
        return Verdict::Accepted;
    }
    if says_the_same(&closing.outcome, report) {
        return Verdict::Repeated;
    }
    match closing.outcome {
        Outcome::Expired { .. } => Verdict::AfterDeadline {
            deadline: invocation.request.deadline,
        },
        _ => Verdict::AlreadyClosed {
            outcome: closing.outcome.as_str(),
        },
    }
}

/// Whether a report says what was decided; how its JSON is spelled does not matter.
fn says_the_same(outcome: &Outcome, report: &CompletionReport) -> bool {
    let same_output = is_same_json(outcome.output(), report.output.as_ref());
    match outcome {
        Outcome::Completed(_) => report.error.is_none() && same_output,
        Outcome::Failed { error, .. } => report.error.as_ref() == Some(error) && same_output,
        Outcome::Expired { .. } => false,
    }
}

fn is_same_json(one: Option<&Bytes>, other: Option<&Bytes>) -> bool {
    let value = |json: &Bytes| serde_json::from_slice::<Value>(json).ok();
    match (one, other) {
        (Some(one), Some(other)) => {
            one == other || value(one).is_some_and(|one| value(other) == Some(one))
        }
        (one, other) => one.is_none() && other.is_none(),
    }
}

impl<L: EventLog> Invocations for Status<L> {
    fn get(&self, id: InvocationId) -> BoxFuture<'_, Result<Option<Invocation>, Unavailable>> {
        self.find(id).boxed()
    }

    fn list(&self, query: ListQuery) -> BoxFuture<'_, Result<Listing, Unavailable>> {
        self.list_all(query).boxed()
    }

    fn complete(
        &self,
        found: Invocation,
        report: CompletionReport,
    ) -> BoxFuture<'_, Result<Verdict, Unavailable>> {
        self.report(found, report).boxed()
    }

    fn pending(&self) -> BoxFuture<'_, Result<Vec<PendingCount>, Unavailable>> {
        self.backlog().boxed()
    }
}
