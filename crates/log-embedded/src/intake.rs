//! What goes to the writer thread, checked and encoded before it gets there: the one thread that
//! everything waits for only has to copy bytes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use triggerfish_log::{CommitError, Committed, LogError, NewRecord, Offset, Partition, TopicSpec};

use crate::batch;
use crate::cleanup::CleanedUp;
use crate::groups::Membership;
use crate::topics::{PartitionLog, Topics};

/// One thing for the writer to do.
pub(crate) enum Request {
    Append(Append),
    Commit(Commit),
    EnsureTopics(Vec<TopicSpec>, oneshot::Sender<Result<(), LogError>>),
    CleanUp(i64, oneshot::Sender<Result<CleanedUp, LogError>>),
    Close(oneshot::Sender<()>),
}

/// Records to append. Acknowledged with the offset of each run's first record.
pub(crate) struct Append {
    pub(crate) runs: Vec<Run>,
    pub(crate) done: oneshot::Sender<Result<Vec<Offset>, LogError>>,
    /// Room in the queue, given back when this is dropped.
    #[expect(dead_code, reason = "held, not read")]
    pub(crate) room: OwnedSemaphorePermit,
}

/// Records and positions of a session.
pub(crate) struct Commit {
    pub(crate) membership: Arc<Membership>,
    pub(crate) topic_id: u32,
    pub(crate) runs: Vec<Run>,
    pub(crate) consumed: Vec<(u32, Committed)>,
    pub(crate) done: oneshot::Sender<Result<Vec<Offset>, CommitError>>,
    pub(crate) room: OwnedSemaphorePermit,
}

/// Encoded records of one request for one partition.
pub(crate) struct Run {
    pub(crate) log: Arc<PartitionLog>,
    /// Where each record ends in `bytes`.
    pub(crate) ends: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

/// Records sorted into runs, and the way back.
pub(crate) struct Encoded {
    pub(crate) runs: Vec<Run>,
    /// The run of each record, in the order of the request.
    places: Vec<usize>,
}

impl Encoded {
    /// Checks and encodes the records.
    pub(crate) fn new(
        topics: &Topics,
        records: &[NewRecord],
        record_bytes_max: usize,
    ) -> Result<Self, LogError> {
        let mut encoded = Self {
            runs: Vec::new(),
            places: Vec::with_capacity(records.len()),
        };
        let mut room: Vec<(usize, usize)> = Vec::new();
        for record in records {
            let bytes = record.payload_bytes();
            if bytes > record_bytes_max {
                return Err(LogError::TooLarge {
                    what: format!("a record for {}/{}", record.topic, record.partition),
                    bytes,
                    limit: record_bytes_max,
                    setting: "record_bytes_max",
                });
            }
            let place = encoded.place(topics, record)?;
            room.resize(encoded.runs.len(), (0, 0));
            room[place].0 += 1;
            room[place].1 += batch::bytes_of_new(record);
            encoded.places.push(place);
        }
        for (run, (count, bytes)) in encoded.runs.iter_mut().zip(room) {
            run.ends.reserve_exact(count);
            run.bytes.reserve_exact(bytes);
        }
        for (record, place) in records.iter().zip(&encoded.places) {
            let run = &mut encoded.runs[*place];
            batch::put_new(&mut run.bytes, record);
            run.ends.push(run.bytes.len());
        }
        Ok(encoded)
    }

    fn place(&mut self, topics: &Topics, record: &NewRecord) -> Result<usize, LogError> {
        if record.key.is_none() && topics.get(&record.topic)?.settings.read().compacted {
            let reason = format!(
                "topic {} is compacted, its records need a key",
                record.topic
            );
            return Err(LogError::Refused { reason });
        }
        let same =
            |run: &Run| run.log.partition == record.partition && run.log.topic == record.topic;
        if let Some(place) = self.runs.iter().rposition(same) {
            return Ok(place);
        }
        let log = topics.partition(&record.topic, record.partition)?;
        self.runs.push(Run {
            log,
            ends: Vec::new(),
            bytes: Vec::new(),
        });
        Ok(self.runs.len() - 1)
    }

    /// Room these records take in the queue.
    pub(crate) fn bytes(&self) -> usize {
        self.runs.iter().map(|run| run.bytes.len() + 128).sum()
    }

    /// Partition of each run, and the run of each record.
    pub(crate) fn split(self) -> (Vec<Run>, Places) {
        let partitions = self.runs.iter().map(|run| run.log.partition).collect();
        (
            self.runs,
            Places {
                partitions,
                places: self.places,
            },
        )
    }
}

/// Turns the first offset of each run into the offset of each record.
pub(crate) struct Places {
    partitions: Vec<Partition>,
    places: Vec<usize>,
}

impl Places {
    pub(crate) fn offsets(&self, mut next: Vec<Offset>) -> Vec<(Partition, Offset)> {
        let offset = |&run: &usize| {
            let offset = next[run];
            next[run] = offset.next();
            (self.partitions[run], offset)
        };
        self.places.iter().map(offset).collect()
    }
}
