//! Nodes that belong together, and what can be done to them.

use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::folder::Folder;
use crate::installation::{self, Installation};
use crate::node::Node;
use crate::properties::{self, Ports};
use crate::{Error, Secured, Settings, error, tool};

/// Between choosing a free port and using it somebody else may take it.
const TRIES: usize = 4;
const PORT_TAKEN: &str = "Address already in use";

/// A running cluster; ends with this value, and with the process at the latest.
///
/// Nodes are named by their number, from 1.
#[derive(Debug)]
pub struct Cluster {
    installation: &'static Installation,
    settings: Settings,
    ports: Vec<Ports>,
    secured: Option<Secured>,
    nodes: Vec<Mutex<Node>>,
    // The last field: it is swept away when the nodes have ended.
    folder: Folder,
}

impl Cluster {
    /// Starts a cluster and waits until clients can use it.
    pub fn start(settings: Settings) -> Result<Self, Error> {
        if ![1, 3].contains(&settings.nodes) {
            return Err(Error::Nodes(settings.nodes));
        }
        let installation = installation::find().map_err(Error::Unavailable)?;
        let folder = Folder::make(settings.data.clone())?;
        let nodes = (1..=settings.nodes).map(|id| Mutex::new(Node::new(id, folder.path())));
        let mut cluster = Self {
            installation,
            ports: Ports::choose(&settings)?,
            secured: None,
            nodes: nodes.collect(),
            folder,
            settings,
        };
        cluster.configure()?;
        cluster.format()?;
        for _ in 1..TRIES {
            match cluster.start_all() {
                Err(Error::Ended { lines, .. })
                    if lines.contains(PORT_TAKEN) && cluster.settings.port.is_none() =>
                {
                    cluster.kill_all();
                    cluster.ports = Ports::choose(&cluster.settings)?;
                    cluster.configure()?;
                }
                result => return result.map(|()| cluster),
            }
        }
        cluster.start_all().map(|()| cluster)
    }

    /// Addresses of all nodes, for clients without TLS.
    pub fn bootstrap(&self) -> String {
        self.addresses(|ports| ports.plain)
    }

    /// How to come in by TLS and SASL/SCRAM, if that was asked for.
    pub fn secured(&self) -> Option<&Secured> {
        self.secured.as_ref()
    }

    /// Number of the process of a node.
    pub fn pid(&self, node: u16) -> Result<u32, Error> {
        self.node(node)?.pid()
    }

    /// What a node logs: warnings, errors, and what becomes of markers of transactions.
    pub fn log_file(&self, node: u16) -> Result<PathBuf, Error> {
        Ok(self.node(node)?.log_file())
    }

    /// Ends a node by SIGKILL.
    pub fn kill(&self, node: u16) -> Result<(), Error> {
        self.node(node)?.kill();
        Ok(())
    }

    /// Ends a node in order, as an upgrade does: it hands over what it leads.
    pub fn stop(&self, node: u16) -> Result<(), Error> {
        self.node(node)?.stop();
        Ok(())
    }

    /// Starts a node again, with its records and at its ports, and waits until it is ready.
    /// One that still runs is killed first.
    pub fn restart(&self, node: u16) -> Result<(), Error> {
        let mut locked = self.node(node)?;
        locked.kill();
        locked.start(self.java(), self.heap())?;
        let port = self.ports[usize::from(node) - 1].plain;
        locked.wait(port, &[])
    }

    /// Freezes a node by SIGSTOP.
    pub fn pause(&self, node: u16) -> Result<(), Error> {
        self.signal(node, "STOP")
    }

    /// Lets a frozen node go on.
    pub fn resume(&self, node: u16) -> Result<(), Error> {
        self.signal(node, "CONT")
    }

    /// A command that runs one of Kafka's own tools; see [`tool`](crate::tool) for classes.
    pub fn tool(&self, class: &str, arguments: &[&str]) -> Command {
        let mut command = tool::of(self.installation, class);
        command.args(arguments);
        command
    }

    /// Ends all nodes in order, those of a quorum together.
    pub fn end(self) {
        thread::scope(|scope| {
            for node in &self.nodes {
                scope.spawn(|| lock(node).stop());
            }
        });
    }

    fn node(&self, node: u16) -> Result<MutexGuard<'_, Node>, Error> {
        let index = usize::from(node).checked_sub(1);
        let found = index.and_then(|index| self.nodes.get(index));
        found.map(lock).ok_or(Error::NoSuchNode {
            node,
            nodes: self.settings.nodes,
        })
    }

    fn configure(&mut self) -> Result<(), Error> {
        let shared = self.folder.path();
        if self.settings.secured {
            let bootstrap = self.addresses(|ports| ports.secured);
            self.secured = Some(Secured::make(shared, bootstrap)?);
        }
        for node in &self.nodes {
            let node = lock(node);
            let records = node.records();
            let text = properties::broker(&self.settings, node.id, &self.ports, &records, shared);
            node.configure(&text)?;
        }
        Ok(())
    }

    /// Formats the storage of all nodes, unless it is there from an earlier time.
    fn format(&self) -> Result<(), Error> {
        let formatted = |id| Node::new(id, self.folder.path()).is_formatted();
        let found = (1..=3).take_while(|id| formatted(*id)).count();
        let found = u16::try_from(found).expect("at most three");
        if found == self.settings.nodes {
            return Ok(());
        }
        if found > 0 {
            return Err(Error::OtherCluster {
                folder: self.folder.path().to_owned(),
                found,
                wanted: self.settings.nodes,
            });
        }
        let cluster = cluster_id();
        let format =
            |node| lock(node).format(self.installation.java(), &cluster, self.settings.secured);
        thread::scope(|scope| {
            let running = self.nodes.iter().map(|node| scope.spawn(|| format(node)));
            let running: Vec<_> = running.collect();
            let mut results = running.into_iter().map(thread::ScopedJoinHandle::join);
            results.try_for_each(|result| result.expect("formatting does not panic"))
        })
    }

    /// Starts all nodes and waits until each of them sees all.
    fn start_all(&self) -> Result<(), Error> {
        for node in &self.nodes {
            lock(node).start(self.java(), self.heap())?;
        }
        let all: Vec<u16> = (1..=self.settings.nodes).collect();
        for (node, ports) in self.nodes.iter().zip(&self.ports) {
            lock(node).wait(ports.plain, &all)?;
        }
        Ok(())
    }

    fn kill_all(&self) {
        for node in &self.nodes {
            lock(node).kill();
        }
    }

    fn signal(&self, node: u16, signal: &str) -> Result<(), Error> {
        let pid = self.pid(node)?.to_string();
        let status = Command::new("kill").args(["-s", signal, &pid]).status();
        let status = status.map_err(error::run("kill"))?;
        if status.success() {
            Ok(())
        } else {
            Err(Error::NotRunning(node))
        }
    }

    fn addresses(&self, port: impl Fn(&Ports) -> u16) -> String {
        let addresses = self
            .ports
            .iter()
            .map(|ports| format!("127.0.0.1:{}", port(ports)));
        addresses.collect::<Vec<_>>().join(",")
    }

    /// Three brokers on one machine make do with less each.
    fn java(&self) -> Command {
        if self.settings.is_lasting {
            self.installation.lasting_java()
        } else {
            self.installation.java()
        }
    }

    fn heap(&self) -> &'static str {
        if self.settings.nodes == 1 {
            "-Xmx1g"
        } else {
            "-Xmx512m"
        }
    }
}

fn lock(node: &Mutex<Node>) -> MutexGuard<'_, Node> {
    node.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 16 bytes as Kafka writes them: 21 digits are part of its alphabet, and `A` ends it well.
fn cluster_id() -> String {
    let random = || RandomState::new().hash_one("cluster");
    format!("{:016x}{:05x}A", random(), random() & 0xf_ffff)
}
