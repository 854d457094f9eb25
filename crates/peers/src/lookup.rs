//! One invocation, from whoever owns its partition.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use triggerfish_api::ports::Unavailable;
use triggerfish_core::{ActionState, Invocation, InvocationKey, keys::ServerKeys};
use triggerfish_log::{Offset, Partition};
use triggerfish_runtime::Clock;
use triggerfish_wire::peer::{ActionStage, ActionWanted, InvocationWanted};

use crate::{
    announcement::Announcement,
    answers,
    directory::Directory,
    history::History,
    local::{Local, Refusal},
    news::{Again, Bell, News},
    pace::Pace,
    partitions::PartitionCount,
    remote::Remote,
};

/// How long an answer may take in all.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same when the fold has to get somewhere first.
const FOLD_PATIENCE: Duration = Duration::from_secs(10);
/// How long a partition may be on its way from one process to another before whoever asks
/// is told to come again.
pub(crate) const HAND_OVER_WAIT: Duration = Duration::from_secs(2);
/// What the answer of another process needs to come back.
const WAY: Duration = Duration::from_millis(10);

/// Asks the owners of partitions. Cheap to clone.
#[derive(Clone)]
pub struct Peers {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) instance: String,
    pub(crate) directory: Directory,
    pub(crate) history: History,
    pub(crate) local: Option<Local>,
    pub(crate) bell: Bell,
    pub(crate) pace: Pace,
    pub(crate) remote: Remote,
    pub(crate) partitions: PartitionCount,
    pub(crate) keys: ServerKeys,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Somebody who may own a partition.
#[derive(Clone)]
pub(crate) enum Source {
    /// This process.
    Here(Local),
    /// Another one.
    There(Arc<Announcement>),
}

impl Source {
    /// The name of the process, for not asking it twice; none is this one.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Here(_) => None,
            Self::There(process) => Some(&process.instance),
        }
    }

    /// Who did not answer and why, for the operator.
    pub(crate) fn excuse(&self, refusal: &Refusal) -> String {
        let process = self.name().unwrap_or("this process");
        match refusal {
            Refusal::NotMine => format!("{process} does not own it"),
            Refusal::Failed(reason) => format!("{process}: {reason}"),
        }
    }
}

impl Peers {
    /// The invocation under `key`, once the record at `after` has been folded.
    ///
    /// # Errors
    /// When nobody who owns the partition answers in time.
    pub async fn get(
        &self,
        partition: Partition,
        key: InvocationKey,
        after: Option<Offset>,
    ) -> Result<Option<Invocation>, Unavailable> {
        let began = Instant::now();
        let until = began + after.map_or(PATIENCE, |_| FOLD_PATIENCE);
        let mut again = Again::default();
        loop {
            let news = self.news();
            let sources = self.sources(partition);
            let mut excuses = Vec::new();
            for (index, source) in sources.iter().enumerate() {
                let others = sources.len() - index - 1;
                let patience = share(until, others);
                match self.ask(source, partition, key, after, patience).await {
                    Ok(found) => return Ok(found),
                    Err(refusal) => excuses.push(source.excuse(&refusal)),
                }
            }
            if Instant::now() >= until.min(began + HAND_OVER_WAIT) {
                return Err(self.unavailable(&format!("partition {partition}"), &excuses));
            }
            again.wait(news).await;
        }
    }

    /// The action under `key`, once the record at `after` has been folded and as soon as it
    /// is at `stage`; as it is at `until` if it does not get there.
    ///
    /// # Errors
    /// When nobody who owns the partition answers in time.
    pub async fn action(
        &self,
        partition: Partition,
        key: InvocationKey,
        after: Option<Offset>,
        stage: ActionStage,
        until: Instant,
    ) -> Result<Option<Arc<ActionState>>, Unavailable> {
        let mut again = Again::default();
        loop {
            let news = self.news();
            let mut excuses = Vec::new();
            for source in self.sources(partition) {
                let patience = until.saturating_duration_since(Instant::now());
                let there = patience.saturating_sub(WAY);
                let wanted = ActionWanted {
                    partition: partition.0,
                    key,
                    after: after.map(|offset| offset.0),
                    patience_ms: u32::try_from(there.as_millis()).unwrap_or(u32::MAX),
                    stage,
                };
                let found = match &source {
                    Source::Here(local) => local.action(&wanted, patience).await,
                    Source::There(process) => {
                        let remote = &self.inner.remote;
                        remote.action(&process.url, wanted.encode(), patience).await
                    }
                };
                match found {
                    Ok(found) => return Ok(found),
                    Err(refusal) => excuses.push(source.excuse(&refusal)),
                }
            }
            if Instant::now() >= until {
                return Err(self.unavailable(&format!("partition {partition}"), &excuses));
            }
            // What is asked again may not come in time.
            let _ = tokio::time::timeout_at(until, again.wait(news)).await;
        }
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> &PartitionCount {
        &self.inner.partitions
    }

    /// The routes by which other processes ask this one.
    pub fn router(&self) -> axum::Router {
        let inner = &self.inner;
        answers::router(
            inner.local.clone(),
            inner.keys.clone(),
            Arc::clone(&inner.clock),
        )
    }

    async fn ask(
        &self,
        source: &Source,
        partition: Partition,
        key: InvocationKey,
        after: Option<Offset>,
        patience: Duration,
    ) -> Result<Option<Invocation>, Refusal> {
        match source {
            Source::Here(local) => local.get(partition, key, after, patience).await,
            Source::There(process) => {
                let wanted = InvocationWanted {
                    partition: partition.0,
                    key,
                    after: after.map(|offset| offset.0),
                    patience_ms: u32::try_from(patience.as_millis()).unwrap_or(u32::MAX),
                };
                let remote = &self.inner.remote;
                remote
                    .invocation(&process.url, wanted.encode(), patience)
                    .await
            }
        }
    }

    /// Whoever may own the partition, the most likely first: the latest to claim it. This
    /// process counts as the latest when it has not come to say so yet.
    pub(crate) fn sources(&self, partition: Partition) -> Vec<Source> {
        let inner = &self.inner;
        let local = inner.local.as_ref().filter(|local| local.runs(partition));
        let mut here = local.map(|local| Source::Here(local.clone()));
        let mut sources = Vec::new();
        for claimant in inner.directory.roster().claimants(partition) {
            if claimant.announcement.instance == inner.instance {
                sources.extend(here.take());
            } else {
                sources.push(Source::There(claimant.announcement));
            }
        }
        sources.splice(0..0, here);
        sources
    }

    /// What is missing, and what the last that were asked for it said.
    pub(crate) fn unavailable(&self, missing: &str, excuses: &[String]) -> Unavailable {
        let excuses = if excuses.is_empty() {
            "none claims to own it".to_owned()
        } else {
            excuses.join(", ")
        };
        Unavailable {
            retry_after: self.inner.pace.refuse(),
            reason: format!("no process answers for {missing} at the moment ({excuses})"),
        }
    }

    /// News that may make another answer possible, from this moment on.
    pub(crate) fn news(&self) -> News {
        self.inner.bell.news()
    }
}

/// The time for one of several who are asked one after the other: half of what is left
/// while there are others.
pub(crate) fn share(until: Instant, others: usize) -> Duration {
    let left = until.saturating_duration_since(Instant::now());
    if others > 0 { left / 2 } else { left }
}
