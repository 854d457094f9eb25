//! Brings the view of a partition from its saved position to the committed one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use triggerfish_core::Timestamp;
use triggerfish_log::{
    Committed, EventLog, Limit, LogError, Offset, Page, Partition, Reader, Record, Topic,
    last_record,
};
use triggerfish_ops::metrics;
use triggerfish_view::{LogIdentity, RebuildStart, Settings, View, WipeReason};
use triggerfish_wire::completion;

#[cfg(feature = "faults")]
use crate::faults;
use crate::{
    disk::{Disk, done},
    fold::fold,
    owned::Owned,
};

/// Records read at a time.
const PAGE: usize = 5_000;
/// Invocations staged between two saves of a restore, and roughly their bytes: the more, the
/// more of them begin and end within one and are written once.
const SAVE_EVERY: usize = 8_000;
const SAVE_EVERY_BYTES: usize = 16 << 20;
/// How long a view may be held by what nobody waits for any more: the restore of an earlier
/// assignment ends its save first, a listing its page.
const HELD_MAX: Duration = Duration::from_mins(1);

/// Where a view lives and what it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) cluster: String,
    pub(crate) topic: Topic,
    /// Where the completions and decisions of this group are, if it emits them.
    pub(crate) results: Vec<Topic>,
    pub(crate) settings: Settings,
    pub(crate) disk: Arc<dyn Disk>,
}

/// Why a partition could not be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The log could not be read.
    #[error("reading the log failed")]
    Log(#[from] LogError),
    /// The view could not be written.
    #[error("writing the view failed")]
    View(#[from] triggerfish_view::Error),
    /// Nothing says how far the group has come.
    #[error(
        "the group has no committed position, and the last result, {topic}/{partition} at {offset}, does not say what caused it: to begin at the start of the log would emit results again. Set the position of the group by hand (kafka-consumer-groups.sh --reset-offsets)"
    )]
    NoProof {
        /// The topic of completions or decisions.
        topic: Topic,
        /// The partition.
        partition: Partition,
        /// Its last record.
        offset: Offset,
    },
    /// The folder of views could not be looked at, or the one for a second fold cleared.
    #[error("the folder of views can't be used")]
    Scratch(#[source] std::io::Error),
    /// The blocking part died.
    #[error("a blocking task failed")]
    Task(#[from] tokio::task::JoinError),
}

impl Place {
    /// Opens the view of `partition`, wiping it when it is not of this log. One that is still
    /// held is waited for.
    pub(crate) async fn open(&self, partition: Partition) -> Result<View, RestoreError> {
        let began = Instant::now();
        loop {
            match self.try_open(partition).await {
                Err(RestoreError::View(error @ triggerfish_view::Error::InUse { .. }))
                    if began.elapsed() < HELD_MAX =>
                {
                    tracing::warn!(%partition, %error, "the view is still held, trying again");
                }
                opened => return opened,
            }
        }
    }

    async fn try_open(&self, partition: Partition) -> Result<View, RestoreError> {
        let folder = self.folder.join(partition.to_string());
        let identity = LogIdentity {
            cluster: self.cluster.clone(),
            topic: self.topic.to_string(),
            partition: u16::try_from(partition.0).unwrap_or(u16::MAX),
        };
        let settings = self.settings;
        let open = move || View::open(&folder, &identity, settings);
        let (view, opened) = done(Arc::clone(&self.disk), open).await??;
        if let Some(reason) = opened.wiped {
            tracing::warn!(%partition, reason = reason.as_str(), "view wiped; it is rebuilt from the log");
            metrics::view_wiped(reason.as_str());
        }
        Ok(view)
    }
}

/// Opens and restores the view of `partition`. Effects are dropped: everything before
/// the committed position has been emitted, and calls that are still owed are in the
/// view.
pub(crate) async fn restore<L: EventLog>(
    log: L,
    place: Arc<Place>,
    partition: Partition,
    committed: Option<Committed>,
) -> Result<Owned, RestoreError> {
    let mut reader = log.open_reader().await?;
    let bounds = reader.bounds(&place.topic, partition).await?;
    let mut view = place.open(partition).await?;
    let until = match &committed {
        Some(committed) => committed.offset,
        None => proven_position(&mut reader, &place, partition)
            .await?
            .unwrap_or(bounds.first),
    };
    let position = Offset(view.position());
    #[cfg(feature = "faults")]
    let until = faults::believed(position, until);
    if position > until {
        view.wipe(WipeReason::AheadOfCommit)?;
    } else if position > Offset::ZERO && position < bounds.first {
        view.wipe(WipeReason::BehindLog)?;
    }
    if view.position() == 0
        && let Some(start) = committed.and_then(|committed| decode_start(&committed.metadata))
    {
        begin_at(&mut view, start);
    }
    view = fold_until(
        &mut reader,
        view,
        &place.topic,
        partition,
        until,
        &place.disk,
    )
    .await?;
    view.advance(until.0.max(view.position()));
    let last = last_record(&mut reader, &place.topic, partition).await?;
    Ok(Owned::new(
        view,
        until,
        last.map_or(Offset::ZERO, Offset::next),
    ))
}

/// How far the group has come, by its completions and decisions. Kafka forgets the positions
/// of a group that is away for long (`offsets.retention.minutes`); to begin at the start of
/// the log then would emit all of them again.
async fn proven_position<R: Reader>(
    reader: &mut R,
    place: &Place,
    partition: Partition,
) -> Result<Option<Offset>, RestoreError> {
    let mut proven = None;
    for topic in &place.results {
        let cause = last_cause(reader, topic, partition).await?;
        proven = proven.max(cause.map(Offset::next));
    }
    if let Some(position) = proven {
        tracing::warn!(%partition, %position, "the group has no committed position; it goes on after what caused its last result");
    }
    Ok(proven)
}

/// What caused the last record of a topic of results.
async fn last_cause<R: Reader>(
    reader: &mut R,
    topic: &Topic,
    partition: Partition,
) -> Result<Option<Offset>, RestoreError> {
    let last = match last_record(reader, topic, partition).await {
        Ok(Some(last)) => last,
        // A partition that has just come has no results, or not yet a place for them.
        Ok(None) | Err(LogError::UnknownPartition { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let page = reader.read(topic, partition, last, Limit::records(1));
    let record = page.await?.records.into_iter().next();
    let cause = record.and_then(|record| completion::cause(&record.headers));
    let cause = cause.ok_or_else(|| RestoreError::NoProof {
        topic: topic.clone(),
        partition,
        offset: last,
    })?;
    Ok(Some(Offset(cause)))
}

/// Makes an empty view begin its fold at `start`.
pub(crate) fn begin_at(view: &mut View, start: RebuildStart) {
    view.set_log_time(start.log_time);
    view.advance(start.offset);
}

/// Folds the records from the view's position up to `until`, and saves what comes of them:
/// all of it on `disk`, for both wait for the store. One partition's saves keep nobody from
/// folding another. Work that nobody waits for any more ends at the next record.
pub(crate) async fn fold_until<R: Reader>(
    reader: &mut R,
    mut view: View,
    topic: &Topic,
    partition: Partition,
    until: Offset,
    disk: &Arc<dyn Disk>,
) -> Result<View, RestoreError> {
    let given_up = CancellationToken::new();
    let _guard = given_up.clone().drop_guard();
    let mut next = Offset(view.position());
    // Where nothing is there yet, nothing is lost with what was begun.
    let save = match view.saved_position() {
        0 => View::save_piecemeal,
        _ => View::save,
    };
    while next < until {
        let page = reader.read(topic, partition, next, Limit::records(PAGE));
        let Page {
            records,
            next: after,
            at_end,
        } = page.await?;
        next = after.min(until);
        let is_last = at_end || next == until;
        let given_up = given_up.clone();
        let work = move || fold_page(view, &records, until, is_last, save, &given_up);
        view = done(Arc::clone(disk), work).await??;
        if is_last {
            break;
        }
    }
    Ok(view)
}

fn fold_page(
    mut view: View,
    records: &[Record],
    until: Offset,
    is_last: bool,
    save: fn(&mut View) -> Result<(), triggerfish_view::Error>,
    given_up: &CancellationToken,
) -> Result<View, triggerfish_view::Error> {
    let wanted = |record: &&Record| record.offset < until;
    for record in records.iter().take_while(wanted) {
        if given_up.is_cancelled() {
            return Ok(view);
        }
        fold(&mut view, record)?;
        if view.staged_len() >= SAVE_EVERY || view.staged_bytes() >= SAVE_EVERY_BYTES {
            save(&mut view)?;
        }
    }
    if is_last {
        save(&mut view)?;
    }
    Ok(view)
}

/// What is kept beside a committed position: where a rebuild has to begin.
pub(crate) fn encode_start(start: RebuildStart) -> Bytes {
    let mut bytes = Vec::with_capacity(16);
    bytes.extend_from_slice(&start.offset.to_be_bytes());
    bytes.extend_from_slice(&start.log_time.as_micros().to_be_bytes());
    bytes.into()
}

pub(crate) fn decode_start(bytes: &[u8]) -> Option<RebuildStart> {
    let (offset, log_time) = bytes.split_first_chunk::<8>()?;
    Some(RebuildStart {
        offset: u64::from_be_bytes(*offset),
        log_time: Timestamp::from_micros(i64::from_be_bytes(log_time.try_into().ok()?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_waits_for_ends_at_the_next_record() {
        let folder = tempfile::tempdir().expect("a folder");
        let identity = LogIdentity {
            cluster: "test".into(),
            topic: "invocation-log".into(),
            partition: 0,
        };
        let settings = Settings {
            keep_completed: Duration::from_hours(1),
            keep_failed: Duration::from_hours(1),
            keep_callbacks: Duration::from_hours(1),
            cache_bytes: 1 << 20,
        };
        let (view, _) = View::open(folder.path(), &identity, settings).expect("it opens");
        let records: Vec<Record> = (0..3)
            .map(|offset| Record {
                topic: "invocation-log".into(),
                partition: Partition(0),
                offset: Offset(offset),
                timestamp_us: 0,
                key: None,
                value: None,
                headers: Vec::new(),
            })
            .collect();
        let given_up = CancellationToken::new();
        let view = fold_page(view, &records[..1], Offset(3), false, View::save, &given_up)
            .expect("it folds");
        assert_eq!(view.position(), 1);
        given_up.cancel();
        let view = fold_page(view, &records[1..], Offset(3), true, View::save, &given_up)
            .expect("it ends");
        assert_eq!((view.position(), view.saved_position()), (1, 0));
    }
}
