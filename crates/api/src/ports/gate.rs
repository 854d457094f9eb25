//! What the HTTP layer needs to ask about actions of a platform.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use triggerfish_core::{
    Action, ActionState, Invocation, InvocationId, Origin, SubscriptionId, Timestamp, Timing,
};

use super::{StartIdentity, Unavailable};

/// Asks callbacks before actions, and tells them after.
pub trait Gate: Send + Sync + 'static {
    /// Calls whom it concerns. Before an action: returns the decision, within the budget and
    /// a moment. After one: returns when all have answered, or the wait is over.
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Asked, AskError>>;

    /// The action with this id, if it is known and kept.
    fn action(
        &self,
        id: InvocationId,
    ) -> BoxFuture<'_, Result<Option<Arc<ActionState>>, Unavailable>>;

    /// The newest invocation of each of these callbacks or subscriptions, as far as there is
    /// one; without its body.
    fn last_activations(
        &self,
        callbacks: Vec<SubscriptionId>,
    ) -> BoxFuture<'_, Result<Vec<Invocation>, Unavailable>>;
}

/// What a platform says about an action.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whether it is about to happen or has happened.
    pub timing: Timing,
    /// The id of the object type.
    pub object_type: String,
    /// What happens to the object.
    pub action: Action,
    /// The object, as JSON text of an object, kept byte for byte.
    pub entity: Bytes,
    /// Who does it.
    pub user: Option<String>,
    /// The id of the object; by default the `id` in it.
    pub object_id: Option<String>,
    /// Before: how long all callbacks may take together. After: how long to wait for them.
    pub patience: Option<Duration>,
    /// What makes it the same action when it is asked about twice.
    pub identity: StartIdentity,
    /// What the platform knows it by.
    pub correlation: Option<String>,
    /// The action that was decided about before, after it.
    pub decided_by: Option<InvocationId>,
    /// Test or real.
    pub origin: Origin,
    /// When the platform asked, by its own account.
    pub time: Option<Timestamp>,
    /// How many calls are behind it in its chain of causes.
    pub depth: u32,
    /// W3C trace context of the cause.
    pub traceparent: Option<String>,
}

/// How an action stands when the platform is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// As it is in the log.
    Known(Arc<ActionState>),
    /// Its owner can't tell in time: it must not be carried out. Whoever asks again under the
    /// same key is told what came of it.
    Untold {
        /// As it was asked.
        action: Box<ActionState>,
        /// Why, for people.
        reason: String,
    },
}

/// Why an action was not asked about. Nobody was called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is no such object type.
    #[error("object type {0:?} does not exist; list the object types to see their ids")]
    UnknownObjectType(String),
    /// A field is wrong.
    #[error("{field} {problem}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The same key came before with another action.
    #[error("the idempotency key was used before for another action; use a new key")]
    KeyReused,
    /// The object is too large.
    #[error("the object is larger than {limit} bytes")]
    TooLarge {
        /// The largest that is allowed, in bytes.
        limit: usize,
    },
    /// More callbacks than one action can have.
    #[error("{count} callbacks are set up for this, {limit} are the most; disable some")]
    TooMany {
        /// How many there are.
        count: usize,
        /// The most.
        limit: usize,
    },
    /// The log can't be written to now.
    #[error("the service can't take questions now")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}
