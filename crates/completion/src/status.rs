//! Answers the API from the views of this process.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use serde_json::Value;
use triggerfish_api::ports::{Invocations, ListQuery, Listing, PendingCount, Unavailable, Verdict};
use triggerfish_core::{
    CompletionReport, Invocation, InvocationId, Observation, Outcome, SubscriptionId, TriggerType,
};
use triggerfish_log::{EventLog, LogError, Offset, Partition, Reader};
use triggerfish_registry::Registry;
use triggerfish_runtime::{Handle, NotOwned, Observer, Topics};
use triggerfish_view::{Filter, Snapshot};

/// Knows and completes the invocations of the partitions of this process.
#[derive(Clone)]
pub struct Status<L: EventLog> {
    log: L,
    topics: Topics,
    partitions: u32,
    handle: Handle,
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
    /// Answers for `partitions` partitions, all of them served by the loop behind
    /// `handle`.
    pub fn new(
        log: L,
        topics: Topics,
        partitions: u32,
        handle: Handle,
        observer: Observer<L::Appender>,
        registry: Registry,
    ) -> Self {
        Self {
            log,
            topics,
            partitions,
            handle,
            observer,
            registry,
        }
    }

    async fn find(&self, id: InvocationId) -> Result<Option<Invocation>, Unavailable> {
        let partition = Partition(u32::from(id.partition()));
        if partition.0 >= self.partitions {
            return Ok(None);
        }
        let found = self
            .handle
            .get(partition, id.key())
            .await
            .map_err(unavailable)?;
        let found = match found {
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
        let mut reader = self.log.open_reader().await.map_err(unavailable)?;
        let bounds = reader.bounds(&self.topics.invocation_log, partition).await;
        let end = bounds.map_err(unavailable)?.end;
        let Some(last) = end.0.checked_sub(1) else {
            return Ok(None);
        };
        let folded = self.handle.get_after(partition, Offset(last), id.key());
        folded.await.map_err(unavailable)
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
        let snapshots = self.handle.snapshots().await;
        if snapshots.len() != self.partitions as usize {
            return Err(unavailable("some partitions are being restored"));
        }
        let registry = self.registry.snapshot();
        let of_trigger = query.trigger_id.as_ref().map(|trigger| {
            let all = registry.subscriptions_of(trigger).iter();
            all.map(|found| found.subscription.id).collect()
        });
        let limit = query.limit;
        let mut listing = tokio::task::spawn_blocking(move || {
            let mut listing = Listing::default();
            for (_, snapshot) in &snapshots {
                add(&mut listing, snapshot, &query, of_trigger.as_ref())?;
            }
            Ok::<_, triggerfish_view::Error>(listing)
        })
        .await
        .map_err(unavailable)?
        .map_err(unavailable)?;
        listing
            .invocations
            .sort_by_key(|invocation| Reverse(invocation.request.created));
        listing.invocations.truncate(limit);
        Ok(listing)
    }

    async fn report(
        &self,
        id: InvocationId,
        report: CompletionReport,
    ) -> Result<Verdict, Unavailable> {
        match self.find(id).await? {
            None => return Ok(Verdict::Unknown),
            Some(invocation) if invocation.request.trigger_type == TriggerType::FireAndForget => {
                return Ok(Verdict::NothingOwed);
            }
            Some(invocation) if !invocation.is_open() => {
                return Ok(judge(&invocation, &report, None));
            }
            Some(_) => {}
        }
        let observation = Observation::CompletionReported(report.clone());
        let offset = self
            .observer
            .append(id, &observation)
            .await
            .map_err(unavailable)?;
        let partition = Partition(u32::from(id.partition()));
        let folded = self.handle.get_after(partition, offset, id.key()).await;
        let folded = folded.map_err(|error: NotOwned| unavailable(error))?;
        Ok(folded.map_or(Verdict::Unknown, |invocation| {
            judge(&invocation, &report, Some(offset))
        }))
    }

    async fn backlog(&self) -> Result<Vec<PendingCount>, LogError> {
        let mut reader = self.log.open_reader().await?;
        let mut count = 0;
        let positions = self.handle.status().await;
        for status in positions {
            let bounds = reader
                .bounds(&self.topics.invocation_log, status.partition)
                .await?;
            count += bounds
                .end
                .0
                .saturating_sub(status.position.max(bounds.first.0));
        }
        Ok(vec![PendingCount {
            topic: self.topics.invocation_log.to_string(),
            count,
        }])
    }
}

/// Adds what one partition has. The views are indexed by subscription, so a trigger
/// means its subscriptions; those that were deleted are looked for among the newest.
fn add(
    listing: &mut Listing,
    snapshot: &Snapshot,
    query: &ListQuery,
    of_trigger: Option<&BTreeSet<SubscriptionId>>,
) -> Result<(), triggerfish_view::Error> {
    let named = query.subscription_id.map(|id| BTreeSet::from([id]));
    let filter = Filter {
        subscriptions: named.or_else(|| of_trigger.cloned()),
        open_only: query.open_only,
    };
    let mut found = snapshot.latest(&filter, query.limit)?;
    let before = found.len();
    found.retain(|invocation| fits(invocation, query));
    // A subscription has one trigger: if any of its invocations fits, all do.
    let others = query.subscription_id.is_some() && found.len() < before;
    listing.total += if others {
        found.len()
    } else {
        usize::try_from(snapshot.count(&filter)?).unwrap_or(usize::MAX)
    };
    if let (Some(of_trigger), None) = (of_trigger, query.subscription_id) {
        let all = Filter {
            subscriptions: None,
            ..filter
        };
        let mut of_deleted = snapshot.latest(&all, query.limit)?;
        of_deleted.retain(|invocation| {
            fits(invocation, query) && !of_trigger.contains(&invocation.request.subscription_id)
        });
        listing.total += of_deleted.len();
        found.append(&mut of_deleted);
    }
    listing.invocations.append(&mut found);
    Ok(())
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
        id: InvocationId,
        report: CompletionReport,
    ) -> BoxFuture<'_, Result<Verdict, Unavailable>> {
        self.report(id, report).boxed()
    }

    fn pending(&self) -> BoxFuture<'_, Result<Vec<PendingCount>, Unavailable>> {
        async { self.backlog().await.map_err(unavailable) }.boxed()
    }
}
