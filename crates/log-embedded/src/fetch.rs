//! Reading one partition from a position, from memory where it can be, else from the store.

use std::sync::Arc;

use triggerfish_log::{LogError, Offset, Record};

use crate::batch::{self, Budget};
use crate::engine::Shared;
use crate::store::Store;
use crate::topics::{PartitionLog, Source};

/// How far a read came.
pub(crate) struct Fetched {
    pub(crate) next: u64,
    pub(crate) at_end: bool,
}

/// Appends records at or after `from` to `out` while the budget lasts.
pub(crate) async fn fetch(
    shared: &Shared,
    log: &Arc<PartitionLog>,
    from: u64,
    budget: &mut Budget,
    out: &mut Vec<Record>,
) -> Result<Fetched, LogError> {
    let from = start(log, from)?;
    let (source, extent) = log.source(from, budget.records(), budget.bytes());
    let next = match source {
        Source::AtEnd => from,
        Source::Memory(batches) => {
            let mut next = from;
            for resident in batches {
                if let Some(stopped) = batch::decode(log, &resident.batch, from, budget, out)? {
                    next = stopped;
                    break;
                }
                next = resident.next;
            }
            next
        }
        Source::Store => {
            let store = shared.store.read().clone().ok_or_else(|| shared.closed())?;
            let log = log.clone();
            let mut taken = std::mem::replace(budget, Budget::unlimited());
            let read = tokio::task::spawn_blocking(move || {
                let mut records = Vec::new();
                let next = read_store(&store, &log, from, extent.end, &mut taken, &mut records)?;
                Ok::<_, LogError>((next, taken, records))
            });
            let (next, left, records) = read.await.map_err(|e| LogError::Unavailable {
                reason: e.to_string(),
            })??;
            *budget = left;
            out.extend(records);
            next
        }
    };
    Ok(Fetched {
        next,
        at_end: next >= extent.end,
    })
}

/// Where reading from a position really starts.
pub(crate) fn start(log: &PartitionLog, from: u64) -> Result<u64, LogError> {
    let extent = log.extent();
    if from > extent.end {
        return Err(LogError::BeyondEnd {
            topic: log.topic.clone(),
            partition: log.partition,
            offset: Offset(from),
            end: Offset(extent.end),
        });
    }
    Ok(from.max(extent.first))
}

fn read_store(
    store: &Store,
    log: &PartitionLog,
    from: u64,
    end: u64,
    budget: &mut Budget,
    out: &mut Vec<Record>,
) -> Result<u64, LogError> {
    let mut next = from;
    for stored in store.batches(log.topic_id, log.partition.0, from) {
        let (key, stored) = stored.map_err(|e| LogError::Corrupt {
            what: format!("{}/{} at or after {next}: {e}", log.topic, log.partition),
        })?;
        // What was written meanwhile is not readable yet.
        if key.base >= end {
            break;
        }
        if let Some(stopped) = batch::decode(log, &stored, from, budget, out)? {
            return Ok(stopped);
        }
        next = key.next;
        if budget.is_spent() {
            return Ok(next);
        }
    }
    Ok(end)
}
