//! The built program, as people and scripts run it.

mod demo;
mod help;
mod journey;
mod program;
mod refusals;
mod service;
mod subscriber;
mod tail;
