//! Bytes from outside against everything that reads them: decoders, the filter, the files
//! of settings and of the registry, patches, cookies and passes.
//!
//! A [`Target`] takes any bytes and says whether they were taken; what it must never do is
//! panic, and it panics by itself where a property does not hold: what was read is written
//! and read back the same, a refusal names the place and no secret, work has a bound.
//!
//! `cargo test` replays the corpus and then changes it at random for a moment ([`run`],
//! `mutate`), the same each time; `guided.sh` lets libFuzzer look for as long as one likes.
//! Nothing here is shipped.

mod corpus;
mod mutate;
mod parts;
pub mod run;
mod seeds;
pub mod target;

pub use corpus::{Entry, corpus, folder};
pub use target::{TARGETS, Target};
