//! Any process answers: where a partition is served, and how its owner is asked.
//!
//! Every process says on the topic `workers` who it is and which partitions run in it
//! ([`Announcement`]), and follows what the others say. [`Peers`] asks the owner of a
//! partition: the loop of this process where it is the owner, else the owner by HTTP. An
//! owner that is away makes an answer [`Unavailable`], never one that is silently short.
//!
//! It decides nothing about invocations and appends nothing but announcements. What other
//! processes are told comes from the views of this one and from nowhere else.
//!
//! Start with [`join`], then `lookup` (one invocation) and `gather` (lists).
//!
//! [`Unavailable`]: triggerfish_api::ports::Unavailable

mod announcement;
mod announcer;
mod answers;
mod directory;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gather;
mod history;
mod join;
mod local;
mod lookup;
mod news;
mod pace;
mod partitions;
mod pass;
mod remote;
mod roster;
mod transport;
mod workers;

pub use announcement::{Announcement, Claim, OWNER};
pub use gather::{Gathered, Query};
pub use join::{Background, Error, Process, join, join_over};
pub use lookup::Peers;
pub use partitions::PartitionCount;
pub use transport::{Carried, Transport};
