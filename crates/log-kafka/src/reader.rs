//! Reads without a group.
//!
//! The end of a partition is the broker's word (an end-of-partition event under
//! `read_committed`), never a sum: aborted records and markers of transactions take offsets too.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};
use tokio::sync::Notify;
use tokio::time::Instant;
use triggerfish_log::{
    Bounds, Limit, LogError, Offset, Page, Partition, Position, Reader, Record, Topic,
};

use crate::client::Plain;
use crate::error::{misconfigured, unavailable};
use crate::record;
use crate::settings::ANSWER_WITHIN;
use crate::shared::{Shared, blocking};

/// How long the broker may hold back an answer at the end of a partition: short, for a page is
/// awaited by somebody, and long, for a follower asks again and again.
const PAGE_FETCH_WAIT: Duration = Duration::from_millis(10);
const FOLLOW_FETCH_WAIT: Duration = Duration::from_millis(500);
/// A page that takes longer has no broker that answers.
const PAGE_WITHIN: Duration = Duration::from_secs(30);
/// The client says by a callback that something has come; this is for when it does not.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Reads committed records.
pub struct KafkaReader {
    shared: Arc<Shared>,
    pages: Option<Cursor>,
    tail: Option<Cursor>,
}

/// A consumer and where it stands.
struct Cursor {
    /// Taken when it is dropped.
    consumer: Option<Arc<BaseConsumer<Plain>>>,
    came: Arc<Notify>,
    /// Topics whose leaders the client was made to look for.
    looked_for: HashSet<Topic>,
    /// The next record of each partition it reads, as far as they were handed out.
    positions: HashMap<(Topic, Partition), Offset>,
    /// Read, but over the limit of the last answer.
    stashed: Option<Record>,
    /// Partitions of which the broker has not said yet that there is nothing more: until
    /// then, having nothing means that nothing was asked for.
    unheard: usize,
}

/// What the consumer says next.
enum Next {
    Record(Record),
    End,
    OutOfRange,
}

impl KafkaReader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            pages: None,
            tail: None,
        }
    }
}

async fn check(shared: &Arc<Shared>, topic: &Topic, partition: Partition) -> Result<(), LogError> {
    let (shared, topic) = (Arc::clone(shared), topic.clone());
    blocking(move || shared.check(&topic, partition)).await
}

async fn bounds(
    shared: &Arc<Shared>,
    topic: &Topic,
    partition: Partition,
) -> Result<Bounds, LogError> {
    let (shared, topic) = (Arc::clone(shared), topic.clone());
    let (first, end) = blocking(move || shared.watermarks(&topic, partition)).await?;
    Ok(Bounds {
        first: Offset(first),
        end: Offset(end),
    })
}

/// Where to read on when the broker has nothing at `from`: at the first kept record, or where
/// one is if that is later. An error if `from` is after the end.
async fn first_kept(
    shared: &Arc<Shared>,
    topic: &Topic,
    partition: Partition,
    from: Offset,
) -> Result<Offset, LogError> {
    let bounds = bounds(shared, topic, partition).await?;
    if from > bounds.end {
        return Err(LogError::BeyondEnd {
            topic: topic.clone(),
            partition,
            offset: from,
            end: bounds.end,
        });
    }
    Ok(from.max(bounds.first))
}

impl Cursor {
    /// The cursor in `slot`, opened at its first use.
    fn of<'s>(
        slot: &'s mut Option<Self>,
        shared: &Shared,
        fetch_wait: Duration,
    ) -> Result<&'s mut Self, LogError> {
        match slot {
            Some(cursor) => Ok(cursor),
            None => Ok(slot.insert(Self::open(shared, fetch_wait)?)),
        }
    }

    fn open(shared: &Shared, fetch_wait: Duration) -> Result<Self, LogError> {
        let consumer = shared
            .settings
            .reader(fetch_wait)
            .create_with_context(Plain::default());
        let mut consumer: BaseConsumer<Plain> = consumer.map_err(|error| misconfigured(&error))?;
        let came = Arc::new(Notify::new());
        let heard = Arc::clone(&came);
        consumer.set_nonempty_callback(move || heard.notify_one());
        Ok(Self {
            consumer: Some(Arc::new(consumer)),
            came,
            looked_for: HashSet::new(),
            positions: HashMap::new(),
            stashed: None,
            unheard: 0,
        })
    }

    /// Reads on where the broker has something. Whoever gives up half-way, or is told that it
    /// can't be, begins anew: a partition that is out of range is not read until then.
    async fn begin_at_first_kept(&mut self, shared: &Arc<Shared>) -> Result<(), LogError> {
        let mut moved = std::mem::take(&mut self.positions);
        for ((topic, partition), from) in &mut moved {
            *from = first_kept(shared, topic, *partition, *from).await?;
        }
        self.assign(moved).await
    }

    fn move_past(&mut self, taken: &[Record]) {
        for record in taken {
            let place = (record.topic.clone(), record.partition);
            if let Some(position) = self.positions.get_mut(&place) {
                *position = record.offset.next();
            }
        }
    }

    /// Reads nothing until the next [`Cursor::assign`].
    fn rest(&mut self) {
        self.positions.clear();
        if let Err(error) = self.consumer().unassign() {
            tracing::debug!(target: "kafka", %error, "a reader goes on reading ahead");
        }
    }

    fn consumer(&self) -> &Arc<BaseConsumer<Plain>> {
        self.consumer
            .as_ref()
            .expect("a cursor has its consumer until it is dropped")
    }

    /// Has the client find the leaders of a topic. By itself it looks once a second for those of
    /// topics that it was told to read, and that would be most of the time of a short read.
    async fn look_for(&mut self, topic: &Topic) {
        if self.looked_for.contains(topic) {
            return;
        }
        let (consumer, wanted) = (Arc::clone(self.consumer()), topic.clone());
        let look = move || {
            let found = consumer.fetch_metadata(Some(wanted.as_str()), ANSWER_WITHIN);
            found.map_err(|error| unavailable("looking for leaders", &error))
        };
        match blocking(look).await {
            Ok(_) => drop(self.looked_for.insert(topic.clone())),
            Err(error) => tracing::debug!(target: "kafka", %error, "a reader finds them later"),
        }
    }

    /// Reads on from these positions and nothing else.
    async fn assign(
        &mut self,
        positions: HashMap<(Topic, Partition), Offset>,
    ) -> Result<(), LogError> {
        for (topic, _) in positions.keys() {
            self.look_for(topic).await;
        }
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in &positions {
            let number = i32::try_from(partition.0).unwrap_or(i32::MAX);
            let from = i64::try_from(offset.0).unwrap_or(i64::MAX);
            list.add_partition_offset(topic.as_str(), number, KafkaOffset::Offset(from))
                .map_err(|error| unavailable("a position", &error))?;
        }
        let assigned = self.consumer().assign(&list);
        assigned.map_err(|error| unavailable("reading on", &error))?;
        self.unheard = positions.len();
        self.positions = positions;
        self.stashed = None;
        Ok(())
    }

    /// What comes next, or nothing by `until`.
    async fn next(&mut self, until: Instant) -> Result<Option<Next>, LogError> {
        if let Some(record) = self.stashed.take() {
            return Ok(Some(Next::Record(record)));
        }
        loop {
            if let Some(next) = self.look()? {
                return Ok(Some(next));
            }
            let now = Instant::now();
            if now >= until {
                return Ok(None);
            }
            let look = until.min(now + LOOK_AGAIN);
            // Running out of time is looked at above.
            let _ = tokio::time::timeout_at(look, self.came.notified()).await;
        }
    }

    fn look(&self) -> Result<Option<Next>, LogError> {
        match self.consumer().poll(Duration::ZERO) {
            None => Ok(None),
            Some(Ok(message)) => {
                let topic = Topic::from(rdkafka::Message::topic(&message));
                Ok(Some(Next::Record(record::read(&topic, &message))))
            }
            Some(Err(KafkaError::PartitionEOF(_))) => Ok(Some(Next::End)),
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                    Ok(Some(Next::OutOfRange))
                }
                // The client gets over these by itself.
                Some(
                    RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::Resolve,
                ) => Ok(None),
                _ => Err(unavailable("reading failed", &error)),
            },
        }
    }
}

/// Closing waits for the client's threads, so it is done elsewhere.
impl Drop for Cursor {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            std::thread::spawn(move || drop(consumer));
        }
    }
}

/// What still fits into an answer.
struct Room {
    records: usize,
    bytes: usize,
    taken: Vec<Record>,
}

impl Room {
    fn new(limit: Limit) -> Self {
        Self {
            records: limit.records.get(),
            bytes: limit.bytes.get(),
            taken: Vec::new(),
        }
    }

    /// Takes `record`, or gives it back when it does not fit. The first one always fits.
    fn take(&mut self, record: Record) -> Option<Record> {
        let bytes = record.payload_bytes();
        if self.taken.len() >= self.records || (bytes > self.bytes && !self.taken.is_empty()) {
            return Some(record);
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        self.taken.push(record);
        None
    }

    fn is_full(&self) -> bool {
        self.taken.len() >= self.records || self.bytes == 0
    }
}

impl Reader for KafkaReader {
    async fn bounds(&mut self, topic: &Topic, partition: Partition) -> Result<Bounds, LogError> {
        bounds(&self.shared, topic, partition).await
    }

    async fn read(
        &mut self,
        topic: &Topic,
        partition: Partition,
        from: Offset,
        limit: Limit,
    ) -> Result<Page, LogError> {
        let shared = &self.shared;
        check(shared, topic, partition).await?;
        let cursor = Cursor::of(&mut self.pages, shared, PAGE_FETCH_WAIT)?;
        let place = (topic.clone(), partition);
        if cursor.positions.len() != 1 || cursor.positions.get(&place) != Some(&from) {
            let wanted = HashMap::from([(place.clone(), from)]);
            cursor.assign(wanted).await?;
        }
        // Who gives up half-way, or has heard of the end, which is said once, begins anew.
        cursor.positions.clear();
        let (mut room, mut next) = (Room::new(limit), from);
        let until = Instant::now() + PAGE_WITHIN;
        let at_end = loop {
            match cursor.next(until).await? {
                Some(Next::Record(record)) => {
                    let after = record.offset.next();
                    if let Some(record) = room.take(record) {
                        cursor.stashed = Some(record);
                        break false;
                    }
                    next = after;
                    if room.is_full() {
                        break false;
                    }
                }
                Some(Next::End) => break true,
                Some(Next::OutOfRange) => {
                    next = first_kept(shared, topic, partition, next).await?;
                    let wanted = HashMap::from([(place.clone(), next)]);
                    cursor.assign(wanted).await?;
                    cursor.positions.clear();
                }
                None => {
                    let reason = format!("{topic}/{partition} can't be read: no broker answers");
                    return Err(LogError::Unavailable { reason });
                }
            }
        };
        if at_end {
            // Asking the broker for more goes on otherwise, for nobody.
            cursor.rest();
        } else {
            cursor.positions.insert(place, next);
        }
        Ok(Page {
            records: room.taken,
            next,
            at_end,
        })
    }

    async fn follow(
        &mut self,
        positions: &mut [Position],
        limit: Limit,
        wait: Duration,
    ) -> Result<Vec<Record>, LogError> {
        let shared = &self.shared;
        let wanted: HashMap<_, _> = positions
            .iter()
            .map(|p| ((p.topic.clone(), p.partition), p.offset))
            .collect();
        let cursor = Cursor::of(&mut self.tail, shared, FOLLOW_FETCH_WAIT)?;
        if cursor.positions != wanted {
            for (topic, partition) in wanted.keys() {
                check(shared, topic, *partition).await?;
            }
            cursor.assign(wanted).await?;
        }
        let mut room = Room::new(limit);
        let began = Instant::now();
        let mut until = began + wait;
        loop {
            let next = match cursor.next(until).await {
                Ok(Some(next)) => next,
                // However short the wait is, what is there already is not missed.
                Ok(None) if cursor.unheard > 0 && began.elapsed() < PAGE_WITHIN => {
                    if !room.taken.is_empty() {
                        break;
                    }
                    until = Instant::now() + LOOK_AGAIN;
                    continue;
                }
                Ok(None) => break,
                Err(error) => {
                    // What was taken is told first; asked again, the client says what is wrong.
                    cursor.positions.clear();
                    if room.taken.is_empty() {
                        return Err(error);
                    }
                    break;
                }
            };
            match next {
                Next::Record(record) => {
                    if let Some(record) = room.take(record) {
                        cursor.stashed = Some(record);
                        break;
                    }
                    // What is there already comes with the first; nothing more is waited for,
                    // so nobody can give up between here and the new positions.
                    until = Instant::now();
                    if room.is_full() {
                        break;
                    }
                }
                Next::End => cursor.unheard = cursor.unheard.saturating_sub(1),
                // Only what a record was taken from has moved on, and the rest begins anew.
                Next::OutOfRange if !room.taken.is_empty() => {
                    cursor.positions.clear();
                    break;
                }
                Next::OutOfRange => {
                    cursor.begin_at_first_kept(shared).await?;
                    for position in &mut *positions {
                        let place = (position.topic.clone(), position.partition);
                        position.offset = cursor.positions[&place];
                    }
                }
            }
        }
        cursor.move_past(&room.taken);
        for record in &room.taken {
            let same =
                |p: &&mut Position| p.topic == record.topic && p.partition == record.partition;
            if let Some(position) = positions.iter_mut().find(same) {
                position.offset = record.offset.next();
            }
        }
        Ok(room.taken)
    }
}
