//! Registry files: triggers, subscriptions, object types and callbacks as text that
//! lives in version control, and what has to be done to bring a running service to
//! them.
//!
//! A file is TOML or JSON with the lists `triggers`, `subscriptions`, `objectTypes`
//! and `callbacks`, in the field names of the HTTP API. Subscriptions are found by
//! trigger and name, callbacks by object type, timing and name. A credential is a literal, `env:NAME` or `file:PATH`. What is not in the file is
//! left alone. Nothing here speaks HTTP: [`plan`] works on what the API shows,
//! and its actions are for the caller to carry out.

mod keys;
mod parse;
mod parse_callbacks;
mod plan;
mod plan_callbacks;
mod problem;

pub use parse::{Format, RegistryFile, SecretRef, Subscribed, load, parse};
pub use parse_callbacks::CalledBack;
pub use plan::{Action, Answers, Change, Current, PlanError, Target, plan};
pub use plan_callbacks::CallbackShown;
pub use problem::{FileError, Problem};
