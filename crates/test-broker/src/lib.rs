//! A real Apache Kafka without Docker: one node or three, on free ports of the loopback.
//!
//! The jars come from Maven Central, once, into `target/kafka-4.2.2`, which all
//! processes share; `java` (17 or newer) and `mvn` are all that a machine needs. No
//! broker outlives the process that started it, however that process ends.
//!
//! Start with [`Cluster::start`], or with [`shared`] where one broker is enough for a
//! whole test binary. [`required_or_skip`] stands at the begin of a test:
//!
//! ```no_run
//! # use triggerfish_test_broker::{required_or_skip, shared, tool};
//! if !required_or_skip("topics on a broker") {
//!     return;
//! }
//! let broker = shared();
//! let list = ["--bootstrap-server", &broker.bootstrap(), "--list"];
//! broker.tool(tool::TOPICS, &list).status().unwrap();
//! ```
//!
//! This crate is for tests and developers; nothing that is shipped may depend on it.

mod cluster;
mod error;
mod folder;
mod installation;
mod jars;
mod node;
mod ports;
mod properties;
mod ready;
mod secured;
mod settings;
pub mod tool;
mod watched;

use std::sync::OnceLock;

pub use cluster::Cluster;
pub use error::Error;
pub use installation::{available, required_or_skip};
pub use secured::Secured;
pub use settings::Settings;

/// The release of Apache Kafka that is run.
pub const KAFKA: &str = "4.2.2";

/// The one-node cluster of this process, started by whoever asks first.
///
/// # Panics
/// If it can't be started; ask [`required_or_skip`] first.
pub fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| match Cluster::start(Settings::default()) {
        Ok(cluster) => cluster,
        Err(error) => panic!("the broker of this process can't be started: {error}"),
    })
}
