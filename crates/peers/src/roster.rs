//! Who is there, folded from the topic `workers`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use triggerfish_core::Timestamp;
use triggerfish_log::{Offset, Partition, Record};

use crate::announcement::{Announcement, Figures, GONE, SILENT};

/// All processes that were heard of. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Roster {
    entries: BTreeMap<String, Entry>,
    /// The newest time of a record, whoever's clock it is from.
    newest_us: i64,
    /// When the topic was last read to its end: nobody grows old while the log is away.
    read: Instant,
}

#[derive(Clone, Debug)]
struct Entry {
    announcement: Arc<Announcement>,
    offset: Offset,
    timestamp_us: i64,
    /// How old it was when it was read, as far as that can be known.
    age: Duration,
    heard: Instant,
}

/// Somebody who says that a partition runs there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claimant {
    pub(crate) announcement: Arc<Announcement>,
    claimed_at: u64,
}

impl Roster {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            entries: BTreeMap::new(),
            newest_us: 0,
            read: now,
        }
    }

    /// Takes a record that was just read.
    pub(crate) fn take(&mut self, record: &Record, now: Instant) {
        self.newest_us = self.newest_us.max(record.timestamp_us);
        let Some(Ok(name)) = record.key.as_deref().map(std::str::from_utf8) else {
            tracing::warn!(offset = %record.offset, "a record on workers has no name for its key; it is passed over");
            return;
        };
        let Some(value) = record.value.as_deref() else {
            self.entries.remove(name);
            return;
        };
        match serde_json::from_slice::<Announcement>(value) {
            Ok(announcement) => {
                let entry = Entry {
                    announcement: Arc::new(announcement),
                    offset: record.offset,
                    timestamp_us: record.timestamp_us,
                    age: Duration::ZERO,
                    heard: now,
                };
                self.entries.insert(name.to_owned(), entry);
            }
            Err(error) => {
                tracing::warn!(name, %error, "an announcement on workers can't be read; it is passed over");
            }
        }
    }

    /// What was read so far had been there for a while. How long is told by the newest
    /// record and by the own clock; who is thought too old by a clock that is wrong is
    /// heard again a heartbeat later. From here on a record is new when it is read, so
    /// clocks don't matter.
    pub(crate) fn caught_up(&mut self, own_clock_us: i64) {
        let now_us = self.newest_us.max(own_clock_us);
        for entry in self.entries.values_mut() {
            let age = now_us.saturating_sub(entry.timestamp_us);
            entry.age = Duration::from_micros(u64::try_from(age).unwrap_or(0));
        }
    }

    /// The topic has been read to its end.
    pub(crate) fn is_read(&mut self, now: Instant) {
        self.read = now;
    }

    /// Those who say that `partition` runs there and answer for it, the latest first.
    pub(crate) fn claimants(&self, partition: Partition) -> Vec<Claimant> {
        let mut claimants: Vec<Claimant> = self
            .alive()
            .filter(|entry| entry.announcement.is_owner())
            .filter_map(|entry| {
                let mut claims = entry.announcement.partitions.iter();
                let claim = claims.find(|claim| claim.partition == partition.0)?;
                Some(Claimant {
                    announcement: Arc::clone(&entry.announcement),
                    claimed_at: claim.claimed_at.unwrap_or(entry.offset.0),
                })
            })
            .collect();
        claimants.sort_by_key(|claimant| std::cmp::Reverse(claimant.claimed_at));
        claimants
    }

    /// How the partitions are doing, each as its latest owner says, who is named with the
    /// time since which it has the partition.
    pub(crate) fn figures(&self) -> BTreeMap<(u32, String, Timestamp), Figures> {
        let owners = self.alive().filter(|entry| entry.announcement.is_owner());
        let mut latest = BTreeMap::new();
        for entry in owners {
            for claim in &entry.announcement.partitions {
                let claimed_at = claim.claimed_at.unwrap_or(entry.offset.0);
                let known = latest.get(&claim.partition);
                if known.is_none_or(|(at, _, _)| *at < claimed_at) {
                    let name = &entry.announcement.instance;
                    latest.insert(claim.partition, (claimed_at, name, claim));
                }
            }
        }
        let figures = latest
            .into_iter()
            .filter_map(|(partition, (_, name, claim))| {
                Some(((partition, name.clone(), claim.since), claim.figures?))
            });
        figures.collect()
    }

    /// Everybody who was heard of lately, and how long ago.
    pub(crate) fn living(&self) -> impl Iterator<Item = (&Announcement, Duration)> {
        self.alive()
            .map(|entry| (&*entry.announcement, self.silence(entry)))
    }

    /// Names whose records can go, and whether it is `name` that sees to it: the first
    /// of the living by name, so that not everybody does.
    pub(crate) fn to_bury(&self, name: &str) -> Vec<String> {
        let first = self.entries.iter().find(|(_, entry)| self.is_alive(entry));
        if first.is_none_or(|(first, _)| first != name) {
            return Vec::new();
        }
        let gone = self.entries.iter();
        gone.filter(|(_, entry)| self.silence(entry) >= GONE)
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn alive(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|entry| self.is_alive(entry))
    }

    fn is_alive(&self, entry: &Entry) -> bool {
        self.silence(entry) < SILENT
    }

    fn silence(&self, entry: &Entry) -> Duration {
        entry.age + self.read.saturating_duration_since(entry.heard)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use triggerfish_core::Timestamp;

    use super::*;
    use crate::announcement::{Claim, OWNER};

    const SECOND: i64 = 1_000_000;

    fn announced(
        name: &str,
        role: &str,
        offset: u64,
        at: i64,
        claims: &[(u32, Option<u64>)],
    ) -> Record {
        let claims = claims.iter().map(|(partition, claimed_at)| Claim {
            partition: *partition,
            since: Timestamp::EPOCH,
            claimed_at: *claimed_at,
            figures: None,
        });
        let announcement = Announcement {
            instance: name.to_owned(),
            roles: vec![role.to_owned()],
            url: format!("http://{name}"),
            started: Timestamp::EPOCH,
            version: "1".to_owned(),
            partitions: claims.collect(),
        };
        let value = serde_json::to_vec(&announcement).unwrap();
        Record {
            value: Some(value.into()),
            ..tombstone(name, offset, at)
        }
    }

    fn tombstone(name: &str, offset: u64, at: i64) -> Record {
        Record {
            topic: "workers".into(),
            partition: Partition(0),
            offset: Offset(offset),
            timestamp_us: at,
            key: Some(Bytes::copy_from_slice(name.as_bytes())),
            value: None,
            headers: Vec::new(),
        }
    }

    fn owners(roster: &Roster, partition: u32) -> Vec<String> {
        let claimants = roster.claimants(Partition(partition)).into_iter();
        let names = claimants.map(|claimant| claimant.announcement.instance.clone());
        names.collect()
    }

    #[test]
    fn the_latest_claim_comes_first_whatever_clocks_and_heartbeats_say() {
        let now = Instant::now();
        let mut roster = Roster::new(now);
        roster.take(
            &announced("a", OWNER, 10, 900 * SECOND, &[(0, None), (1, None)]),
            now,
        );
        roster.take(&announced("b", OWNER, 11, 100 * SECOND, &[(0, None)]), now);
        roster.take(&announced("d", "dispatcher", 12, 0, &[(0, None)]), now);
        // The heartbeat of the one that lost it, but does not know.
        roster.take(
            &announced(
                "a",
                OWNER,
                13,
                903 * SECOND,
                &[(0, Some(10)), (1, Some(10))],
            ),
            now,
        );
        assert_eq!(owners(&roster, 0), ["b", "a"]);
        assert_eq!(owners(&roster, 1), ["a"]);
        roster.take(
            &announced("a", OWNER, 14, 904 * SECOND, &[(1, Some(10))]),
            now,
        );
        roster.take(
            &announced("a", OWNER, 15, 905 * SECOND, &[(0, None), (1, Some(10))]),
            now,
        );
        assert_eq!(owners(&roster, 0), ["a", "b"]);
        roster.take(&tombstone("a", 16, 0), now);
        assert_eq!(owners(&roster, 0), ["b"]);
        assert_eq!(owners(&roster, 1), [""; 0]);
    }

    #[test]
    fn who_is_silent_is_forgotten_but_not_while_the_log_is_away() {
        let now = Instant::now();
        let mut roster = Roster::new(now);
        let at = |seconds| now + Duration::from_secs(seconds);
        roster.take(&announced("a", OWNER, 0, 0, &[(0, None)]), now);
        roster.is_read(at(14));
        assert_eq!(owners(&roster, 0), ["a"]);
        // Nothing was read since; time alone does not count.
        assert_eq!(roster.living().count(), 1);
        roster.is_read(at(15));
        assert_eq!(owners(&roster, 0), [""; 0]);
        roster.take(&announced("a", OWNER, 1, 0, &[(0, None)]), at(40));
        roster.is_read(at(41));
        assert_eq!(owners(&roster, 0), ["a"]);
    }

    #[test]
    fn what_was_there_before_is_as_old_as_the_newest_record_says() {
        let now = Instant::now();
        let mut roster = Roster::new(now);
        roster.take(&announced("gone", OWNER, 0, 10 * SECOND, &[(0, None)]), now);
        roster.take(
            &announced("old", OWNER, 1, 3700 * SECOND, &[(0, None)]),
            now,
        );
        roster.take(
            &announced("new", OWNER, 2, 3710 * SECOND, &[(0, None)]),
            now,
        );
        roster.caught_up(3713 * SECOND);
        assert_eq!(owners(&roster, 0), ["new", "old"]);
        assert_eq!(roster.to_bury("new"), ["gone"]);
        assert_eq!(roster.to_bury("old"), [""; 0]);
        assert_eq!(roster.to_bury("gone"), [""; 0]);
        // By an own clock that is ahead all are old, until they are heard again.
        roster.caught_up(3740 * SECOND);
        assert_eq!(owners(&roster, 0), [""; 0]);
        roster.take(
            &announced("new", OWNER, 3, 3713 * SECOND, &[(0, Some(2))]),
            now,
        );
        assert_eq!(owners(&roster, 0), ["new"]);
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let now = Instant::now();
        let mut roster = Roster::new(now);
        roster.take(&announced("a", OWNER, 0, 0, &[(0, None)]), now);
        for broken in [
            Record {
                key: None,
                ..tombstone("a", 1, 0)
            },
            Record {
                key: Some(Bytes::from_static(&[0xFF])),
                ..tombstone("a", 1, 0)
            },
            Record {
                value: Some(Bytes::from_static(b"{")),
                ..tombstone("a", 1, 0)
            },
        ] {
            roster.take(&broken, now);
        }
        assert_eq!(owners(&roster, 0), ["a"]);
    }
}
