//! What this process itself knows: the partitions of its loop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use triggerfish_core::{ActionState, Invocation, InvocationKey, SubscriptionId};
use triggerfish_log::{Offset, Partition};
use triggerfish_runtime::Handle;
use triggerfish_view::{Filter, Snapshot};
use triggerfish_wire::peer::{ActionStage, ActionWanted, PartFound, PartsWanted};

/// How long the loop may take to say how an action stands when patience has ended.
const LAST_LOOK: Duration = Duration::from_millis(5);

/// Why somebody who was asked did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The partition does not run there.
    NotMine,
    /// There is no answer to be had; why.
    Failed(String),
}

/// The loop of this process.
#[derive(Clone)]
pub(crate) struct Local {
    handle: Handle,
    running: watch::Receiver<BTreeSet<Partition>>,
}

impl Local {
    pub(crate) fn new(handle: Handle) -> Self {
        let running = handle.running();
        Self { handle, running }
    }

    /// Whether the partition runs here.
    pub(crate) fn runs(&self, partition: Partition) -> bool {
        // What was said last by a loop that has ended means nothing.
        self.running.has_changed().is_ok() && self.running.borrow().contains(&partition)
    }

    /// Changes with the partitions that run here.
    pub(crate) fn changes(&self) -> watch::Receiver<BTreeSet<Partition>> {
        self.running.clone()
    }

    /// The invocation under `key`, once the record at `after` is folded.
    pub(crate) async fn get(
        &self,
        partition: Partition,
        key: InvocationKey,
        after: Option<Offset>,
        patience: Duration,
    ) -> Result<Option<Invocation>, Refusal> {
        if !self.runs(partition) {
            return Err(Refusal::NotMine);
        }
        let asked = async {
            match after {
                Some(after) => self.handle.get_after(partition, after, key).await,
                None => self.handle.get(partition, key).await,
            }
        };
        match tokio::time::timeout(patience, asked).await {
            Ok(Ok(found)) => Ok(found),
            // It went away while the question waited.
            Ok(Err(_)) if !self.runs(partition) => Err(Refusal::NotMine),
            Ok(Err(_)) | Err(_) => Err(Refusal::Failed("no answer in time".to_owned())),
        }
    }

    /// The action under `key`, once the record at `after` is folded and as soon as it is at
    /// `stage`; when patience ends, as it is then.
    pub(crate) async fn action(
        &self,
        wanted: &ActionWanted,
        patience: Duration,
    ) -> Result<Option<Arc<ActionState>>, Refusal> {
        let partition = Partition(wanted.partition);
        if !self.runs(partition) {
            return Err(Refusal::NotMine);
        }
        let ask = |after, stage| self.handle.action(partition, wanted.key, after, stage);
        let asked = ask(wanted.after.map(Offset), wanted.stage);
        if let Ok(answer) = tokio::time::timeout(patience, asked).await {
            return answer.map_err(|_| Refusal::NotMine);
        }
        match tokio::time::timeout(LAST_LOOK, ask(None, ActionStage::Any)).await {
            Ok(Ok(Some(found))) => Ok(Some(found)),
            // Known, but not folded yet: who is asked later may say more.
            Ok(Ok(None)) | Err(_) => Err(Refusal::Failed("no answer in time".to_owned())),
            Ok(Err(_)) => Err(Refusal::NotMine),
        }
    }

    /// What is wanted of the partitions that run here.
    pub(crate) async fn parts(
        &self,
        wanted: PartsWanted,
        patience: Duration,
    ) -> Result<Vec<PartFound>, Refusal> {
        let found = async {
            let snapshots = self.handle.snapshots().await;
            let listed = self.handle.read(move || {
                let listed = snapshots.iter().filter_map(|(partition, snapshot)| {
                    let mut parts = wanted.parts.iter();
                    let (_, before) = parts.find(|(wanted, _)| *wanted == partition.0)?;
                    Some(part(*partition, snapshot, &wanted, *before))
                });
                listed.collect::<Result<Vec<_>, _>>()
            });
            let listed = listed.await.map_err(|error| error.to_string())?;
            listed.map_err(|error| error.to_string())
        };
        match tokio::time::timeout(patience, found).await {
            Ok(found) => found.map_err(Refusal::Failed),
            Err(_) => Err(Refusal::Failed("no answer in time".to_owned())),
        }
    }
}

/// What one partition has. The views are indexed by subscription, so a trigger means its
/// subscriptions; those that were deleted are looked for among the newest.
fn part(
    partition: Partition,
    snapshot: &Snapshot,
    wanted: &PartsWanted,
    before: Option<u64>,
) -> Result<PartFound, triggerfish_view::Error> {
    let mut part = PartFound {
        partition: partition.0,
        position: snapshot.position(),
        ..PartFound::default()
    };
    if wanted.positions_only {
        return Ok(part);
    }
    if !wanted.newest_of.is_empty() {
        part.rows = newest_of(snapshot, &wanted.newest_of)?;
        return Ok(part);
    }
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let of_trigger = wanted.trigger_id.as_ref().map(|_| {
        let ids = wanted.subscriptions_of_trigger.iter().copied();
        ids.collect::<BTreeSet<SubscriptionId>>()
    });
    let named = wanted.subscription_id.map(|id| BTreeSet::from([id]));
    let filter = Filter {
        subscriptions: named.or_else(|| of_trigger.clone()),
        open_only: wanted.open_only,
        before,
    };
    if wanted.soonest {
        part.rows = snapshot.soonest(&filter, limit)?;
        part.rows.retain(|invocation| fits(invocation, wanted));
        return Ok(part);
    }
    let mut found = snapshot.latest(&filter, limit)?;
    let all = found.len();
    found.retain(|invocation| fits(invocation, wanted));
    // A subscription has one trigger: if any of its invocations fits, all do.
    let others = wanted.subscription_id.is_some() && found.len() < all;
    part.total = match before {
        None if !others && !wanted.without_total => snapshot.count(&filter)?,
        _ => found.len() as u64,
    };
    if let (Some(of_trigger), None) = (of_trigger, wanted.subscription_id) {
        let all = Filter {
            subscriptions: None,
            ..filter
        };
        let mut of_deleted = snapshot.latest(&all, limit)?;
        of_deleted.retain(|invocation| {
            fits(invocation, wanted) && !of_trigger.contains(&invocation.request.subscription_id)
        });
        part.total += of_deleted.len() as u64;
        found.append(&mut of_deleted);
        found.sort_by_key(|invocation| std::cmp::Reverse(invocation.place()));
    }
    part.rows = found;
    Ok(part)
}

/// The newest invocation of each of these subscriptions, without its input: all of them fit
/// into one answer.
fn newest_of(
    snapshot: &Snapshot,
    subscriptions: &[SubscriptionId],
) -> Result<Vec<Invocation>, triggerfish_view::Error> {
    let mut rows = Vec::new();
    for subscription in subscriptions {
        let filter = Filter {
            subscriptions: Some(BTreeSet::from([*subscription])),
            ..Filter::default()
        };
        for mut row in snapshot.latest(&filter, 1)? {
            Arc::make_mut(&mut row.request).input = Bytes::new();
            rows.push(row);
        }
    }
    Ok(rows)
}

fn fits(invocation: &Invocation, wanted: &PartsWanted) -> bool {
    let request = &invocation.request;
    let trigger = wanted.trigger_id.as_deref();
    trigger.is_none_or(|trigger| trigger == &*request.trigger_id)
        && wanted
            .subscription_id
            .is_none_or(|id| id == request.subscription_id)
        && (!wanted.open_only || invocation.is_open())
}
