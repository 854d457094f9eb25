//! What every process of Triggerfish needs to be run by people: settings, logs,
//! metrics, health, and an orderly end.
//!
//! Nothing here knows what an invocation means beyond the labels it is counted
//! under, and nothing here names a log engine. Metrics are named here and nowhere
//! else; settings are read here and nowhere else.
//!
//! Start with [`config`] (every key, its default and its checks), then
//! [`shutdown`] (how a process ends), then [`metrics`] (what can be watched).

pub mod admin;
pub mod build_info;
pub mod config;
pub mod health;
pub mod metrics;
pub mod open_files;
pub mod shutdown;
pub mod telemetry;
pub mod violation;
