//! The domain of Triggerfish: what an invocation is, what can be observed about
//! one, and what follows from that.
//!
//! Nothing here does I/O, reads a clock or draws a random number: times, entropy
//! and configuration are arguments. That is what lets every service run the same
//! fold over the same log and come to the same result, and lets a test run it a
//! million times a second.
//!
//! Start with [`observation`] (what the log holds), then [`apply()`] (what it
//! means), then [`invariant`] (what must always hold).

pub mod action;
pub mod apply;
pub mod breaker;
pub mod callback;
pub mod deadline;
pub mod effect;
pub mod fan_out;
pub mod id;
pub mod invariant;
pub mod invocation;
pub mod keys;
pub mod observation;
pub mod retry;
pub mod secret;
pub mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod trigger;

pub use action::{ActionRequest, ActionState, Member, Part};
pub use apply::{Ignored, Seen, Step, apply};
pub use callback::{Action, Callback, FailurePolicy, ObjectType, Timing};
pub use effect::{Effect, owed};
pub use id::{EventIdentity, InvocationId, InvocationKey, SubscriptionId};
pub use invocation::{Called, Closing, Invocation, Outcome, Phase};
pub use observation::{
    AttemptReport, CompletionReport, Excerpt, Failure, FailureKind, Observation, Reply, Request,
};
pub use retry::RetryPolicy;
pub use secret::Secret;
pub use subscription::Subscription;
pub use time::Timestamp;
pub use trigger::{Mode, Origin, Trigger, TriggerType};
