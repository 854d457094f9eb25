//! The completion-consumer: owns the status view, watches deadlines, and emits
//! completions, each in one commit with the position that caused it.
//!
//! [`CompletionConsumer`] is its part in the loop, [`Status`] answers the API from
//! the views of this process.

mod readers;
mod role;
mod status;

pub use role::CompletionConsumer;
pub use status::Status;
