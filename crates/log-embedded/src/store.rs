//! The store behind the log: fjall, with batches in one keyspace and what is small in another.
//! Only the writer thread writes, and every write is one group, flushed before it returns.

use bytes::Bytes;
use fjall::{
    Database, Guard, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, OwnedWriteBatch,
    PersistMode,
};
use triggerfish_log::{Committed, GroupName, Offset, Topic};

use crate::folder::Folder;
use crate::keys::{self, BatchKey};
use crate::{EmbeddedOptions, OpenError, torn_tail};

/// What goes wrong inside the store, as text: callers can only pass it on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct StoreError(String);

impl From<fjall::Error> for StoreError {
    fn from(error: fjall::Error) -> Self {
        Self(match error {
            fjall::Error::Io(e) => e.to_string(),
            fjall::Error::Poisoned => "an earlier write failed".to_owned(),
            other => other.to_string(),
        })
    }
}

/// The settings of a topic as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredTopic {
    pub(crate) name: Topic,
    pub(crate) id: u32,
    pub(crate) partitions: u32,
    pub(crate) retention_us: Option<u64>,
    pub(crate) compacted: bool,
}

pub(crate) struct Store {
    db: Database,
    batches: Keyspace,
    small: Keyspace,
    // Dropped last: the folder is ours until the store is closed.
    _folder: Folder,
}

impl Store {
    pub(crate) fn open(folder: Folder, options: &EmbeddedOptions) -> Result<Self, OpenError> {
        let failed = |path: &Folder, e: StoreError| OpenError::Store {
            folder: path.path().into(),
            reason: e.to_string(),
        };
        let db = match open_database(&folder, options) {
            Err(fjall::Error::JournalRecovery(reason)) => mend(&folder, options, reason)?,
            opened => opened.map_err(|e| failed(&folder, e.into()))?,
        };
        let keyspace = |name, values_apart| {
            let made = || {
                KeyspaceCreateOptions::default()
                    .max_memtable_size(32 << 20)
                    .with_kv_separation(values_apart)
            };
            db.keyspace(name, made)
                .map_err(|e| failed(&folder, e.into()))
        };
        let batches = keyspace("batches", Some(KvSeparationOptions::default()))?;
        let small = keyspace("small", None)?;
        Ok(Self {
            batches,
            small,
            db,
            _folder: folder,
        })
    }

    /// A group to fill and then to [`Group::write`].
    pub(crate) fn group(&self) -> Group<'_> {
        Group {
            store: self,
            batch: self.db.batch().durability(Some(PersistMode::SyncData)),
        }
    }

    /// The keys of a partition's batches that hold offsets at or after `from`, in order.
    pub(crate) fn keys(
        &self,
        topic: u32,
        partition: u32,
        from: u64,
    ) -> impl Iterator<Item = Result<BatchKey, StoreError>> {
        self.scan(topic, partition, from)
            .map(|guard| batch_key(&guard.key()?))
    }

    /// The same with the batches themselves.
    pub(crate) fn batches(
        &self,
        topic: u32,
        partition: u32,
        from: u64,
    ) -> impl Iterator<Item = Result<(BatchKey, Bytes), StoreError>> {
        self.scan(topic, partition, from).map(|guard| {
            let (key, batch) = guard.into_inner()?;
            Ok((batch_key(&key)?, batch.into()))
        })
    }

    fn scan(
        &self,
        topic: u32,
        partition: u32,
        from: u64,
    ) -> impl DoubleEndedIterator<Item = Guard> {
        let (from, to) = BatchKey::range(topic, partition, from);
        self.batches.range(from..to)
    }

    /// The key of a partition's last batch.
    pub(crate) fn last_key(
        &self,
        topic: u32,
        partition: u32,
    ) -> Result<Option<BatchKey>, StoreError> {
        let last = self.scan(topic, partition, 0).next_back();
        last.map(|guard| batch_key(&guard.key()?)).transpose()
    }

    /// How many bytes of batches a partition holds.
    pub(crate) fn bytes_of(&self, topic: u32, partition: u32) -> Result<usize, StoreError> {
        let mut bytes = 0;
        for guard in self.scan(topic, partition, 0) {
            bytes += guard.size()? as usize;
        }
        Ok(bytes)
    }

    pub(crate) fn topics(&self) -> Result<Vec<StoredTopic>, StoreError> {
        let mut topics = Vec::new();
        for guard in self.small.prefix([keys::TOPIC]) {
            let (key, value) = guard.into_inner()?;
            let topic = decode_topic(&key[1..], &value);
            topics.push(topic.ok_or_else(|| StoreError("a topic does not decode".into()))?);
        }
        Ok(topics)
    }

    /// First and next offset of a partition, if they were ever written apart from its batches.
    pub(crate) fn bounds(
        &self,
        topic: u32,
        partition: u32,
    ) -> Result<Option<(u64, u64)>, StoreError> {
        let Some(value) = self.small.get(keys::bounds(topic, partition))? else {
            return Ok(None);
        };
        let bounds = value.split_first_chunk().and_then(|(first, end)| {
            Some((
                u64::from_le_bytes(*first),
                u64::from_le_bytes(end.try_into().ok()?),
            ))
        });
        bounds
            .map(Some)
            .ok_or_else(|| StoreError("bounds of a partition do not decode".into()))
    }

    pub(crate) fn positions(&self) -> Result<Vec<(GroupName, u32, u32, Committed)>, StoreError> {
        let mut positions = Vec::new();
        for guard in self.small.prefix([keys::POSITION]) {
            let (key, value) = guard.into_inner()?;
            let value: Bytes = value.into();
            let decoded = keys::parse_position(&key).and_then(|(group, topic, partition)| {
                let offset = Offset(u64::from_le_bytes(*value.first_chunk()?));
                let committed = Committed {
                    offset,
                    metadata: value.slice(8..),
                };
                Some((group, topic, partition, committed))
            });
            positions.push(
                decoded.ok_or_else(|| StoreError("a committed position does not decode".into()))?,
            );
        }
        Ok(positions)
    }

    /// Bytes on disk.
    pub(crate) fn disk_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.db.disk_space()?)
    }
}

fn open_database(folder: &Folder, options: &EmbeddedOptions) -> fjall::Result<Database> {
    Database::builder(folder.store())
        .manual_journal_persist(true)
        .worker_threads(1)
        .cache_size(options.cache_bytes)
        .max_journaling_size(256 << 20)
        .open()
}

/// Opens the store once more, without the group that loss of power tore.
fn mend(
    folder: &Folder,
    options: &EmbeddedOptions,
    found: fjall::JournalRecoveryError,
) -> Result<Database, OpenError> {
    let io = |source| OpenError::Io {
        doing: "mend the journal",
        folder: folder.path().into(),
        source,
    };
    if let Some(cut) = torn_tail::cut(&folder.store(), folder.path()).map_err(io)? {
        tracing::warn!(
            folder = %folder.path().display(),
            bytes = cut.bytes,
            kept_in = %cut.aside.display(),
            "the last group was torn and never acknowledged; cut it off the journal ({found:?})",
        );
    }
    open_database(folder, options).map_err(|e| OpenError::Store {
        folder: folder.path().into(),
        reason: e.to_string(),
    })
}

fn batch_key(key: &[u8]) -> Result<BatchKey, StoreError> {
    BatchKey::decode(key).ok_or_else(|| StoreError("the key of a batch does not decode".into()))
}

fn decode_topic(name: &[u8], value: &[u8]) -> Option<StoredTopic> {
    let (id, rest) = value.split_first_chunk()?;
    let (partitions, rest) = rest.split_first_chunk()?;
    let (retention, rest) = rest.split_first_chunk()?;
    let retention = u64::from_le_bytes(*retention);
    Some(StoredTopic {
        name: Topic::from(std::str::from_utf8(name).ok()?),
        id: u32::from_le_bytes(*id),
        partitions: u32::from_le_bytes(*partitions),
        retention_us: (retention != u64::MAX).then_some(retention),
        compacted: rest == [1],
    })
}

/// What one write makes durable, as a whole or not at all.
pub(crate) struct Group<'a> {
    store: &'a Store,
    batch: OwnedWriteBatch,
}

impl Group<'_> {
    pub(crate) fn put_batch(&mut self, key: BatchKey, batch: Bytes) {
        self.batch.insert(&self.store.batches, key.encode(), batch);
    }

    pub(crate) fn remove_batch(&mut self, key: BatchKey) {
        self.batch.remove(&self.store.batches, key.encode());
    }

    pub(crate) fn put_bounds(&mut self, topic: u32, partition: u32, first: u64, end: u64) {
        let value = [first.to_le_bytes(), end.to_le_bytes()].concat();
        self.batch
            .insert(&self.store.small, keys::bounds(topic, partition), value);
    }

    pub(crate) fn put_topic(&mut self, topic: &StoredTopic) {
        let value = [
            &topic.id.to_le_bytes()[..],
            &topic.partitions.to_le_bytes(),
            &topic.retention_us.unwrap_or(u64::MAX).to_le_bytes(),
            &[u8::from(topic.compacted)],
        ]
        .concat();
        self.batch
            .insert(&self.store.small, keys::topic(topic.name.as_str()), value);
    }

    pub(crate) fn put_position(
        &mut self,
        group: &GroupName,
        topic: u32,
        partition: u32,
        committed: &Committed,
    ) {
        let value = [&committed.offset.0.to_le_bytes()[..], &committed.metadata].concat();
        self.batch.insert(
            &self.store.small,
            keys::position(group, topic, partition),
            value,
        );
    }

    /// On disk when it returns.
    pub(crate) fn write(self) -> Result<(), StoreError> {
        Ok(self.batch.commit()?)
    }
}
