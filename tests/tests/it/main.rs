//! End-to-end tests: see the crate's own page for the harness.

mod architecture;
mod asyncapi;
mod bad_input;
mod callbacks;
mod callbacks_kept;
mod calls;
mod cloud_events;
mod compose;
mod console;
mod drain;
mod kafka;
mod kill;
mod load;
mod misbehaving;
mod modes;
mod ordered;
mod ordering;
mod outcomes;
mod process;
mod scene;
mod sdk;
mod secrets;
mod stack;
mod starts;
