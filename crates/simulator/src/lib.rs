//! Runs the whole system in a simulated world, so that a seed stands for everything that
//! happens in it.
//!
//! The core, the loop, the roles, the intake, the views on sled and the registry are the
//! real ones; the log, the clock, the disk, the network, the subscribers and the platforms
//! are the world's. A plan, drawn from the seed, says what is handed in and what goes wrong:
//! processes die at chosen steps, stand still and go on, lose their disks; the log is slow,
//! fails, repeats; subscribers lie. While it runs and when it has come to rest, everything
//! is checked against the invariants of `triggerfish_core::invariant`.
//!
//! Only tests depend on this crate. Start with [`Plan`] (what happens), then `world` and `steps`
//! (how), then `check` (what must hold); how to run and replay seeds is in
//! `docs/ARCHITECTURE.md`.

mod cast;
mod chance;
mod check;
mod clients;
mod clock;
mod disk;
mod history;
mod host;
mod life;
mod listener;
mod log;
mod network;
mod peers;
mod plan;
mod process;
mod shrink;
mod signature;
mod steps;
mod words;
mod world;

pub use cast::Kind;
pub use chance::Chance;
pub use disk::Mishap;
pub use life::{Life, Seam};
pub use log::{NoWitness, SimAppender, SimLog, SimReader, SimSession, Weather, Witness};
pub use plan::{Layout, Plan, Step, What};
pub use shrink::shrink;
pub use world::{Report, run};

/// Makes what all worlds share, so that none has to within its time.
pub fn prepare() {
    let _ = cast::registry();
}
