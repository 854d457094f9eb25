//! Registry files: triggers and subscriptions as text that lives in version
//! control, and what has to be done to bring a running service to them.
//!
//! A file is TOML or JSON with the lists `triggers` and `subscriptions`, in the
//! field names of the HTTP API. Subscriptions are found by trigger and name. A
//! credential is a literal, `env:NAME` or `file:PATH`. What is not in the file is
//! left alone. Nothing here speaks HTTP: [`plan`] works on what the API shows,
//! and its actions are for the caller to carry out.

mod keys;
mod parse;
mod plan;
mod problem;

pub use parse::{Format, RegistryFile, SecretRef, Subscribed, load, parse};
pub use plan::{Action, Change, Current, PlanError, Target, plan};
pub use problem::{FileError, Problem};
