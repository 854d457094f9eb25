//! One broker: its storage, its process, and whether it is ready.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::watched::Watched;
use crate::{Error, error, ready, secured};

/// A broker is ready in two seconds, on a machine under load in ten.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(20);
const LAST_LINES: usize = 20;

/// A node, running or not.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: u16,
    folder: PathBuf,
    running: Option<Watched>,
}

impl Node {
    /// The node of this number below `cluster`; nothing happens yet.
    pub(crate) fn new(id: u16, cluster: &Path) -> Self {
        Self {
            id,
            folder: cluster.join(format!("node-{id}")),
            running: None,
        }
    }

    pub(crate) fn records(&self) -> PathBuf {
        self.folder.join("records")
    }

    pub(crate) fn is_formatted(&self) -> bool {
        self.records().join("meta.properties").exists()
    }

    pub(crate) fn pid(&self) -> Result<u32, Error> {
        let running = self.running.as_ref();
        running.map(Watched::pid).ok_or(Error::NotRunning(self.id))
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, properties: &str) -> Result<(), Error> {
        fs::create_dir_all(&self.folder).map_err(error::file(&self.folder))?;
        let file = self.properties();
        fs::write(&file, properties).map_err(error::file(&file))
    }

    /// Makes the storage part of the cluster with this id.
    pub(crate) fn format(&self, mut java: Command, cluster: &str, user: bool) -> Result<(), Error> {
        java.args(["kafka.tools.StorageTool", "format"])
            .args(["--cluster-id", cluster, "--config"])
            .arg(self.properties());
        if user {
            java.args(["--add-scram", &secured::user()]);
        }
        let output = java.output().map_err(error::run("java"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::Format {
            node: self.id,
            said: said(&output),
        })
    }

    /// Starts the process; an earlier one must have ended.
    pub(crate) fn start(&mut self, mut java: Command, heap: &str) -> Result<(), Error> {
        let log = self.log_file();
        let lines = OpenOptions::new().create(true).append(true).open(&log);
        let lines = lines.map_err(error::file(&log))?;
        let errors = lines.try_clone().map_err(error::file(&log))?;
        java.args([heap, "kafka.Kafka"]).arg(self.properties());
        let running = Watched::start(&java, Stdio::from(lines), Stdio::from(errors))?;
        self.running = Some(running);
        Ok(())
    }

    /// Waits until the broker at `port` is in service and sees `others` in service too.
    pub(crate) fn wait(&mut self, port: u16, others: &[u16]) -> Result<(), Error> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if ready::nodes(port).is_ok_and(|seen| {
                let mut needed = others.iter().chain([&self.id]);
                needed.all(|id| seen.contains(&i32::from(*id)))
            }) {
                return Ok(());
            }
            let running = self.running.as_mut().ok_or(Error::NotRunning(self.id))?;
            if running.has_ended() {
                self.running = None;
                return Err(Error::Ended {
                    node: self.id,
                    lines: self.last_lines(),
                });
            }
            thread::sleep(PAUSE);
        }
        Err(Error::NotReady {
            node: self.id,
            waited: PATIENCE,
            lines: self.last_lines(),
        })
    }

    /// Ends the process at once.
    pub(crate) fn kill(&mut self) {
        drop(self.running.take());
    }

    /// Lets the process end in order.
    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }

    fn properties(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.folder.join("broker.txt")
    }

    fn last_lines(&self) -> String {
        let text = fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}
