//! Triggerfish as a process of its own, for what the load and the subscribers in this process
//! would distort: its memory, and who gets the sockets and the processor.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::Url;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child as ChildProcess, Command};
use triggerfish_core::Secret;

use super::{load, stage::Setting};
use crate::{
    args::ServiceUrl,
    client::{Client, Request},
};

/// How long it may take to begin, and to end.
const PATIENCE: Duration = Duration::from_mins(2);
const CLIENT_ID: &str = "bench";
const SAYS: &str = "listening on ";

/// A running process, ended at once when this is dropped.
pub(super) struct Child {
    process: ChildProcess,
    pid: u32,
    client: Client,
    http: reqwest::Client,
}

/// Memory of a process, in MiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// What it has now.
    pub(super) resident: f64,
    /// The most that it ever had.
    pub(super) peak: f64,
}

impl Child {
    /// Starts `triggerfish all` on `folder` with these settings and waits until it is ready.
    /// The folder is the caller's: on one that is known already it is a restart.
    pub(super) async fn start(folder: &Path, settings: &[Setting]) -> anyhow::Result<Self> {
        let secret = secret()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["all", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(folder).env_clear();
        command.env("TRIGGERFISH_DELIVERY__ALLOW_NETWORKS", "127.0.0.0/8");
        command.env("TRIGGERFISH_LOG__LEVEL", "error");
        command.env("TRIGGERFISH_CLIENT_ID", CLIENT_ID);
        command.env("TRIGGERFISH_CLIENT_SECRET", secret.expose());
        for (key, value) in settings {
            command.env(variable(key), value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.kill_on_drop(true).spawn()?;
        let pid = process.id().context("the service has ended")?;
        let out = process.stdout.take().context("the service has no output")?;
        let mut lines = BufReader::new(out).lines();
        let url = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix(SAYS) {
                    return anyhow::Ok(Url::parse(url)?);
                }
            }
            anyhow::bail!("the service ended before it listened")
        });
        let url = url.await.context("the service did not listen in time")??;
        let login = (CLIENT_ID.to_owned(), secret);
        let child = Self {
            process,
            pid,
            client: Client::open(&ServiceUrl { url }, Some(login))?,
            http: load::client()?,
        };
        let ready = tokio::time::timeout(PATIENCE, child.until_ready());
        ready.await.context("the service was not ready in time")?;
        Ok(child)
    }

    async fn until_ready(&self) {
        let path = ["health", "ready"];
        while self.client.call_openly(Request::get(&path)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// What it takes from the host's memory, told by the kernel.
    pub(super) fn memory(&self) -> anyhow::Result<Memory> {
        let path = format!("/proc/{}/status", self.pid);
        let status = std::fs::read_to_string(&path)
            .with_context(|| format!("can't read {path}; memory is told by Linux only"))?;
        Ok(Memory {
            resident: mebibytes(&status, "VmRSS:").context("no VmRSS")?,
            peak: mebibytes(&status, "VmHWM:").context("no VmHWM")?,
        })
    }

    /// The value of a metric, summed over its labels.
    pub(super) async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let url = self.client.url().join("metrics")?;
        let answer = self.http.get(url).send().await?.error_for_status()?;
        Ok(sum(&answer.text().await?, name))
    }

    /// Ends it as `kill -9` does.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Asks it to end, and waits until it has drained.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let mut kill = Command::new("kill");
        let asked = kill.args(["-TERM", &self.pid.to_string()]).status();
        ensure!(asked.await?.success(), "the service can't be asked to end");
        let ended = tokio::time::timeout(PATIENCE, self.process.wait());
        let status = ended.await.context("the service did not end in time")??;
        ensure!(status.success(), "the service ended with {status}");
        Ok(())
    }
}

/// The variable of a setting.
fn variable(key: &str) -> String {
    format!("TRIGGERFISH_{}", key.to_uppercase().replace('.', "__"))
}

fn secret() -> anyhow::Result<Secret> {
    let random = getrandom::u64().map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(Secret::new(format!("{random:032x}")))
}

/// A line such as `VmRSS:     1024 kB`.
fn mebibytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}

/// Lines such as `name{label="value"} 7`.
fn sum(metrics: &str, name: &str) -> f64 {
    let lines = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let is_whole = rest.starts_with([' ', '{']);
        is_whole.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
    });
    lines.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_and_the_service_say_is_understood() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1536 kB\n";
        assert_eq!(mebibytes(status, "VmRSS:"), Some(1.5));
        assert_eq!(mebibytes(status, "VmHWM:"), Some(2.0));
        assert_eq!(mebibytes(status, "VmSwap:"), None);
        let metrics =
            "# TYPE calls gauge\ncalls 3\ncalls_total{a=\"b c\"} 4\ncalls_total{a=\"d\"} 5\n";
        assert!((sum(metrics, "calls") - 3.0).abs() < 1e-9);
        assert!((sum(metrics, "calls_total") - 9.0).abs() < 1e-9);
        assert_eq!(
            variable("delivery.max_in_flight"),
            "TRIGGERFISH_DELIVERY__MAX_IN_FLIGHT"
        );
    }
}
