//! Triggerfish on a real Kafka: many processes of each role, things that break, and a
//! ledger of what must come out in the end.
//!
//! [`Installation`] is the brokers and the processes; [`Upstream`] and [`Reader`] are
//! upstream and downstream by Kafka's own clients; [`Load`] sends events and keeps what
//! was accepted; [`check`] compares it with what the reader saw.

mod check;
mod disk;
mod doors;
mod events;
mod faults;
mod installation;
mod load;
mod reader;
mod subscribers;
mod table;
mod upstream;
mod worker;

pub use check::{Findings, check, completed, longest_silence};
pub use disk::SmallDisk;
pub use doors::Doors;
pub use events::{Mode, content, input, output};
pub use faults::{Fault, Faults, Kind};
pub use installation::{Brokers, Installation};
pub use load::{Ledger, Load};
pub use reader::{Reader, Seen};
pub use subscribers::Subscribers;
pub use table::Table;
pub use upstream::{Event, Upstream};
pub use worker::{Role, Worker};
