//! The HTTP face of Triggerfish: the reference's operations with their exact
//! shapes, paths and codes, and what we add to them.
//!
//! It translates. It decides nothing about invocations, never touches the log, and
//! never shows a secret except the one that was just made for the caller.
//!
//! Start with [`ports`]: what it needs from the services behind it; then
//! [`router()`]: what it offers. What it does where the reference is silent is
//! listed in `docs/compatibility.md`.

mod activations;
mod activity;
mod auth;
mod body;
mod callbacks;
mod cause;
mod change;
mod clients;
mod collection;
mod complete;
mod dead_letters;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod ingress;
mod mask;
mod model;
mod object_events;
mod object_types;
mod openapi;
mod overview;
mod patch;
mod path;
pub mod ports;
mod rate_limit;
mod records;
mod resend;
mod router;
mod signing;
mod starts;
mod state;
mod status;
mod subscriptions;
mod timeline;
mod tracking;
mod triggers;
mod validate_filter;
mod workers;

pub use auth::{
    scope::{ALL_SCOPES, Scope, granted},
    signed_in::SignedIn,
};
pub use mask::SecretFields;
pub use openapi::document;
pub use router::router;
pub use state::{ApiState, Clock, RateLimit, Settings, SigningSecret};
