//! The log in one process: every topic in one store in one folder, no broker, nothing to install.
//!
//! One thread writes. It takes everything that waits, makes one batch of it for each partition,
//! writes all of them and all positions as one group, flushes once, and only then shows the
//! records to readers and acknowledges them. Readers are served from the newest batches in
//! memory, or from the store where they lag.
//!
//! Nothing is acknowledged or readable before it is on disk. When the store can no longer vouch
//! for that, the log closes and says so; it never goes on by guessing. Start reading at
//! [`EmbeddedLog`], then `writer`.

mod appender;
mod balance;
mod batch;
mod cleanup;
mod engine;
mod fetch;
mod folder;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod groups;
mod intake;
mod keys;
mod options;
mod reader;
mod session;
mod store;
mod topics;
mod torn_tail;
mod writer;

pub use appender::EmbeddedAppender;
pub use cleanup::CleanedUp;
pub use engine::EmbeddedLog;
pub use options::{EmbeddedOptions, OpenError};
pub use reader::EmbeddedReader;
pub use session::EmbeddedSession;
