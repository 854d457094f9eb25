//! The registry: triggers, subscriptions, object types, callbacks and API clients,
//! kept as records of one compacted topic and followed by every process.
//!
//! Whoever only reads takes a [`Snapshot`]: immutable, compiled, free to hold.
//! Whoever changes something calls [`Registry`], which decides on the newest
//! state, appends, and shows the change before it returns. What is decided is
//! pure (`decide`, `settings`), and so is what the records mean (`fold`).
//!
//! A credential leaves this crate only inside a [`CompiledSubscription`] or
//! [`CompiledCallback`]; in the topic it is sealed. Start reading at [`Registry`].

mod callback;
mod catalogue;
mod client;
mod credentials;
mod decide;
mod effort;
mod error;
pub mod file;
mod filters;
mod fold;
mod follower;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod limits;
mod model;
mod object_type;
mod record;
mod registry;
mod schema;
mod seal;
mod settings;
mod snapshot;
mod subscription;
#[cfg(test)]
mod tests;
mod trigger;

pub use callback::{CallbackReplacement, CallbackSettings, CompiledCallback, NewCallback};
pub use error::{ChangeError, OpenError};
pub use follower::Condition;
pub use limits::{Limits, UrlCheck};
pub use model::{Client, Growth, NewSubscription, Replacement, Settings};
pub use object_type::CompiledObjectType;
pub use registry::Registry;
pub use schema::{CompiledSchema, SchemaError, SchemaViolation};
pub use snapshot::Snapshot;
pub use subscription::{CompiledSubscription, Fault};
pub use trigger::{CompiledTrigger, TriggerSource, is_trigger_id};
