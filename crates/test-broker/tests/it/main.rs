//! Clusters as tests use them, driven by Kafka's own console tools.

mod cluster;
mod console;
mod program;
mod secured;
