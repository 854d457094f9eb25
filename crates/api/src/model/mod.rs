//! The JSON shapes of the API (reference 5): what clients send and what they see.
//!
//! Shapes only. They hold no credentials on the way out, and JSON that belongs to
//! others travels through them byte for byte.

pub(crate) mod action;
pub(crate) mod activation;
pub(crate) mod activity;
pub(crate) mod callback;
pub(crate) mod client;
pub(crate) mod invocation;
pub(crate) mod names;
pub(crate) mod object_type;
pub(crate) mod overview;
pub(crate) mod raw;
pub(crate) mod status;
pub(crate) mod subscription;
pub(crate) mod trigger;

/// Writes a value as its text.
fn text<S: serde::Serializer>(
    value: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
