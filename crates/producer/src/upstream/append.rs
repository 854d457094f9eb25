//! Makes durable what follows from events.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use triggerfish_log::{Appender, LogError, NewRecord, Offset, Partition, Record, Topic};
use triggerfish_ops::metrics;
use triggerfish_runtime::{cut_dead_letter, dead_letter};

/// A record, and the records that follow from it.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) record: Record,
    pub(super) out: Vec<NewRecord>,
}

/// The positions after records whose consequences are durable.
pub(super) type Done = BTreeMap<Partition, Offset>;

/// The dead letter of a record, counted and logged.
pub(super) fn refuse(
    topic: &Topic,
    record: &Record,
    label: &'static str,
    reason: &str,
) -> NewRecord {
    tracing::warn!(topic = %record.topic, partition = %record.partition, offset = %record.offset, reason, "event goes to dead-letters");
    metrics::dead_letter(label);
    dead_letter(topic, record, reason)
}

/// Appends what follows from each record, until it is durable. `None` if it was stopped
/// before: then what comes after it must not be taken either.
pub(super) async fn append<A: Appender>(
    appender: A,
    dead_letters: Topic,
    mut taken: Vec<Taken>,
    stop: CancellationToken,
) -> Result<Option<Done>, LogError> {
    loop {
        let all: Vec<NewRecord> = taken.iter().flat_map(|one| one.out.clone()).collect();
        if all.is_empty() {
            return Ok(Some(done(&taken)));
        }
        match appender.append(all).await {
            Ok(_) => return Ok(Some(done(&taken))),
            Err(error) if error.is_retryable() => {
                tracing::warn!(%error, "appending requests failed, trying again");
                if !pause(&stop).await {
                    return Ok(None);
                }
            }
            Err(LogError::TooLarge { limit, .. }) if shrink(&dead_letters, &mut taken, limit) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Waits a little before another try; `false` if stopped meanwhile.
pub(super) async fn pause(stop: &CancellationToken) -> bool {
    let pause = tokio::time::sleep(Duration::from_millis(100));
    stop.run_until_cancelled(pause).await.is_some()
}

pub(super) fn done(taken: &[Taken]) -> Done {
    let positions = taken.iter().map(|one| &one.record);
    positions
        .map(|record| (record.partition, record.offset.next()))
        .collect()
}

/// An event that makes records larger than the log takes goes to dead-letters, cut
/// if that is too large as well: it must not stop the partition. `false` if nothing
/// changed.
fn shrink(dead_letters: &Topic, taken: &mut [Taken], limit: usize) -> bool {
    let mut changed = false;
    for Taken { record, out } in taken {
        if out.iter().all(|new| new.payload_bytes() <= limit) {
            continue;
        }
        let mut letter = match &out[..] {
            [only] if only.topic == *dead_letters => only.clone(),
            _ => {
                let reason = format!("it makes a record of more than {limit} bytes");
                refuse(dead_letters, record, "too_large", &reason)
            }
        };
        changed |= cut_dead_letter(&mut letter, limit) || *out != [letter.clone()];
        *out = vec![letter];
    }
    changed
}
