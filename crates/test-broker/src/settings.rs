//! What a cluster is to be like.

use std::path::PathBuf;

/// How to start a cluster. The default is one node on a free port in a temporary folder.
#[derive(Clone, Debug)]
pub struct Settings {
    /// One, or three. Three keep every record on three nodes and acknowledge it on two.
    pub nodes: u16,
    /// Adds a listener with TLS and SASL/SCRAM beside the open one.
    pub secured: bool,
    /// Properties of every broker; they win over those that this crate sets.
    pub broker_properties: Vec<(String, String)>,
    /// The open port of node 1; node 2 has the next one. Free ports where there is none.
    pub port: Option<u16>,
    /// Where records are kept and found again. A temporary folder where there is none.
    pub data: Option<PathBuf>,
    /// It runs for longer than tests do: Java compiles thoroughly what is used much, which
    /// makes the first minute slower and all that comes after it faster.
    pub is_lasting: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nodes: 1,
            secured: false,
            broker_properties: Vec::new(),
            port: None,
            data: None,
            is_lasting: false,
        }
    }
}
