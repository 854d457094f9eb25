//! The log as a whole: opened on a folder, shared by everything that uses it.

use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock, mpsc};

use parking_lot::RwLock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use triggerfish_log::{EventLog, LogError, SessionSpec, Topic, TopicSpec, WriterName};

use crate::cleanup::CleanedUp;
use crate::folder::Folder;
use crate::groups::Groups;
use crate::intake::Request;
use crate::store::Store;
use crate::topics::Topics;
use crate::writer::{Writer, now_us};
use crate::{EmbeddedAppender, EmbeddedOptions, EmbeddedReader, EmbeddedSession, OpenError};

/// The largest record that may be allowed: lengths are stored in 32 bits.
const RECORD_BYTES_MOST: usize = 1 << 30;

/// A log in a folder of this machine, for this process alone. Cheap to clone.
///
/// The folder is free again after [`EmbeddedLog::close`], or some time after everything that
/// uses the log was dropped.
#[derive(Clone)]
pub struct EmbeddedLog {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    queue: Sender<Request>,
    folder_held: watch::Receiver<()>,
}

/// What the writer thread shares with everybody else.
pub(crate) struct Shared {
    pub(crate) options: EmbeddedOptions,
    pub(crate) topics: Topics,
    pub(crate) groups: Groups,
    /// Empty once the log is closed.
    pub(crate) store: RwLock<Option<Arc<Store>>>,
    room: Arc<Semaphore>,
    closed: OnceLock<String>,
}

impl Shared {
    /// An error once the log is closed.
    pub(crate) fn check(&self) -> Result<(), LogError> {
        match self.closed.get() {
            Some(reason) => Err(LogError::Closed {
                reason: reason.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Closes the log for everybody. The first reason stays.
    pub(crate) fn close(&self, reason: String) {
        let _ = self.closed.set(reason);
        self.room.close();
        self.groups.wake_all();
        for topic in self.topics.all() {
            topic.wake_watchers();
        }
    }

    pub(crate) fn closed(&self) -> LogError {
        let reason = self.closed.get().cloned();
        LogError::Closed {
            reason: reason.unwrap_or_else(|| "its writer is gone".to_owned()),
        }
    }
}

impl Inner {
    /// Waits for room in the queue.
    pub(crate) async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, LogError> {
        let most = self.shared.options.queue_bytes_max;
        let bytes = u32::try_from(bytes.min(most)).unwrap_or(u32::MAX);
        let room = self.shared.room.clone().acquire_many_owned(bytes).await;
        room.map_err(|_| self.shared.closed())
    }

    pub(crate) fn send(&self, request: Request) -> Result<(), LogError> {
        self.shared.check()?;
        self.queue.send(request).map_err(|_| self.shared.closed())
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, LogError>>) -> Request,
    ) -> Result<T, LogError> {
        let (done, answer) = oneshot::channel();
        self.send(request(done))?;
        answer.await.map_err(|_| self.shared.closed())?
    }
}

impl EmbeddedLog {
    /// Opens the log in its folder, or begins one there.
    ///
    /// # Errors
    /// [`OpenError::Locked`] if another process has it open; see [`OpenError`] for the rest.
    pub async fn open(options: EmbeddedOptions) -> Result<Self, OpenError> {
        let folder = options.folder.clone();
        let opened = tokio::task::spawn_blocking(move || Self::open_blocking(options)).await;
        opened.unwrap_or_else(|e| {
            Err(OpenError::Store {
                folder,
                reason: e.to_string(),
            })
        })
    }

    fn open_blocking(options: EmbeddedOptions) -> Result<Self, OpenError> {
        check(&options)?;
        let folder = Folder::open(&options.folder)?;
        let folder_held = folder.held();
        let store = Arc::new(Store::open(folder, &options)?);
        let damaged = |e: crate::store::StoreError| OpenError::Store {
            folder: options.folder.clone(),
            reason: e.to_string(),
        };
        let topics = Topics::load(&store).map_err(damaged)?;
        let groups = Groups::new(options.hand_over);
        let all = topics.all();
        for (group, topic, partition, committed) in store.positions().map_err(damaged)? {
            if let Some(topic) = all.iter().find(|t| t.id == topic && partition < t.count()) {
                groups.restore(group, topic.name.clone(), partition, committed);
            }
        }
        let folder = options.folder.clone();
        let shared = Arc::new(Shared {
            room: Arc::new(Semaphore::new(options.queue_bytes_max)),
            options,
            topics,
            groups,
            store: RwLock::new(Some(store.clone())),
            closed: OnceLock::new(),
        });
        let (queue, requests) = mpsc::channel();
        let writer = Writer::new(shared.clone(), store, requests);
        std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|source| OpenError::Io {
                doing: "start the writer",
                folder,
                source,
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                queue,
                folder_held,
            }),
        })
    }

    /// Writes what waits, then closes the store and gives the folder up. Everything else that
    /// uses the log finds it closed.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        // Not `send`, which refuses once the store has failed: the folder is still held then.
        if self.inner.queue.send(Request::Close(done)).is_ok() {
            let _ = closed.await;
        }
        // Reads under way still hold the store; the folder goes with the last of them, and that
        // ends the wait with an error.
        let _ = self.inner.folder_held.clone().changed().await;
    }

    /// Where the log lies.
    pub fn folder(&self) -> &Path {
        &self.inner.shared.options.folder
    }

    /// Drops records past their retention and compacts, at once rather than by the way.
    ///
    /// # Errors
    /// [`LogError::Closed`] if the log is closed, or closes because the store failed.
    pub async fn clean_up(&self) -> Result<CleanedUp, LogError> {
        self.inner
            .ask(|done| Request::CleanUp(now_us(), done))
            .await
    }

    /// Bytes the log takes on disk.
    ///
    /// # Errors
    /// [`LogError::Closed`] if the log is closed.
    pub fn disk_bytes(&self) -> Result<u64, LogError> {
        let store = self.inner.shared.store.read().clone();
        let store = store.ok_or_else(|| self.inner.shared.closed())?;
        store.disk_bytes().map_err(|e| LogError::Corrupt {
            what: e.to_string(),
        })
    }
}

fn check(options: &EmbeddedOptions) -> Result<(), OpenError> {
    let record = options.record_bytes_max;
    if record == 0 || record > RECORD_BYTES_MOST {
        let (setting, rule) = ("record_bytes_max", "from 1 to 1073741824");
        return Err(OpenError::Setting {
            setting,
            value: record,
            rule,
        });
    }
    let queue = options.queue_bytes_max;
    if !(1 << 20..=Semaphore::MAX_PERMITS).contains(&queue) {
        let (setting, rule) = ("queue_bytes_max", "at least 1048576");
        return Err(OpenError::Setting {
            setting,
            value: queue,
            rule,
        });
    }
    Ok(())
}

impl EventLog for EmbeddedLog {
    type Session = EmbeddedSession;
    type Appender = EmbeddedAppender;
    type Reader = EmbeddedReader;

    async fn ensure_topics(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        let topics = topics.to_vec();
        self.inner
            .ask(|done| Request::EnsureTopics(topics, done))
            .await
    }

    async fn partitions(&self, topic: &Topic) -> Result<u32, LogError> {
        Ok(self.inner.shared.topics.get(topic)?.count())
    }

    async fn open_session(&self, spec: SessionSpec) -> Result<EmbeddedSession, LogError> {
        self.inner.shared.check()?;
        EmbeddedSession::open(self.inner.clone(), spec)
    }

    async fn open_appender(&self, _writer: WriterName) -> Result<EmbeddedAppender, LogError> {
        self.inner.shared.check()?;
        Ok(EmbeddedAppender::new(self.inner.clone()))
    }

    async fn open_reader(&self) -> Result<EmbeddedReader, LogError> {
        self.inner.shared.check()?;
        Ok(EmbeddedReader::new(self.inner.clone()))
    }
}
