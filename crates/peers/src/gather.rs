//! Lists: one part from each partition, each part once, or no list.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;
use triggerfish_api::ports::Unavailable;
use triggerfish_core::{Invocation, SubscriptionId};
use triggerfish_log::{Offset, Partition};
#[cfg(feature = "faults")]
use triggerfish_runtime::faults::{self, Fault};
use triggerfish_wire::peer::{PartFound, PartsWanted};

use crate::{
    local::Refusal,
    lookup::{HAND_OVER_WAIT, Peers, Source, share},
    news::Again,
};

/// How long a list may take in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which invocations are wanted. What is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Of this trigger.
    pub trigger_id: Option<String>,
    /// The subscriptions that the trigger has now.
    pub subscriptions_of_trigger: Vec<SubscriptionId>,
    /// Of this subscription.
    pub subscription_id: Option<SubscriptionId>,
    /// Only those without an outcome.
    pub open_only: bool,
    /// For each partition that is named, only rows before this [`Invocation::place`].
    pub before: BTreeMap<u32, u64>,
    /// Open ones with the earliest deadlines, in place of the newest.
    pub soonest: bool,
    /// The total need not be counted.
    pub without_total: bool,
    /// Rows at most.
    pub limit: usize,
}

/// What all partitions have together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// Newest first, or by deadline where that was asked for; those of one partition in the
    /// order of its log.
    pub rows: Vec<Invocation>,
    /// How many there are without the limit.
    pub total: usize,
}

impl Peers {
    /// The newest invocations of all partitions, or those whose deadlines come first.
    ///
    /// # Errors
    /// When a partition is missing.
    pub async fn list(&self, query: Query) -> Result<Gathered, Unavailable> {
        let limit = query.limit;
        let wanted = PartsWanted {
            parts: Vec::new(),
            trigger_id: query.trigger_id,
            subscription_id: query.subscription_id,
            subscriptions_of_trigger: query.subscriptions_of_trigger,
            open_only: query.open_only,
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            positions_only: false,
            soonest: query.soonest,
            without_total: query.without_total,
            newest_of: Vec::new(),
        };
        let parts = self.gather(wanted, &query.before).await?;
        let total = parts.iter().map(|part| part.total).sum::<u64>();
        let parts = parts.into_iter().map(|part| part.rows).collect();
        let rows = if query.soonest {
            merged(parts, limit, |row| std::cmp::Reverse(row.request.deadline))
        } else {
            merged(parts, limit, |row| row.request.created)
        };
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        Ok(Gathered { rows, total })
    }

    /// The newest invocation of each of these subscriptions, as far as they have one.
    ///
    /// # Errors
    /// When a partition is missing.
    pub async fn newest_of(
        &self,
        subscriptions: Vec<SubscriptionId>,
    ) -> Result<Vec<Invocation>, Unavailable> {
        if subscriptions.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = PartsWanted {
            limit: u32::try_from(subscriptions.len()).unwrap_or(u32::MAX),
            newest_of: subscriptions,
            ..PartsWanted::default()
        };
        let parts = self.gather(wanted, &BTreeMap::new()).await?;
        let mut newest: BTreeMap<SubscriptionId, Invocation> = BTreeMap::new();
        for row in parts.into_iter().flat_map(|part| part.rows) {
            let id = row.request.subscription_id;
            let known = newest.get(&id);
            if known.is_none_or(|known| known.request.created < row.request.created) {
                newest.insert(id, row);
            }
        }
        Ok(newest.into_values().collect())
    }

    /// How far the fold of every partition is: the next record of each.
    ///
    /// # Errors
    /// When a partition is missing.
    pub async fn positions(&self) -> Result<Vec<(Partition, Offset)>, Unavailable> {
        let wanted = PartsWanted {
            positions_only: true,
            ..PartsWanted::default()
        };
        let parts = self.gather(wanted, &BTreeMap::new()).await?.into_iter();
        let positions = parts.map(|part| (Partition(part.partition), Offset(part.position)));
        Ok(positions.collect())
    }

    async fn gather(
        &self,
        wanted: PartsWanted,
        before: &BTreeMap<u32, u64>,
    ) -> Result<Vec<PartFound>, Unavailable> {
        let began = Instant::now();
        let until = began + PATIENCE;
        let mut gathering = Gathering::new(self.inner.partitions.current().await, &wanted, before);
        let mut again = Again::default();
        while !gathering.missing.is_empty() {
            let news = self.news();
            let groups = gathering.groups(|partition| self.sources(partition));
            if groups.is_empty() {
                if Instant::now() >= until.min(began + HAND_OVER_WAIT) {
                    return Err(self.incomplete(&gathering));
                }
                again.wait(news).await;
                gathering.asked.clear();
                gathering.excuses.clear();
                continue;
            }
            if Instant::now() >= until {
                return Err(self.incomplete(&gathering));
            }
            let asked = groups.into_iter().map(|group| async {
                let answer = self.ask_parts(&group, &wanted, until).await;
                (group, answer)
            });
            for (group, answer) in join_all(asked).await {
                match answer {
                    Ok(parts) => gathering.take(parts, &group),
                    Err(refusal) => gathering.excuses.push(group.source.excuse(&refusal)),
                }
            }
            #[cfg(feature = "faults")]
            if faults::is_on(Fault::ShortLists) {
                break;
            }
        }
        Ok(gathering.found.into_values().collect())
    }

    fn incomplete(&self, gathering: &Gathering) -> Unavailable {
        let missing: Vec<String> = gathering.missing.keys().map(u32::to_string).collect();
        let missing = format!("partitions {}", missing.join(", "));
        self.unavailable(&missing, &gathering.excuses)
    }

    async fn ask_parts(
        &self,
        group: &Group,
        wanted: &PartsWanted,
        until: Instant,
    ) -> Result<Vec<PartFound>, Refusal> {
        let wanted = PartsWanted {
            parts: group.parts.clone(),
            ..wanted.clone()
        };
        let patience = share(until, group.others);
        match &group.source {
            Source::Here(local) => local.parts(wanted, patience).await,
            Source::There(process) => {
                let (url, wanted) = (&process.url, wanted.encode());
                self.inner.remote.parts(url, wanted, patience).await
            }
        }
    }
}

/// The first `limit` rows of several lists, each of which keeps its order: always the head
/// with the greatest `rank` is next.
fn merged<R: Ord>(
    lists: Vec<Vec<Invocation>>,
    limit: usize,
    rank: impl Fn(&Invocation) -> R,
) -> Vec<Invocation> {
    let mut lists: Vec<_> = lists
        .into_iter()
        .map(|list| list.into_iter().peekable())
        .collect();
    let mut rows = Vec::new();
    while rows.len() < limit {
        let heads = lists
            .iter_mut()
            .filter_map(|list| list.peek().map(&rank).map(|rank| (rank, list)));
        let Some((_, list)) = heads.max_by(|(one, _), (other, _)| one.cmp(other)) else {
            break;
        };
        rows.extend(list.next());
    }
    rows
}

/// Partitions that are asked for in one question.
struct Group {
    source: Source,
    parts: Vec<(u32, Option<u64>)>,
    /// How many others could be asked for one of them.
    others: usize,
}

/// What has been found and what is missing.
struct Gathering {
    found: BTreeMap<u32, PartFound>,
    /// With the offset before which rows are missing, where some are there.
    missing: BTreeMap<u32, Option<u64>>,
    /// Who was asked for what and did not give it.
    asked: BTreeSet<(u32, Option<String>)>,
    /// What those who were asked last said instead.
    excuses: Vec<String>,
    limit: usize,
    /// Whether an answer that was cut can be asked on after its last row.
    can_go_on: bool,
}

impl Gathering {
    fn new(partitions: u32, wanted: &PartsWanted, before: &BTreeMap<u32, u64>) -> Self {
        let missing = (0..partitions).map(|part| (part, before.get(&part).copied()));
        Self {
            found: BTreeMap::new(),
            missing: missing.collect(),
            can_go_on: !wanted.soonest,
            asked: BTreeSet::new(),
            excuses: Vec::new(),
            limit: usize::try_from(wanted.limit).unwrap_or(usize::MAX),
        }
    }

    /// Whom to ask next for what is missing: for each partition the most likely owner
    /// that has not been asked yet, all partitions of one process together.
    fn groups(&mut self, sources: impl Fn(Partition) -> Vec<Source>) -> Vec<Group> {
        let mut groups: BTreeMap<Option<String>, Group> = BTreeMap::new();
        for (partition, before) in &self.missing {
            let sources = sources(Partition(*partition)).into_iter();
            let mut left = sources.filter(|source| {
                let name = source.name().map(str::to_owned);
                !self.asked.contains(&(*partition, name))
            });
            let Some(source) = left.next() else {
                continue;
            };
            let others = left.count();
            let name = source.name().map(str::to_owned);
            self.asked.insert((*partition, name.clone()));
            let group = groups.entry(name).or_insert(Group {
                source,
                parts: Vec::new(),
                others: 0,
            });
            group.parts.push((*partition, *before));
            group.others = group.others.max(others);
        }
        groups.into_values().collect()
    }

    /// Keeps of an answer what was asked for; a partition that two processes claim is
    /// asked of one at a time, so no row comes twice.
    fn take(&mut self, parts: Vec<PartFound>, group: &Group) {
        for part in parts {
            let partition = part.partition;
            let is_wanted = group.parts.iter().any(|(asked, _)| *asked == partition);
            if !is_wanted || !self.missing.contains_key(&partition) {
                continue;
            }
            let is_cut = part.is_cut;
            let kept = match self.found.entry(partition) {
                std::collections::btree_map::Entry::Vacant(entry) => entry.insert(part),
                std::collections::btree_map::Entry::Occupied(entry) => {
                    let kept = entry.into_mut();
                    kept.rows.extend(part.rows);
                    kept
                }
            };
            if is_cut && self.can_go_on && kept.rows.len() < self.limit {
                let before = kept.rows.last().map(Invocation::place);
                self.missing.insert(partition, before);
                self.asked
                    .remove(&(partition, group.source.name().map(str::to_owned)));
            } else {
                self.missing.remove(&partition);
            }
        }
    }
}
