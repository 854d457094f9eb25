//! Notices partitions that could be read on and are not.
//!
//! A consumer that is a member of its group, polls, and gets nothing although there is
//! something is the quietest failure there is: no error, no log line, only lag. What looks
//! like it is confirmed by reading one record from where the partition stands, since
//! offsets have gaps and an end that is further on proves nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};
use triggerfish_log::{EventLog, GroupName, Limit, LogError, Offset, Partition, Reader, Topic};
use triggerfish_ops::metrics;

/// Keeps an eye on the partitions of one session.
pub struct Lookout<L> {
    log: L,
    group: GroupName,
    topic: Topic,
    watchdog: Watchdog,
    looking: JoinSet<Result<Vec<Stall>, LogError>>,
}

impl<L: EventLog> Lookout<L> {
    /// For a session of `group` that reads `topic`. A partition that could be read on and
    /// has not moved for `stall_after` has stalled.
    pub fn new(log: L, group: GroupName, topic: Topic, stall_after: Duration) -> Self {
        Self {
            log,
            group,
            topic,
            watchdog: Watchdog::new(stall_after),
            looking: JoinSet::new(),
        }
    }

    /// Takes note of where the partitions stand, and now and then looks at the log, in a
    /// task of its own. Returns those that were found stalled; whoever reads them should
    /// begin anew with another session.
    pub fn look(&mut self, positions: impl Iterator<Item = (Partition, Offset)>) -> Vec<Stall> {
        match self.looking.try_join_next() {
            Some(Ok(Ok(stalls))) if !stalls.is_empty() => {
                tracing::error!(group = %self.group, topic = %self.topic, "{}", Stall::describe(&stalls));
                return stalls;
            }
            Some(Ok(Err(error))) => tracing::debug!(%error, "the log can't be looked at"),
            Some(Err(error)) => tracing::error!(%error, "looking at the log failed"),
            Some(Ok(Ok(_))) | None => {}
        }
        if self.looking.is_empty()
            && let Some(observed) = self.watchdog.observe(positions, Instant::now())
        {
            let (log, group, topic) = (self.log.clone(), self.group.clone(), self.topic.clone());
            self.looking.spawn(look(log, group, topic, observed));
        }
        Vec::new()
    }

    /// What was seen counts no longer, as with another session.
    pub fn reset(&mut self) {
        self.looking = JoinSet::new();
        self.watchdog.reset();
    }
}

/// Where partitions stood when.
#[derive(Debug)]
struct Watchdog {
    stall_after: Duration,
    since: BTreeMap<Partition, (Offset, Instant)>,
    looked: Instant,
}

/// A partition as it stood at a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Observed {
    partition: Partition,
    position: Offset,
    /// How long it has not moved.
    stood: Duration,
    /// Whether that is too long, if there is anything to read.
    is_suspect: bool,
}

/// A partition that has stalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Which one.
    pub partition: Partition,
    /// The next record to read.
    pub position: Offset,
    /// The record that is there.
    pub waiting: Offset,
    /// How long the partition has not moved.
    pub stood: Duration,
}

impl Stall {
    /// What was seen, for people.
    #[must_use]
    pub fn describe(stalls: &[Self]) -> String {
        let mut text = "records can be read and are not delivered:".to_owned();
        for stall in stalls {
            // Writing to a string can't fail.
            let _ = write!(
                text,
                " partition {} has stood at {} for {:?} with record {} waiting;",
                stall.partition, stall.position, stall.stood, stall.waiting
            );
        }
        text.pop();
        text
    }
}

impl Watchdog {
    fn new(stall_after: Duration) -> Self {
        Self {
            stall_after,
            since: BTreeMap::new(),
            looked: Instant::now(),
        }
    }

    /// Notes where all partitions stand; `None` if it was asked a moment ago. Those that
    /// have not moved for too long come back as suspects, to be looked at.
    fn observe(
        &mut self,
        positions: impl Iterator<Item = (Partition, Offset)>,
        now: Instant,
    ) -> Option<Vec<Observed>> {
        if now.duration_since(self.looked) < self.stall_after / 4 {
            return None;
        }
        self.looked = now;
        let before = std::mem::take(&mut self.since);
        for (partition, position) in positions {
            let since = match before.get(&partition) {
                Some((stood, since)) if *stood == position => *since,
                _ => now,
            };
            self.since.insert(partition, (position, since));
        }
        let observed = self.since.iter().map(|(partition, (position, since))| {
            let stood = now.duration_since(*since);
            Observed {
                partition: *partition,
                position: *position,
                stood,
                is_suspect: stood >= self.stall_after,
            }
        });
        Some(observed.collect())
    }

    fn reset(&mut self) {
        self.since.clear();
    }
}

/// Looks at the log where the partitions stand: shows how far behind they are, and returns
/// those suspects at whose position, or after it, a record can be read.
async fn look<L: EventLog>(
    log: L,
    group: GroupName,
    topic: Topic,
    observed: Vec<Observed>,
) -> Result<Vec<Stall>, LogError> {
    let mut reader = log.open_reader().await?;
    let mut stalls = Vec::new();
    for one in observed {
        let bounds = reader.bounds(&topic, one.partition).await?;
        let behind = bounds
            .end
            .0
            .saturating_sub(one.position.max(bounds.first).0);
        metrics::partition_lag(group.as_str(), one.partition.0, behind);
        if !one.is_suspect || behind == 0 {
            continue;
        }
        let next = reader.read(&topic, one.partition, one.position, Limit::records(1));
        if let Some(record) = next.await?.records.first() {
            stalls.push(Stall {
                partition: one.partition,
                position: one.position,
                waiting: record.offset,
                stood: one.stood,
            });
        }
    }
    Ok(stalls)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_secs(8);

    fn at(offset: u64) -> [(Partition, Offset); 2] {
        [(Partition(0), Offset(offset)), (Partition(1), Offset(7))]
    }

    fn suspects(observed: Option<Vec<Observed>>) -> Vec<(Partition, Offset, Duration)> {
        let observed = observed.expect("it is time to look");
        let suspects = observed.into_iter().filter(|one| one.is_suspect);
        suspects
            .map(|one| (one.partition, one.position, one.stood))
            .collect()
    }

    #[test]
    fn only_what_does_not_move_is_suspected() {
        let mut watchdog = Watchdog::new(AFTER);
        let start = Instant::now() + AFTER;
        for step in 0..8 {
            let now = start + AFTER / 4 * step;
            let found = suspects(watchdog.observe(at(u64::from(step)).into_iter(), now));
            assert_eq!(found.is_empty(), step < 4, "step {step}: {found:?}");
            assert!(watchdog.observe(at(0).into_iter(), now).is_none());
        }
        let now = start + AFTER * 2;
        let found = suspects(watchdog.observe(at(8).into_iter(), now));
        assert_eq!(found, [(Partition(1), Offset(7), AFTER * 2)]);
        watchdog.reset();
        assert_eq!(
            suspects(watchdog.observe(at(8).into_iter(), now + AFTER)),
            []
        );
    }

    #[test]
    fn a_partition_that_went_and_came_back_is_new() {
        let mut watchdog = Watchdog::new(AFTER);
        let start = Instant::now() + AFTER;
        watchdog.observe(at(0).into_iter(), start);
        watchdog.observe(at(0).into_iter().take(1), start + AFTER / 2);
        let found = suspects(watchdog.observe(at(0).into_iter(), start + AFTER));
        assert_eq!(found, [(Partition(0), Offset(0), AFTER)]);
    }
}
