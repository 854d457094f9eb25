//! The loop.

#[cfg(feature = "faults")]
mod broken;
mod news;
mod partitions;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::{
    sync::{Notify, mpsc},
    task::{JoinError, JoinSet, yield_now},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use triggerfish_core::invariant::check_position;
use triggerfish_log::{
    Batch, CommitError, Consumed, EventLog, GroupName, LogError, NewRecord, Offset, Partition,
    Polled, Record, Session,
};
use triggerfish_ops::{health::Readiness, metrics, violation};
use triggerfish_view::Saved;

use self::{
    news::Turn,
    partitions::{Leaving, Restored},
};
use crate::{
    clock::Clock,
    crew::Crew,
    dead_letter::cut_dead_letter,
    disk::{Disk, Threads, done},
    handle::{Handle, Query},
    owned::Owned,
    restore::{Place, encode_start},
    role::Role,
    settings::{Error, WorkerSettings},
    tenure::Tenures,
    watchdog::Lookout,
};

const POLL: Duration = Duration::from_millis(250);
/// How long a session may take to leave its group.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);
/// How much longer than its calls a worker's end may take: committing, saving, leaving.
const SETTLE_WITHIN: Duration = Duration::from_secs(4);
/// A call that ends frees its place at the next act; folding must not keep it waiting.
const FOLD_BETWEEN_ACTS: usize = 64;
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// While a batch is written sled lets nobody read, so batches are small.
const SAVE_STAGED: usize = 2_000;
const SAVE_STAGED_BYTES: usize = 32 << 20;
/// Where folding is faster than saving it waits for the save under way once there is so much
/// for the next one: else all that is in the log might gather in memory, and in one save.
const SAVES_STAGED_MAX: usize = 2;

/// What became of a save.
type Save = (Partition, Result<Saved, triggerfish_view::Error>);

/// One session and the roles that share its fold.
pub struct Worker<L: EventLog> {
    log: L,
    session: L::Session,
    place: Arc<Place>,
    settings: WorkerSettings,
    crew: Crew,
    wake: Arc<Notify>,
    queries: mpsc::Receiver<Query>,
    restores: JoinSet<Restored>,
    /// The assignments whose restore is under way.
    restoring: Tenures,
    /// On their way to another worker, as soon as what was begun for them has ended.
    leaving: Option<Leaving>,
    saves: JoinSet<Result<Save, JoinError>>,
    /// When the next commit may begin.
    next_commit: Instant,
    /// Counts the turns of the loop.
    turns: usize,
    lookout: Lookout<L>,
}

impl<L: EventLog> Worker<L> {
    /// Joins the group. `wake` is what the roles' own tasks wake the loop by.
    pub async fn open(
        log: L,
        settings: WorkerSettings,
        clock: Arc<dyn Clock>,
        readiness: Readiness,
        roles: Vec<Box<dyn Role>>,
        wake: Arc<Notify>,
    ) -> Result<(Self, Handle), Error> {
        let session = log.open_session(settings.session()).await?;
        let emits = settings.writer.is_some();
        let place = Place {
            folder: settings.views.clone(),
            cluster: settings.cluster.clone(),
            topic: settings.topics.invocation_log.clone(),
            results: if emits {
                let topics = &settings.topics;
                vec![topics.completions.clone(), topics.decisions.clone()]
            } else {
                Vec::new()
            },
            settings: settings.view,
            disk: Arc::new(Threads),
        };
        let (sender, queries) = mpsc::channel(1024);
        let dead_letters = emits.then(|| settings.topics.dead_letters.clone());
        let (group, topic) = (settings.group.clone(), place.topic.clone());
        let crew = Crew::new(roles, clock, dead_letters, readiness, &group);
        let lookout = Lookout::new(log.clone(), group, topic, settings.stall_after);
        let handle = Handle::new(sender, crew.running());
        let worker = Self {
            log,
            session,
            place: Arc::new(place),
            settings,
            crew,
            wake,
            queries,
            restores: JoinSet::new(),
            restoring: Tenures::default(),
            leaving: None,
            saves: JoinSet::new(),
            next_commit: Instant::now(),
            turns: 0,
            lookout,
        };
        Ok((worker, handle))
    }

    /// Has the views on another disk than the runtime's threads.
    #[must_use]
    pub fn on_disk(mut self, disk: Arc<dyn Disk>) -> Self {
        Arc::make_mut(&mut self.place).disk = disk;
        self
    }

    /// Runs until `stop`, then drains. A session that ends early is replaced.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let group = self.settings.group.clone();
        let patience = self.settings.drain_timeout + SETTLE_WITHIN;
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(patience).await;
        };
        tokio::select! {
            biased;
            ended = Box::pin(self.run_and_drain(stop.clone())) => ended,
            () = late => {
                tracing::warn!(%group, ?patience, "the log does not answer; the rest is left to whoever takes over, which begins at the last committed positions");
                Ok(())
            }
        }
    }

    async fn run_and_drain(mut self, stop: CancellationToken) -> Result<(), Error> {
        loop {
            match self.run_session(&stop).await {
                Ok(()) => return self.drain().await,
                Err(error) if error.is_about_session() => {
                    tracing::warn!(group = %self.settings.group, %error, cause = error.source().map(tracing::field::display), "the session is over; another one takes up at the committed positions");
                    metrics::session_reopened(error.reason());
                    match self.with_new_session(&stop).await? {
                        Some(worker) => self = worker,
                        None => return Ok(()),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn run_session(&mut self, stop: &CancellationToken) -> Result<(), Error> {
        while !stop.is_cancelled() {
            self.crew.beat();
            let wait = self.crew.act(self.patience());
            self.save_what_is_due(false).await?;
            if self.waits_for_saves() {
                self.lookout.reset();
            }
            let stalls = self.lookout.look(self.crew.positions());
            if !stalls.is_empty() {
                return Err(Error::Stalled(stalls));
            }
            self.hand_over().await?;
            let answers = self.crew.is_sure();
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                turned = self.turn(wait, answers) => {
                    let turned = turned?;
                    self.handle(turned).await?;
                }
            }
        }
        Ok(())
    }

    /// Drops everything that rested on the session and opens another; `None` if stopped
    /// meanwhile.
    async fn with_new_session(mut self, stop: &CancellationToken) -> Result<Option<Self>, Error> {
        const PAUSE_MAX: Duration = Duration::from_secs(5);
        let owned: Vec<Partition> = self.crew.expected();
        self.let_go(&owned);
        self.leaving = None;
        // What is saved is committed; only its end is waited for, since views are opened
        // again.
        while self.saves.join_next().await.is_some() {}
        self.restores.abort_all();
        while self.restores.join_next().await.is_some() {}
        self.lookout.reset();
        self.crew.forget(&owned);
        self.crew.left();
        take_leave(self.session, &self.settings.group).await;
        let mut pause = Duration::from_millis(50);
        loop {
            let opening = self.log.open_session(self.settings.session());
            match stop.run_until_cancelled(opening).await {
                None => return Ok(None),
                Some(Ok(session)) => return Ok(Some(Self { session, ..self })),
                Some(Err(error)) if error.is_retryable() => {
                    tracing::warn!(%error, "no other session yet, trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    async fn handle(&mut self, turn: Turn) -> Result<(), Error> {
        match turn {
            Turn::Woken | Turn::Polled(Polled::Idle) => {}
            Turn::Asked(query) => self.crew.answer(query)?,
            Turn::Restored(partition, owned) => self.restored(partition, *owned).await?,
            Turn::Saved(partition, saved) => self.saved(partition, saved),
            Turn::Polled(Polled::Records(records)) => self.fold_records(&records).await?,
            Turn::Polled(Polled::Assigned(assigned)) => self.assigned(assigned).await?,
            Turn::Polled(Polled::Revoking(revoking)) => {
                self.leave(revoking);
                self.hand_over().await?;
            }
            Turn::Polled(Polled::Lost(partitions)) => self.lost(&partitions).await?,
        }
        Ok(())
    }

    async fn fold_records(&mut self, records: &[Record]) -> Result<(), Error> {
        let mut outputs = Vec::new();
        for some in records.chunks(FOLD_BETWEEN_ACTS) {
            outputs.append(&mut self.crew.fold(some)?);
            // Calls start before the commit: their cause is in the log already.
            self.crew.act(POLL);
        }
        // They are tasks of their own, and are not to wait until the commit is on its way.
        yield_now().await;
        if outputs.is_empty() {
            Ok(())
        } else {
            #[cfg(feature = "faults")]
            let outputs = {
                self.save_before_commit().await?;
                self.append_beside_commit(outputs).await?
            };
            self.commit(outputs).await
        }
    }

    /// Commits `records` together with the positions of everything folded.
    async fn commit(&mut self, records: Vec<NewRecord>) -> Result<(), Error> {
        let began = Instant::now().max(self.next_commit);
        let topic = &self.settings.topics.invocation_log;
        let mut consumed = Vec::new();
        for (partition, owned) in &mut self.crew.partitions {
            if owned.view.position() > owned.committed.0 {
                let start = owned.view.rebuild_start()?;
                #[cfg(feature = "faults")]
                let start = broken::start_of(&owned.view, start);
                consumed.push(Consumed {
                    topic: topic.clone(),
                    partition: *partition,
                    offset: Offset(owned.view.position()),
                    metadata: encode_start(start),
                });
            }
        }
        let mut batch = Arc::new(Batch { records, consumed });
        while let Err(error) = self.commit_once(&batch).await? {
            match error {
                CommitError::Aborted { reason } => {
                    tracing::warn!(reason, "commit aborted, trying again");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                CommitError::Refused(LogError::TooLarge { limit, .. })
                    if self.cut_dead_letters(&mut Arc::make_mut(&mut batch).records, limit) => {}
                error => return Err(error.into()),
            }
        }
        for consumed in &batch.consumed {
            if let Some(owned) = self.crew.partitions.get_mut(&consumed.partition) {
                owned.committed = consumed.offset;
            }
        }
        metrics::commit_took(began.elapsed());
        if !batch.records.is_empty() {
            self.next_commit = Instant::now() + self.settings.commit_pause;
        }
        Ok(())
    }

    /// A record of the largest size makes a dead letter that is larger; it must not stop
    /// the partition. `false` if none was cut.
    fn cut_dead_letters(&self, records: &mut [NewRecord], limit: usize) -> bool {
        let topic = &self.settings.topics.dead_letters;
        let letters = records.iter_mut().filter(|record| record.topic == *topic);
        let cut = letters.filter_map(|letter| cut_dead_letter(letter, limit).then_some(()));
        cut.count() > 0
    }

    /// Commits, when it is time to; meanwhile calls go on being made and questions answered.
    async fn commit_once(&mut self, batch: &Arc<Batch>) -> Result<Result<(), CommitError>, Error> {
        let commit = async {
            sleep_until(self.next_commit).await;
            self.session.commit(Arc::clone(batch)).await
        };
        tokio::pin!(commit);
        loop {
            tokio::select! {
                biased;
                committed = &mut commit => return Ok(committed.map(drop)),
                () = self.wake.notified() => drop(self.crew.act(POLL)),
                Some(query) = self.queries.recv(), if self.crew.is_sure() => self.crew.answer(query)?,
            }
        }
    }

    /// Whether more has gathered behind a save than the next one should take.
    fn waits_for_saves(&self) -> bool {
        self.crew.partitions.values().any(|owned| {
            let (staged, bytes) = (owned.view.staged_len(), owned.view.staged_bytes());
            owned.saving
                && (staged >= SAVES_STAGED_MAX * SAVE_STAGED
                    || bytes >= SAVES_STAGED_MAX * SAVE_STAGED_BYTES)
        })
    }

    /// Begins to save views with much or old staged; only what is committed.
    async fn save_what_is_due(&mut self, all: bool) -> Result<(), Error> {
        let is_due = |owned: &Owned| {
            let staged = owned.view.staged_len();
            let much = staged >= SAVE_STAGED || owned.view.staged_bytes() >= SAVE_STAGED_BYTES;
            let moved = owned.view.position() > owned.view.saved_position();
            !owned.saving && moved && (all || much || owned.last_save.elapsed() >= SAVE_INTERVAL)
        };
        if !self.crew.partitions.values().any(is_due) {
            return Ok(());
        }
        self.commit(Vec::new()).await?;
        for (partition, owned) in self
            .crew
            .partitions
            .iter_mut()
            .filter(|(_, owned)| is_due(owned))
        {
            if let Err(broken) = check_position(owned.view.position(), owned.committed.0) {
                violation::report(&broken);
                continue;
            }
            if let Some(job) = owned.view.begin_save() {
                let partition = *partition;
                owned.saving = true;
                let disk = Arc::clone(&self.place.disk);
                self.saves.spawn(done(disk, move || (partition, job.run())));
            }
        }
        Ok(())
    }

    fn saved(&mut self, partition: Partition, saved: Saved) {
        if let Some(owned) = self.crew.partitions.get_mut(&partition) {
            owned.view.finish_save(saved);
            owned.saving = false;
            owned.last_save = Instant::now();
        }
    }

    /// Commits and saves everything folded so far.
    async fn settle(&mut self) -> Result<(), Error> {
        self.finish_saves().await?;
        self.save_what_is_due(true).await?;
        self.finish_saves().await
    }

    async fn finish_saves(&mut self) -> Result<(), Error> {
        while let Some(saved) = self.saves.join_next().await {
            let (partition, result) = saved??;
            self.saved(partition, result?);
        }
        Ok(())
    }

    /// Starts nothing new, waits for what is under way, settles, leaves.
    async fn drain(mut self) -> Result<(), Error> {
        let mut ended = self.finish_calls().await;
        let owned: Vec<Partition> = self.crew.partitions.keys().copied().collect();
        self.let_go(&owned);
        if ended.is_ok() {
            ended = self.settle().await;
        }
        match ended {
            Err(error) if error.is_about_session() => {
                tracing::warn!(%error, "the last positions were not committed; whoever takes over begins before them");
            }
            ended => ended?,
        }
        for owned in self.crew.partitions.values() {
            owned.view.flush()?;
        }
        take_leave(self.session, &self.settings.group).await;
        Ok(())
    }

    /// Starts nothing new, and goes on until what is under way has ended.
    async fn finish_calls(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + self.settings.drain_timeout;
        self.crew.drain();
        while Instant::now() < deadline && !self.crew.is_idle() {
            self.crew.beat();
            self.crew.act(POLL);
            let turned = self.turn(Duration::from_millis(20), true).await?;
            self.handle(turned).await?;
            self.hand_over().await?;
        }
        Ok(())
    }
}

/// Nothing depends on it any more. While its coordinator is away a group does not say
/// good-bye, and finds out by itself that a member is gone.
async fn take_leave(session: impl Session, group: &GroupName) {
    if timeout(LEAVE_WITHIN, session.close()).await.is_err() {
        tracing::warn!(%group, "the group does not answer; it is left without a word");
    }
}
