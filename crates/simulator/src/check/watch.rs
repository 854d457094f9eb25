//! What can be seen as it happens.

use serde_json::Value;
use triggerfish_core::{InvocationId, Observation, invariant::Invariant};
use triggerfish_log::{Consumed, GroupName, NewRecord, Offset, Partition, Record, Topic};
use triggerfish_runtime::DeadLetter;
use triggerfish_wire::{completion, envelope};

use super::{CONSUMERS, Checks, DISPATCHERS, Hold, Seen, WORKERS, pace, requests};
use crate::{life::Life, log::Witness, process::HAND_OVER_WAIT};

/// The group whose member appends such an observation, where the roles are apart.
fn observer(observation: &Observation) -> Option<&'static str> {
    match observation {
        Observation::AttemptReported(_) => Some(DISPATCHERS),
        Observation::DeadlinePassed => Some(CONSUMERS),
        _ => None,
    }
}

/// What a record of the invocation log says, if it is in its own partition.
fn said(record: &Record) -> Option<(InvocationId, Observation)> {
    let (id, _, observation) = envelope::decode(record.value.clone()?).ok()?;
    let is_own = u32::from(id.partition()) == record.partition.0;
    is_own.then_some((id, observation))
}

/// What is observed has to be what there was to be observed.
fn check_observation(seen: &mut Seen, record: &Record, now: u64) {
    match said(record) {
        // What is there already means nothing when it comes again.
        Some((id, Observation::Requested(request))) if seen.oracle.newest(id).is_none() => {
            requests::check(seen, id, &request, now);
        }
        Some((id, Observation::ActionAsked(request))) => {
            requests::check_action(seen, id, &request);
        }
        Some((id, Observation::AttemptReported(report))) => {
            requests::check_report(seen, id, &report);
        }
        _ => {}
    }
}

/// What a record says, in short.
fn words(record: &Record) -> String {
    let place = format!("{}/{}@{}", record.topic, record.partition, record.offset);
    let decoded = record.value.clone().map(envelope::decode);
    if let Some(Ok((id, _, observation))) = decoded {
        return format!("{place} {} {id}", observation.kind());
    }
    let key = record.key.as_deref().unwrap_or_default();
    format!("{place} {}", String::from_utf8_lossy(key))
}

impl Checks {
    fn keep(&self, seen: &mut Seen, record: &Record) {
        let topics = &self.topics;
        if record.topic == topics.registry {
            return;
        }
        self.history
            .tell(&format!("  in the log: {}", words(record)));
        if record.topic == topics.invocation_log {
            check_observation(seen, record, self.history.now());
            let changed = seen.oracle.fold(record);
            let report = match said(record) {
                Some((_, Observation::AttemptReported(report))) => Some(report),
                _ => None,
            };
            for state in changed {
                pace::changed(seen, &state, report.as_ref(), self.history.now());
            }
        } else if record.topic == topics.completions || record.topic == topics.decisions {
            let value = record.value.as_deref().unwrap_or_default();
            let value: Value = serde_json::from_slice(value).unwrap_or_default();
            let id = value["id"].as_str().unwrap_or_default().to_owned();
            let of = (record.topic.clone(), id.clone());
            let results = seen.results.entry(of).or_default();
            results.push(record.clone());
            let is_second = results.len() > 1;
            let invariant = if record.topic == topics.completions {
                Invariant::OneOutcome
            } else {
                Invariant::OneDecision
            };
            if is_second {
                seen.broken(invariant, format!("a second result of {id} was written"));
            } else if let Ok(id) = id.parse() {
                pace::written(seen, id, invariant, self.history.now());
            }
        } else if record.topic == topics.dead_letters
            && let Some(letter) = DeadLetter::read(record)
        {
            let from = letter.from;
            let place = (from.topic, from.partition, from.offset);
            let of_log = (place.1, place.2);
            let original = match seen.oracle.unreadable().get(&of_log) {
                Some(value) if place.0 == topics.invocation_log => value.clone(),
                _ => seen.raw.get(&place).cloned(),
            };
            if letter.value != original {
                let detail = format!("the dead letter of {place:?} has other bytes");
                seen.broken(Invariant::FoldIsTotal, detail);
            }
            *seen.letters.entry(place).or_default() += 1;
        }
    }

    /// A result goes out with the position after what caused it.
    fn check_cause(
        seen: &mut Seen,
        record: &Record,
        consumed: &[Consumed],
        before: &[Option<Offset>],
    ) {
        let pairs = consumed.iter().zip(before);
        let mut own = pairs.filter(|(one, _)| one.partition == record.partition);
        let place = format!("{}/{}@{}", record.topic, record.partition, record.offset);
        let Some(cause) = completion::cause(&record.headers).map(Offset) else {
            return seen.broken(
                Invariant::CauseBeforeEffect,
                format!("{place} has no cause"),
            );
        };
        let Some((one, before)) = own.next().filter(|(one, _)| one.offset > cause) else {
            let detail = format!("the commit of {place} does not hold its cause, {cause}");
            return seen.broken(Invariant::CauseBeforeEffect, detail);
        };
        if before.is_some_and(|before| before > cause) {
            let detail = format!(
                "{place} follows from {cause}, and {} was committed already",
                one.partition
            );
            seen.broken(Invariant::OneOutcome, detail);
        }
    }

    /// What is committed of a topic of others has been taken.
    fn check_taken(&self, seen: &mut Seen, one: &Consumed, before: Option<Offset>) {
        let now = self.history.now();
        let from = (one.topic.clone(), one.partition, before.unwrap_or_default());
        let until = (one.topic.clone(), one.partition, one.offset);
        let lost = seen.upstream.range(from..until);
        let lost = lost.filter(|(place, expected)| !seen.is_taken(expected, place, now));
        let lost: Vec<_> = lost.map(|(place, _)| format!("{place:?}")).collect();
        for place in lost {
            let detail = format!("the position after {place} was committed, which was not taken");
            seen.broken(Invariant::AcknowledgedIsKept, detail);
        }
    }

    fn is_result(&self, topic: &Topic) -> bool {
        *topic == self.topics.completions || *topic == self.topics.decisions
    }
}

impl Witness for Checks {
    fn appending(&self, by: &Life, records: &[NewRecord]) {
        let seen = &mut *self.seen.lock();
        for record in records {
            if self.is_result(&record.topic) {
                let detail = format!("{} appends a result outside of a commit", by.name());
                seen.broken(Invariant::CauseBeforeEffect, detail);
            }
            let decoded = record.value.clone().map(envelope::decode);
            let Some(Ok((id, _, observation))) = decoded else {
                continue;
            };
            let groups = observer(&observation).into_iter().chain([WORKERS]);
            let mut keys = groups.map(|group| (by.name(), group.to_owned()));
            let hold = keys.find_map(|key| seen.holds.get(&key)?.get(&record.partition));
            if hold.is_some_and(|hold| hold.is_released) && observer(&observation).is_some() {
                let kind = observation.kind();
                let detail = format!(
                    "{} appends {kind} of {id} for partition {}, which it has released",
                    by.name(),
                    record.partition
                );
                seen.broken(Invariant::CauseBeforeEffect, detail);
            }
        }
    }

    fn appended(&self, by: &Life, records: &[Record]) {
        self.history.tell(&format!("{} has appended", by.name()));
        let seen = &mut *self.seen.lock();
        for record in records {
            self.keep(seen, record);
        }
    }

    fn committed(
        &self,
        by: &Life,
        group: &GroupName,
        records: &[Record],
        consumed: &[Consumed],
        before: &[Option<Offset>],
    ) {
        let positions = consumed
            .iter()
            .map(|one| format!(" {}@{}", one.partition, one.offset));
        let positions: String = positions.collect();
        self.history.tell(&format!(
            "{} has committed for {group}:{positions}",
            by.name()
        ));
        let seen = &mut *self.seen.lock();
        for record in records {
            self.keep(seen, record);
            if self.is_result(&record.topic) {
                Self::check_cause(seen, record, consumed, before);
            }
        }
        for (one, before) in consumed.iter().zip(before) {
            if before.is_some_and(|before| before > one.offset) {
                let (partition, offset) = (one.partition, one.offset);
                let detail = format!("{group} went back to {offset} of partition {partition}");
                seen.broken(Invariant::OneOutcome, detail);
            }
            self.check_taken(seen, one, *before);
        }
    }

    fn joined(&self, by: &Life, group: &GroupName) {
        let key = (by.name(), group.to_string());
        let seen = &mut *self.seen.lock();
        seen.guards.forget(&by.name());
        // Whoever opens another session has nothing left of the one before.
        for hold in seen.holds.entry(key).or_default().values_mut() {
            hold.is_released = true;
        }
    }

    fn assigned(&self, by: &Life, group: &GroupName, gained: &[(Partition, Offset)]) {
        let partitions: Vec<u32> = gained.iter().map(|(partition, _)| partition.0).collect();
        self.history
            .tell(&format!("{} has {partitions:?} of {group}", by.name()));
        let key = (by.name(), group.to_string());
        let seen = &mut *self.seen.lock();
        seen.troubles.changes_hands(self.history.now());
        let holds = seen.holds.entry(key).or_default();
        for (partition, end) in gained {
            let hold = Hold {
                end: *end,
                is_released: false,
                leaves: None,
            };
            holds.insert(*partition, hold);
        }
    }

    fn revoking(&self, by: &Life, group: &GroupName, partitions: &[Partition]) {
        let numbers: Vec<u32> = partitions.iter().map(|partition| partition.0).collect();
        self.history.tell(&format!(
            "{} is to release {numbers:?} of {group}",
            by.name()
        ));
        let group = group.to_string();
        self.leaves(&by.name(), HAND_OVER_WAIT, |of, partition| {
            of == group && partitions.contains(&partition)
        });
    }

    fn released(&self, by: &Life, group: &GroupName, partitions: &[Partition]) {
        let numbers: Vec<u32> = partitions.iter().map(|partition| partition.0).collect();
        self.history.tell(&format!(
            "{} has released {numbers:?} of {group}",
            by.name()
        ));
        let key = (by.name(), group.to_string());
        let seen = &mut *self.seen.lock();
        seen.troubles.changes_hands(self.history.now());
        seen.guards.forget(&by.name());
        let holds = seen.holds.entry(key).or_default();
        for partition in partitions {
            if let Some(hold) = holds.get_mut(partition) {
                hold.is_released = true;
            }
        }
    }
}
