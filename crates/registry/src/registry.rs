//! The handle through which a process reads and changes the registry.

mod callbacks;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use triggerfish_core::{
    Secret, Subscription, SubscriptionId, Timestamp, Trigger, keys::ServerKeys,
};
use triggerfish_log::{EventLog, Topic};
use uuid::Uuid;

use crate::{
    client,
    decide::{self, Rules},
    error::{ChangeError, OpenError},
    follower::{Command, Condition, Decide, Follower},
    limits::Limits,
    model::{Client, Growth, NewSubscription, Replacement},
    seal::{Salt, Sealer},
    snapshot::Snapshot,
    subscription::CompiledSubscription,
    trigger::{CompiledTrigger, TriggerSource},
};

/// Changes that may wait for their turn.
const COMMANDS_WAITING_MAX: usize = 1_024;
/// Each verification of a client takes 19 MiB and a thread.
const VERIFICATIONS_MAX: usize = 2;

/// The registry of this process. Cheap to clone; all clones are the same one.
///
/// A task of its own follows the topic and carries out changes one after the
/// other. It ends when the last clone is dropped.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    changes: watch::Receiver<u64>,
    condition: watch::Receiver<Condition>,
}

pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) sealer: Sealer,
    limits: Limits,
    verifications: Semaphore,
}

impl Registry {
    /// Makes `topic` exist, reads it to its end, and keeps following it. Must
    /// be called within a tokio runtime.
    pub async fn open<L: EventLog>(
        log: &L,
        topic: Topic,
        keys: ServerKeys,
        limits: Limits,
    ) -> Result<Self, OpenError> {
        let (to_follower, commands) = mpsc::channel(COMMANDS_WAITING_MAX);
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::from_pointee(Snapshot::empty()),
            sealer: Sealer::new(&keys),
            limits,
            verifications: Semaphore::new(VERIFICATIONS_MAX),
        });
        let follower = Follower::open(log, topic, Arc::clone(&shared)).await?;
        let registry = Self {
            changes: follower.changes(),
            condition: follower.condition(),
            shared,
            commands: to_follower,
        };
        tokio::spawn(follower.run(commands));
        Ok(registry)
    }

    /// The registry as this process knows it at the moment. Never waits.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// The version of the newest snapshot, as it changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Whether the topic is being followed, as it changes; for readiness.
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }

    /// Makes a subscription. Its id grows with time, so lists are oldest first.
    pub async fn create_subscription(
        &self,
        new: NewSubscription,
    ) -> Result<Arc<CompiledSubscription>, ChangeError> {
        let id = new_id()?;
        let salt = salt()?;
        let shared = Arc::clone(&self.shared);
        let decided = move |snapshot: &Snapshot| {
            decide::create(snapshot, shared.rules(&salt), id, &new).map(Some)
        };
        let snapshot = self.change(Box::new(decided)).await?;
        subscription(&snapshot, id)
    }

    /// Writes a subscription anew. Credentials that are left out keep their values
    /// as long as the type of authentication stays the same.
    pub async fn replace_subscription(
        &self,
        id: SubscriptionId,
        replacement: Replacement,
    ) -> Result<Arc<CompiledSubscription>, ChangeError> {
        let salt = salt()?;
        let shared = Arc::clone(&self.shared);
        let decided = move |snapshot: &Snapshot| {
            decide::replace(snapshot, shared.rules(&salt), id, &replacement).map(Some)
        };
        let snapshot = self.change(Box::new(decided)).await?;
        subscription(&snapshot, id)
    }

    /// Changes a subscription in part. `change` gets the newest text without
    /// credentials, so that none can be moved to where it would be shown; those
    /// it leaves blank keep their values. It may be called more than once.
    pub async fn update_subscription(
        &self,
        id: SubscriptionId,
        change: impl Fn(Subscription) -> Result<Subscription, ChangeError> + Send + 'static,
    ) -> Result<Arc<CompiledSubscription>, ChangeError> {
        let salt = salt()?;
        let shared = Arc::clone(&self.shared);
        let decided = move |snapshot: &Snapshot| {
            decide::update(snapshot, shared.rules(&salt), id, &change).map(Some)
        };
        let snapshot = self.change(Box::new(decided)).await?;
        subscription(&snapshot, id)
    }

    /// Takes a subscription away.
    pub async fn delete_subscription(&self, id: SubscriptionId) -> Result<(), ChangeError> {
        let decided = move |snapshot: &Snapshot| decide::delete(snapshot, id).map(Some);
        self.change(Box::new(decided)).await.map(drop)
    }

    /// Lets real events through or holds them back. `reason` is shown to people
    /// when the service itself switches a subscription off.
    pub async fn set_enabled(
        &self,
        id: SubscriptionId,
        enabled: bool,
        reason: Option<String>,
    ) -> Result<Arc<CompiledSubscription>, ChangeError> {
        let decided = move |snapshot: &Snapshot| {
            decide::set_enabled(snapshot, id, enabled, reason.as_deref()).map(Some)
        };
        let snapshot = self.change(Box::new(decided)).await?;
        subscription(&snapshot, id)
    }

    /// Gives a subscription a new signing secret; for `overlap` calls are signed
    /// with the one before as well.
    pub async fn rotate_signing(
        &self,
        id: SubscriptionId,
        overlap: Duration,
    ) -> Result<Arc<CompiledSubscription>, ChangeError> {
        let now = now();
        let decided =
            move |snapshot: &Snapshot| decide::rotate_signing(snapshot, id, now, overlap).map(Some);
        let snapshot = self.change(Box::new(decided)).await?;
        subscription(&snapshot, id)
    }

    /// Makes a trigger of one's own or writes it anew.
    pub async fn put_trigger(&self, trigger: Trigger) -> Result<Arc<CompiledTrigger>, ChangeError> {
        let id = trigger.id.clone();
        let compiled = CompiledTrigger::compile(trigger, TriggerSource::Own)?;
        let decided =
            move |snapshot: &Snapshot| decide::put_trigger(snapshot, &compiled.trigger).map(Some);
        let snapshot = self.change(Box::new(decided)).await?;
        let trigger = snapshot.trigger(&id).map(Arc::clone);
        trigger.ok_or(ChangeError::Conflict)
    }

    /// Takes a trigger of one's own away. It must have no subscriptions.
    pub async fn delete_trigger(&self, id: &str) -> Result<(), ChangeError> {
        let id = id.to_owned();
        let decided = move |snapshot: &Snapshot| decide::delete_trigger(snapshot, &id).map(Some);
        self.change(Box::new(decided)).await.map(drop)
    }

    /// Makes an API client or writes it anew.
    pub async fn put_client(&self, client: Client) -> Result<Arc<Client>, ChangeError> {
        let id = client.id.clone();
        let decided = move |_: &Snapshot| decide::put_client(&client).map(Some);
        let snapshot = self.change(Box::new(decided)).await?;
        let client = snapshot.client(&id).map(Arc::clone);
        client.ok_or(ChangeError::Conflict)
    }

    /// Takes an API client away. Tokens that it has live on until they expire.
    pub async fn delete_client(&self, id: &str) -> Result<(), ChangeError> {
        let id = id.to_owned();
        let decided = move |snapshot: &Snapshot| decide::delete_client(snapshot, &id).map(Some);
        self.change(Box::new(decided)).await.map(drop)
    }

    /// Records that the invocation log has more partitions from a time on.
    pub async fn grow_partitions(&self, growth: Growth) -> Result<(), ChangeError> {
        let now = now();
        let decided = move |snapshot: &Snapshot| decide::grow(snapshot, now, growth).map(Some);
        self.change(Box::new(decided)).await.map(drop)
    }

    /// The client with this id, if `secret` is its secret. Costs the same whether
    /// or not there is such a client, and only a few calls run at a time.
    pub async fn verify_client(&self, id: &str, secret: &Secret) -> Option<Arc<Client>> {
        let client = self.snapshot().client(id).map(Arc::clone);
        let _permit = self.shared.verifications.acquire().await.ok()?;
        let claim = secret.clone();
        let verified = tokio::task::spawn_blocking(move || {
            client::is_secret_of(client.as_deref(), claim.expose())
                .then_some(client)
                .flatten()
        });
        verified.await.ok().flatten()
    }

    /// Waits until this process has read the topic up to `version`.
    pub async fn wait_for(&self, version: u64) -> Result<Arc<Snapshot>, ChangeError> {
        let mut changes = self.changes();
        match changes.wait_for(|seen| *seen >= version).await {
            Ok(_) => Ok(self.snapshot()),
            Err(_) => Err(self.closed()),
        }
    }

    async fn change(&self, decide: Decide) -> Result<Arc<Snapshot>, ChangeError> {
        let (reply, answer) = oneshot::channel();
        let command = Command { decide, reply };
        if self.commands.send(command).await.is_err() {
            return Err(self.closed());
        }
        match answer.await {
            Ok(answer) => answer,
            Err(_) => Err(self.closed()),
        }
    }

    fn closed(&self) -> ChangeError {
        let condition = self.condition.borrow().clone();
        ChangeError::Closed(match condition {
            Condition::Stopped(reason) => reason,
            _ => "it no longer follows the log".to_owned(),
        })
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("version", &self.snapshot().version())
            .field("condition", &*self.condition.borrow())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn rules<'a>(&'a self, salt: &'a Salt) -> Rules<'a> {
        Rules {
            limits: &self.limits,
            sealer: &self.sealer,
            salt,
        }
    }
}

fn subscription(
    snapshot: &Snapshot,
    id: SubscriptionId,
) -> Result<Arc<CompiledSubscription>, ChangeError> {
    let subscription = snapshot.subscription(id).map(Arc::clone);
    subscription.ok_or(ChangeError::Conflict)
}

fn salt() -> Result<Salt, ChangeError> {
    let mut salt = [0; 32];
    random(&mut salt)?;
    Ok(salt)
}

fn new_id() -> Result<SubscriptionId, ChangeError> {
    let mut entropy = [0; 10];
    random(&mut entropy)?;
    let builder = uuid::Builder::from_unix_timestamp_millis(later_millis(), &entropy);
    let id: Uuid = builder.into_uuid();
    Ok(SubscriptionId(id))
}

/// The time, but never that of an earlier id: lists are in the order of ids, and what was
/// made later comes later.
fn later_millis() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = now().as_millis();
    let later = |last: u64| now.max(last + 1);
    let last = LAST.fetch_update(Relaxed, Relaxed, |last| Some(later(last)));
    last.map_or(now, later)
}

fn random(target: &mut [u8]) -> Result<(), ChangeError> {
    getrandom::fill(target)
        .map_err(|error| ChangeError::Unavailable(format!("no randomness: {error}")))
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::EPOCH.after(since_epoch.unwrap_or_default())
}
