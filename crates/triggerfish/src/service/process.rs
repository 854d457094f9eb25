//! Who a process is: its name, its place on disk, its keys, its log.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;
use triggerfish_core::keys::ServerKeys;
use triggerfish_ops::config::{self, Config, MissingKey};

use super::log::AnyLog;
use super::plan::{Duty, Names};

/// On the embedded engine there is only one process.
const ONLY: &str = "all";
/// Keeps the name of a process that was given none.
const INSTANCE_FILE: &str = "instance";
/// Held as long as the process runs.
const LOCK_FILE: &str = "lock";

/// A process that is about to run its duties.
pub(crate) struct Process<'c> {
    pub(crate) config: &'c Config,
    pub(crate) duties: &'static [Duty],
    pub(crate) instance: String,
    pub(crate) keys: ServerKeys,
    pub(crate) log: AnyLog,
    /// Of the log, so that views are never used with another.
    pub(crate) cluster: String,
    _folder: Option<File>,
}

impl<'c> Process<'c> {
    /// Takes the data folder, finds the keys and opens the log.
    pub(crate) async fn open(config: &'c Config, duties: &'static [Duty]) -> anyhow::Result<Self> {
        let on_kafka = config.kafka.bootstrap_servers.is_some();
        anyhow::ensure!(
            on_kafka || duties == Duty::ALL,
            "one duty a process needs Kafka: set kafka.bootstrap_servers \
             (TRIGGERFISH_KAFKA__BOOTSTRAP_SERVERS), or run `triggerfish all`"
        );
        let data = &config.storage.data_dir;
        let (folder, instance) = if on_kafka {
            let folder = take(data)?;
            let named = config.kafka.instance.clone();
            (Some(folder), named.map_or_else(|| kept(data), Ok)?)
        } else {
            (None, ONLY.to_owned())
        };
        // Several processes have to make and verify the same secrets.
        let missing = if on_kafka {
            MissingKey::Refuse
        } else {
            MissingKey::MakeIn(data)
        };
        let keys = config::server_keys(&config.security, missing)?;
        let log = AnyLog::open(config, &instance).await?;
        let cluster = log.identity().await?;
        Ok(Self {
            config,
            duties,
            instance,
            keys,
            log,
            cluster,
            _folder: folder,
        })
    }

    pub(super) fn names(&self) -> Names<'_> {
        Names {
            prefix: &self.config.kafka.topic_prefix,
            instance: &self.instance,
        }
    }

    pub(super) fn has(&self, duty: Duty) -> bool {
        self.duties.contains(&duty)
    }
}

/// Makes the folder ours: two processes in one would be one member with two minds. The
/// embedded log locks its folder itself.
fn take(folder: &Path) -> anyhow::Result<File> {
    let shown = folder.display();
    std::fs::create_dir_all(folder).with_context(|| format!("can't make {shown}"))?;
    let path = folder.join(LOCK_FILE);
    let file = File::create(&path).with_context(|| format!("can't make {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "another process runs in {shown}: give each its own --data (storage.data_dir)"
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("can't lock {}", path.display()))
        }
    }
}

/// The name that this folder's process was given at its first start. It stays the same
/// across restarts, so that a restart takes its predecessor's place as a writer at once.
fn kept(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join(INSTANCE_FILE);
    match std::fs::read_to_string(&path) {
        Ok(name) if !name.trim().is_empty() => return Ok(name.trim().to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("can't read {}", path.display()));
        }
        _ => {}
    }
    let random = getrandom::u64().map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let name = format!("{random:016x}");
    std::fs::write(&path, &name).with_context(|| format!("can't write {}", path.display()))?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_once_and_a_folder_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let taken = take(folder.path()).unwrap();
        let name = kept(folder.path()).unwrap();
        assert_eq!(kept(folder.path()).unwrap(), name);
        let refused = take(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("storage.data_dir"), "{refused}");
        drop(taken);
        take(folder.path()).unwrap();
    }
}
