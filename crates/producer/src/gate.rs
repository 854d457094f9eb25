//! Questions about actions, by HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use tokio::time::{Instant, timeout, timeout_at};
use triggerfish_api::ports::{self, Ask, AskError, Asked, StartIdentity, Unavailable};
use triggerfish_core::{
    ActionRequest, ActionState, Invocation, InvocationId, Seen, SubscriptionId, Timing,
    action::expand,
};
use triggerfish_log::{Appender, LogError, Offset, Partition};
use triggerfish_peers::Peers;
use triggerfish_wire::peer::ActionStage;

use crate::action_intake::{ActionIntake, DecidedAction, unavailable};

/// What the log and the fold may need beyond the budget: 50 ms after it the platform has its
/// answer.
const GRACE: Duration = Duration::from_millis(24);
/// When the platform is answered, whoever was asked.
const CLOSE: Duration = Duration::from_millis(30);
/// How long it may take to find an action that nobody waits for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks callbacks before actions, and tells them after.
pub struct Gate<A> {
    intake: ActionIntake,
    appender: A,
    peers: Peers,
}

impl<A: Appender> Gate<A> {
    /// Questions are appended by `appender`; what comes of them is asked of `peers`.
    pub fn new(intake: ActionIntake, appender: A, peers: Peers) -> Self {
        Self {
            intake,
            appender,
            peers,
        }
    }

    async fn take(&self, ask: Ask) -> Result<Asked, AskError> {
        let began = Instant::now();
        let decided = self.intake.decide(&ask)?;
        let until = began + decided.patience + GRACE;
        let close = began + taking(&ask, &decided) + CLOSE;
        let taken = AtomicBool::new(false);
        let told = timeout_at(close, self.take_within(&ask, &decided, until, &taken));
        told.await.unwrap_or_else(|_| {
            let taken = taken.load(Ordering::Relaxed);
            untold(&decided, taken, "no decision was reached in time")
        })
    }

    /// Says by `taken` that the action is in the log, as soon as that is known.
    async fn take_within(
        &self,
        ask: &Ask,
        decided: &DecidedAction,
        until: Instant,
        taken: &AtomicBool,
    ) -> Result<Asked, AskError> {
        if ask.identity != StartIdentity::Unique
            && let Some(known) = self.find_anywhere(decided).await?
        {
            taken.store(true, Ordering::Relaxed);
            return self.wait_for_known(decided, known, until).await;
        }
        let append = self.appender.append(vec![decided.record.clone()]);
        let Ok(appended) = timeout(taking(ask, decided) + GRACE, append).await else {
            return untold(decided, false, "the log did not take the question in time");
        };
        let places = appended.map_err(|error| refused(&error))?;
        taken.store(true, Ordering::Relaxed);
        let offset = places.first().map(|(_, offset)| *offset);
        let partition = decided.id.partition();
        if ask.timing == Timing::After && decided.patience.is_zero() {
            return Ok(Asked::Known(Arc::new(as_asked(decided, offset))));
        }
        let found = self.wait(decided, partition, offset, until).await;
        answer(decided, found)
    }

    /// The action was asked about before: it has, or will have, the answer it got then.
    async fn wait_for_known(
        &self,
        decided: &DecidedAction,
        known: Arc<ActionState>,
        until: Instant,
    ) -> Result<Asked, AskError> {
        check_same(&known, &decided.request)?;
        let stage = stage(known.request.timing);
        if stage.is_reached_by(&known) || decided.patience.is_zero() {
            return Ok(Asked::Known(known));
        }
        let found = self.wait(decided, known.id.partition(), None, until).await;
        answer(decided, found)
    }

    async fn wait(
        &self,
        decided: &DecidedAction,
        partition: u16,
        after: Option<Offset>,
        until: Instant,
    ) -> Result<Option<Arc<ActionState>>, Unavailable> {
        let partition = Partition(u32::from(partition));
        let stage = stage(decided.request.timing);
        let key = decided.id.key();
        self.peers.action(partition, key, after, stage, until).await
    }

    /// The action under the same key, where it would be now or where it was when the log had
    /// another number of partitions.
    async fn find_anywhere(
        &self,
        decided: &DecidedAction,
    ) -> Result<Option<Arc<ActionState>>, AskError> {
        let here = decided.id.partition();
        for partition in std::iter::once(&here).chain(&decided.elsewhere) {
            let found = self.find(*partition, decided.id).await;
            let found = found.map_err(|unavailable| {
                tracing::warn!(%unavailable, "a question was refused: whether it came before is not known");
                AskError::Unavailable {
                    retry_after: unavailable.retry_after,
                }
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn find(
        &self,
        partition: u16,
        id: InvocationId,
    ) -> Result<Option<Arc<ActionState>>, Unavailable> {
        let partition = Partition(u32::from(partition));
        let until = Instant::now() + PATIENCE;
        let any = ActionStage::Any;
        self.peers
            .action(partition, id.key(), None, any, until)
            .await
    }

    async fn look_up(&self, id: InvocationId) -> Result<Option<Arc<ActionState>>, Unavailable> {
        let partition = Partition(u32::from(id.partition()));
        if !self.peers.partitions().has(partition).await {
            return Ok(None);
        }
        let found = self.find(id.partition(), id).await?;
        Ok(found.filter(|action| action.id == id))
    }
}

/// How long it may take until the question is in the log. After an action nobody waits for a
/// decision: that the news are taken matters more than when.
fn taking(ask: &Ask, decided: &DecidedAction) -> Duration {
    match ask.timing {
        Timing::Before => decided.patience,
        Timing::After => decided.patience.max(PATIENCE),
    }
}

/// What the platform is told of what its action has come to.
fn answer(
    decided: &DecidedAction,
    found: Result<Option<Arc<ActionState>>, Unavailable>,
) -> Result<Asked, AskError> {
    match found {
        Ok(Some(known)) => {
            // Somebody may have been quicker under the same key.
            check_same(&known, &decided.request)?;
            let is_open = known.request.timing == Timing::Before && known.decision.is_none();
            if is_open {
                return Ok(Asked::Untold {
                    action: Box::new(ActionState::clone(&known)),
                    reason: "no decision was reached in time".to_owned(),
                });
            }
            Ok(Asked::Known(known))
        }
        Ok(None) => untold(decided, true, "the action is not known where it should be"),
        Err(error) => {
            tracing::warn!(action = %decided.id, %error, "the owner of an action can't tell how it stands");
            untold(decided, true, "its owner can't tell how it stands")
        }
    }
}

/// How far an action has to be for its platform to be answered.
const fn stage(timing: Timing) -> ActionStage {
    match timing {
        Timing::Before => ActionStage::Decided,
        Timing::After => ActionStage::Finished,
    }
}

/// The action as everybody who folds the question makes it.
fn as_asked(decided: &DecidedAction, offset: Option<Offset>) -> ActionState {
    let seen = Seen {
        id: decided.id,
        offset: offset.unwrap_or(Offset::ZERO).0,
        at: decided.request.asked,
    };
    expand(seen, Arc::clone(&decided.request)).action
}

/// What the platform is told when its action can't be seen. After an action that changes
/// nothing if the log has `taken` the news: its callbacks are called all the same. News that
/// it may not have are refused, or they would be lost.
fn untold(decided: &DecidedAction, taken: bool, reason: &str) -> Result<Asked, AskError> {
    let action = as_asked(decided, None);
    match action.request.timing {
        Timing::After if taken => Ok(Asked::Known(Arc::new(action))),
        Timing::After => Err(unavailable()),
        Timing::Before => Ok(Asked::Untold {
            action: Box::new(action),
            reason: reason.to_owned(),
        }),
    }
}

fn check_same(known: &ActionState, asked: &ActionRequest) -> Result<(), AskError> {
    let request = &known.request;
    let is_same = request.timing == asked.timing
        && request.object_type == asked.object_type
        && request.action == asked.action
        && request.object_id == asked.object_id
        && request.input == asked.input;
    is_same.then_some(()).ok_or(AskError::KeyReused)
}

fn refused(error: &LogError) -> AskError {
    match error {
        LogError::TooLarge { limit, .. } => AskError::TooLarge { limit: *limit },
        error => {
            tracing::warn!(%error, "a question was refused: the log can't be written to");
            unavailable()
        }
    }
}

impl<A: Appender> ports::Gate for Gate<A> {
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Asked, AskError>> {
        self.take(ask).boxed()
    }

    fn action(
        &self,
        id: InvocationId,
    ) -> BoxFuture<'_, Result<Option<Arc<ActionState>>, Unavailable>> {
        self.look_up(id).boxed()
    }

    fn last_activations(
        &self,
        callbacks: Vec<SubscriptionId>,
    ) -> BoxFuture<'_, Result<Vec<Invocation>, Unavailable>> {
        self.peers.newest_of(callbacks).boxed()
    }
}
