//! What the HTTP layer needs from the services behind it.
//!
//! The producer implements [`Ingest`], the completion-consumer [`Invocations`], both
//! across all processes that serve the API. Nothing here
//! names HTTP: an implementation can be driven by a test or by Kafka as well.

mod dead_letters;
mod gate;
mod records;
mod timelines;
mod workers;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use triggerfish_core::{
    CompletionReport, Invocation, InvocationId, Origin, Secret, SubscriptionId, Timestamp,
};

pub use dead_letters::{
    DeadLetterView, DeadLetters, HeaderView, NotAPlace, Place, Redrive, RedriveResult,
};
pub use gate::{Ask, AskError, Asked, Gate};
pub use records::{Records, RecordsError, RecordsFrom, RecordsPage, RecordsQuery, TopicRecord};
pub use timelines::{Timeline, TimelineEntry, Timelines};
pub use workers::{Load, Worker, WorkerPartition, Workers};

/// Takes events in.
pub trait Ingest: Send + Sync + 'static {
    /// Validates the input, applies the filters, fans out and appends; returns
    /// when what was started is durable. An empty list means that nobody is
    /// subscribed, or no filter matched.
    fn start(&self, start: Start) -> BoxFuture<'_, Result<Vec<Started>, StartError>>;
}

/// An event to start invocations with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The trigger that fires.
    pub trigger_id: String,
    /// Its payload.
    pub input: StartInput,
    /// A JSON object that travels to the completion, byte for byte.
    pub content_json: Bytes,
    /// Test or real. A test also reaches disabled subscriptions.
    pub origin: Origin,
    /// Only these subscriptions; `None` means all of the trigger's.
    pub subscription_ids: Option<Vec<SubscriptionId>>,
    /// What makes it the same event when it comes twice.
    pub identity: StartIdentity,
    /// When it happened, by its own account.
    pub time: Option<Timestamp>,
    /// What its order is kept by.
    pub ordering_key: Option<String>,
    /// How many triggers are behind it in its chain of causes.
    pub depth: u32,
    /// W3C trace context of the cause.
    pub traceparent: Option<String>,
    /// What upstream calls it.
    pub event_id: Option<String>,
}

/// The payload of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartInput {
    /// JSON text, kept byte for byte.
    Json(Bytes),
    /// The trigger's own example.
    Example,
}

/// What makes two events the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartIdentity {
    /// Like no other.
    Unique,
    /// The same as any event with the same scope and key.
    Key {
        /// Who chose the key: an API client's id, or a `CloudEvents` source.
        scope: String,
        /// The key.
        key: String,
    },
}

/// One invocation that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its id.
    pub id: InvocationId,
    /// Its trigger.
    pub trigger_id: Arc<str>,
    /// What completes it.
    pub secret: Secret,
    /// The metadata it carries, byte for byte.
    pub content_json: Bytes,
    /// The subscription it is for.
    pub subscription_id: SubscriptionId,
}

/// Why an event was not taken. Nothing was started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// There is no such trigger.
    #[error("trigger {0:?} does not exist; list the triggers to see their ids")]
    UnknownTrigger(String),
    /// The payload does not fit the trigger's input schema; the text names the
    /// JSON pointer and the rule.
    #[error("input does not fit the trigger's input schema: {0}")]
    InvalidInput(String),
    /// A subscription was asked for that does not exist or is not the trigger's.
    #[error("subscription {0} is not a subscription of this trigger")]
    UnknownSubscription(SubscriptionId),
    /// The chain of causes is longer than allowed; probably a loop.
    #[error("the chain of causes is {depth} triggers deep, the limit is {limit}; look for a loop")]
    TooDeep {
        /// Depth of the event.
        depth: u32,
        /// The deepest that is allowed.
        limit: u32,
    },
    /// The same key came before with another event.
    #[error("the idempotency key was used before for another event; use a new key")]
    KeyReused,
    /// Payload and metadata together are too large.
    #[error("the event is larger than {limit} bytes")]
    TooLarge {
        /// The largest that is allowed, in bytes.
        limit: usize,
    },
    /// The log can't be written to now.
    #[error("the service can't take events now")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

/// Knows and completes invocations.
pub trait Invocations: Send + Sync + 'static {
    /// The invocation with this id, if it is known and kept.
    fn get(&self, id: InvocationId) -> BoxFuture<'_, Result<Option<Invocation>, Unavailable>>;

    /// Newest first; at most `limit` rows after filtering; open and
    /// closed. Never silently short: a part that can't be read is an error.
    fn list(&self, query: ListQuery) -> BoxFuture<'_, Result<Listing, Unavailable>>;

    /// Appends the report about an invocation that was found, whose secret has been
    /// verified, and says what the fold made of it.
    fn complete(
        &self,
        found: Invocation,
        report: CompletionReport,
    ) -> BoxFuture<'_, Result<Verdict, Unavailable>>;

    /// Events that are persisted and not yet worked through, by topic.
    fn pending(&self) -> BoxFuture<'_, Result<Vec<PendingCount>, Unavailable>>;
}

/// Which invocations to list. What is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Of this trigger.
    pub trigger_id: Option<String>,
    /// Of this subscription.
    pub subscription_id: Option<SubscriptionId>,
    /// This one.
    pub id: Option<InvocationId>,
    /// Only those without an outcome.
    pub open_only: bool,
    /// For each partition that is named, only those before this [`Invocation::place`].
    pub before: BTreeMap<u32, u64>,
    /// Open ones with the earliest deadlines, those first, in place of the newest.
    pub soonest: bool,
    /// The total need not be counted.
    pub without_total: bool,
    /// Rows at most.
    pub limit: usize,
}

/// Invocations that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Newest first by creation, or by deadline where that was asked for; but those of one
    /// partition in the order of its log, so that one can go on after any of them.
    pub invocations: Vec<Invocation>,
    /// How many there are without the limit.
    pub total: usize,
}

/// What the fold made of a completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It decided the outcome.
    Accepted,
    /// The same completion had decided the outcome before.
    Repeated,
    /// There is no such invocation.
    Unknown,
    /// Fire and forget owes no result.
    NothingOwed,
    /// Something else had decided the outcome before.
    AlreadyClosed {
        /// `COMPLETED`, `FAILED` or `EXPIRED`.
        outcome: &'static str,
    },
    /// It came after the deadline.
    AfterDeadline {
        /// The deadline.
        deadline: Timestamp,
    },
}

/// How many events of a topic wait to be worked through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCount {
    /// The topic.
    pub topic: String,
    /// Events persisted and not yet processed.
    pub count: u64,
}

/// The owner of what was asked for can't answer now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not available now: {reason}")]
pub struct Unavailable {
    /// When to try again.
    pub retry_after: Duration,
    /// Why, for the operator. Never holds a secret.
    pub reason: String,
}
