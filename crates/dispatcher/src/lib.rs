//! The dispatcher: calls subscribers and reports what came of it.
//!
//! Reading the log never waits for a subscriber: calls that are owed queue per
//! subscription, a bounded number in memory and the rest in the views. The
//! scheduler decides which call is next and does no I/O; `call` makes one.
//! Nothing here decides what an answer means for an invocation: that is the fold's.
//!
//! Start with [`Dispatcher`], then `scheduler`.

mod call;
mod flood;
mod lane;
mod report;
mod role;
mod scheduler;
mod spilled;
#[cfg(test)]
mod tests;

pub use call::{CallSettings, Calls};
pub use role::{Dispatcher, Settings};
pub use scheduler::Limits;
