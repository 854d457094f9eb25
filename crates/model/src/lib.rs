//! The completion protocol as a model: requests, attempts, callbacks, the deadline,
//! rebalances and crashes, each possible at every moment, all orders of them tried.
//!
//! The names are those of the core, and the fold is the core's: a step of the model that
//! reads a record calls `triggerfish_core::apply` and checks it by `check_step`. What is
//! modelled here is what stands around the fold: who owns the partition, what is committed
//! together, what is saved when, and what is lost with a process.
//!
//! Start with [`state`] (what there is), then [`step`] (what can happen), then
//! [`property`] (what must always hold). [`Rule`] names what the protocol rests on; a model
//! without one of them must be found out.
//!
//! Nothing here runs in the service, and nothing here does I/O.

pub mod log;
pub mod property;
mod protocol;
pub mod record;
pub mod rule;
pub mod state;
pub mod step;
pub mod view;

pub use log::Log;
pub use protocol::{Limits, Protocol};
pub use record::{Clock, Record, Reply};
pub use rule::Rule;
pub use state::{Completion, Group, Memory, State, Transaction, Worker};
pub use step::Step;
pub use view::View;
