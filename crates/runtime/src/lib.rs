//! The loop that every service runs over the invocation log: own partitions,
//! restore their views, fold records, commit, save, act, drain.
//!
//! One [`Worker`] runs one session; the roles it was given share its fold, and each
//! carries out its own kind of effect. The order that everything rests on: commit
//! to the log first, save the view second (invariant I4); act on nothing that has
//! not been read from the log (I7).
//!
//! Start with [`Role`], then `worker` and `crew`.

mod asking;
mod clock;
mod crew;
mod dead_letter;
mod disk;
#[cfg(feature = "faults")]
pub mod faults;
mod fold;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod observer;
mod owned;
mod pulse;
mod restore;
mod role;
mod settings;
mod tally;
mod tenure;
#[cfg(feature = "testing")]
pub mod testing;
mod topics;
pub mod verify;
mod watchdog;
mod worker;

pub use clock::{Clock, SystemClock};
pub use dead_letter::{DeadLetter, EVENT_TIME, IDENTITY, cut_dead_letter, dead_letter};
pub use disk::{Disk, Work};
pub use handle::{Handle, NotOwned, PartitionStatus};
pub use observer::{Observer, observation_record};
pub use role::{Role, Views};
pub use settings::{Error, WorkerSettings};
pub use tally::Tally;
pub use tenure::{Tenures, unless_any_released, unless_released};
pub use topics::{Retention, Topics};
pub use watchdog::{Lookout, Stall};
pub use worker::Worker;
