//! What can go wrong, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a broker could not be started, stopped or asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A number of nodes that makes no cluster for tests.
    #[error("settings.nodes is {0}; it must be 1 or 3")]
    Nodes(u16),
    /// Nodes are named by number.
    #[error("there is no node {node}; nodes are 1 to {nodes}")]
    NoSuchNode {
        /// The node asked for.
        node: u16,
        /// How many there are.
        nodes: u16,
    },
    /// The ports after the first one are needed too.
    #[error("settings.port is {port}; {nodes} nodes need as many ports, up to 65535")]
    Port {
        /// The first port.
        port: u16,
        /// How many nodes.
        nodes: u16,
    },
    /// The data folder was made for another cluster.
    #[error("{} holds a cluster of {found} nodes, not of {wanted}; take another folder", folder.display())]
    OtherCluster {
        /// The data folder.
        folder: PathBuf,
        /// How many nodes it has.
        found: u16,
        /// How many were asked for.
        wanted: u16,
    },
    /// Java or the jars are missing.
    #[error("no Apache Kafka here: {0}")]
    Unavailable(String),
    /// All ports that may be used are taken.
    #[error("no free port on 127.0.0.1 between {from} and {to}")]
    NoPort {
        /// The first one tried.
        from: u16,
        /// The one after the last.
        to: u16,
    },
    /// A certificate could not be made.
    #[error("can't make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The operating system refused something about a file.
    #[error("can't use {}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program could not be run.
    #[error("can't run {program}: {source}")]
    Run {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The storage of a node was not formatted.
    #[error("formatting the storage of node {node} failed: {said}")]
    Format {
        /// The node.
        node: u16,
        /// What the tool said.
        said: String,
    },
    /// A node ended by itself.
    #[error("node {node} ended while it was starting; its last lines are:\n{lines}")]
    Ended {
        /// The node.
        node: u16,
        /// The end of its log.
        lines: String,
    },
    /// A node is there but does not answer.
    #[error("node {node} was not ready within {waited:?}; its last lines are:\n{lines}")]
    NotReady {
        /// The node.
        node: u16,
        /// How long it was waited for.
        waited: Duration,
        /// The end of its log.
        lines: String,
    },
    /// The node does not run.
    #[error("node {0} does not run; restart it first")]
    NotRunning(u16),
}

/// Names the file in what the system said about it.
pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::File {
        path: path.to_owned(),
        source,
    }
}

/// Names the program in what the system said about it.
pub(crate) fn run(program: impl ToString) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Run {
        program: program.to_string(),
        source,
    }
}
