//! The bytes: how observations, states, upstream events and completions look
//! outside the process.
//!
//! [`envelope`] is the format of the invocation log, [`state`] that of the view,
//! [`event`] and [`cloudevents`] what upstream producers may send, [`completion`]
//! and [`decision`] what goes out, [`peer`] what processes ask each other.
//! Payloads are raw bytes throughout: nothing here parses and prints them again.

pub mod action;
pub mod cloudevents;
pub mod completion;
pub mod decision;
mod enums;
pub mod envelope;
pub mod event;
pub mod peer;
pub mod state;
pub mod traceparent;

#[expect(unreachable_pub, clippy::pedantic, reason = "generated from proto/")]
mod v1 {
    include!(concat!(env!("OUT_DIR"), "/triggerfish.v1.rs"));
}

/// Why bytes could not be read. The record they came from belongs to dead-letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not protobuf, or not of this shape.
    #[error("not a readable protobuf message: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// Written by a newer Triggerfish.
    #[error(
        "written in format version {found}; this version reads up to {known}: upgrade the readers first"
    )]
    Version {
        /// The version found.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// A field that must be there is missing or out of range.
    #[error("field {0} is missing or not valid")]
    Field(&'static str),
}
