//! Seeds, the faults that they must find, and the log that they run on.

mod conformance;
mod determinism;
mod faults;
mod runner;
mod seeds;
