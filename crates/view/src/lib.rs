//! The view: the state of one partition of the invocation log, on sled.
//!
//! It is derived from the log and can be rebuilt from it at any time, so it trades
//! durability for speed: changes are staged in memory and saved behind the log, one
//! atomic sled batch per save. It may come back older after a crash, never torn and
//! never newer than the log. It never reads a clock: what is kept, and for how long,
//! follows from the times in the records, so that a rebuilt view equals the live one.
//!
//! One writer ([`View`], owned by the partition's loop), many readers ([`Snapshot`]).
//! Start with [`View`]; how things lie on disk is told in `layout`.

mod batch;
mod blocks;
mod calls;
mod deadlines;
mod digest;
mod error;
mod evict;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod kept;
mod keys;
mod layout;
mod lists;
mod meta;
mod rebuild;
mod repeats;
mod row;
mod save;
mod snapshot;
mod staged;
mod store;
mod view;

pub use calls::CallCursor;
pub use error::Error;
pub use identity::{LogIdentity, Opened, Settings, WipeReason};
pub use meta::Counts;
pub use rebuild::RebuildStart;
pub use row::KeyHash;
pub use save::{Save, Saved};
pub use snapshot::{Filter, Snapshot};
pub use view::View;
