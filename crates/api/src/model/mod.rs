//! The JSON shapes of the API (reference 5): what clients send and what they see.
//!
//! Shapes only. They hold no credentials on the way out, and JSON that belongs to
//! others travels through them byte for byte.

pub(crate) mod activity;
pub(crate) mod client;
pub(crate) mod invocation;
pub(crate) mod names;
pub(crate) mod overview;
pub(crate) mod raw;
pub(crate) mod status;
pub(crate) mod subscription;
pub(crate) mod trigger;
