//! A disk that is full at will.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::Worker;

/// A disk for one process.
pub enum SmallDisk {
    /// A small file system in memory, mounted for as long as this lives.
    Mounted(TempDir),
    /// Where nothing may be mounted: no file of the process may grow.
    Limited,
}

impl SmallDisk {
    /// One of so many mebibytes.
    ///
    /// # Panics
    /// If there is no folder to be had.
    #[must_use]
    pub fn make(mebibytes: u32) -> Self {
        let folder = TempDir::new().expect("a folder can be made");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            Self::Mounted(folder)
        } else {
            Self::Limited
        }
    }

    /// What it is, for people.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mounted(_) => "a small tmpfs",
            Self::Limited => "RLIMIT_FSIZE, since nothing may be mounted here",
        }
    }

    /// What the system says when it is full.
    #[must_use]
    pub const fn complaint(&self) -> &'static str {
        match self {
            Self::Mounted(_) => "No space left on device",
            // The log lines are in a file too.
            Self::Limited => "",
        }
    }

    /// Puts it under a process that does not run yet.
    pub fn put_under(&self, worker: &mut Worker) {
        match self {
            Self::Mounted(folder) => worker.set_data(folder.path().join("data")),
            Self::Limited => worker.mind_limits(),
        }
    }

    /// Takes all room that is left.
    ///
    /// # Panics
    /// If the disk is not there.
    pub fn fill(&self, worker: &Worker) {
        let Some(filler) = self.filler() else {
            return worker.limit_files();
        };
        let mut file = File::create(filler).expect("a file on our own disk");
        for size in [1 << 16, 1 << 12, 1] {
            // The last write fails, as it shall.
            while file.write_all(&vec![0_u8; size]).is_ok() {}
        }
    }

    /// Gives it back. A limit ends with its process.
    pub fn make_room(&self) {
        if let Some(filler) = self.filler() {
            // There may be nothing to remove.
            drop(fs::remove_file(filler));
        }
    }

    fn filler(&self) -> Option<PathBuf> {
        match self {
            Self::Mounted(folder) => Some(folder.path().join("filler")),
            Self::Limited => None,
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Self::Mounted(folder) = self {
            // Lazily: a process that is just ending may have files open.
            drop(Command::new("umount").arg("-l").arg(folder.path()).status());
        }
    }
}
