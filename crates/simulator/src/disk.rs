//! The disk of one host: slow by a seed, and now and then lost or set back.

use std::fs;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use parking_lot::Mutex;
use tokio::task::JoinError;
use triggerfish_runtime::{Disk, Work};

use crate::{
    chance::Chance,
    life::{Life, Seam},
};

/// The disk as one life of a process has it.
#[derive(Debug)]
pub(crate) struct SimDisk {
    life: Life,
    chance: Mutex<Chance>,
    /// Before and after the work, if the process may be killed there.
    seams: Option<(Seam, Seam)>,
}

impl SimDisk {
    /// What is saved on it takes as long as `chance` says.
    #[must_use]
    pub(crate) const fn new(life: Life, chance: Chance) -> Self {
        Self {
            life,
            chance: Mutex::new(chance),
            seams: Some((Seam::BeforeSave, Seam::AfterSave)),
        }
    }

    /// The same for what is only read.
    #[must_use]
    pub(crate) const fn for_reads(life: Life, chance: Chance) -> Self {
        Self {
            life,
            chance: Mutex::new(chance),
            seams: None,
        }
    }
}

impl Disk for SimDisk {
    fn work(&self, work: Work) -> Pin<Box<dyn Future<Output = Result<(), JoinError>> + Send>> {
        let (life, wait) = (self.life.clone(), self.chance.lock().millis(0..30));
        let seams = self.seams;
        Box::pin(async move {
            let waiting = async {
                life.well().await;
                tokio::time::sleep(wait).await;
                if let Some((before, _)) = seams {
                    life.pass(before).await;
                }
            };
            tokio::select! {
                biased;
                // What is kept for the work may be open nowhere else.
                () = life.over() => {
                    drop(work);
                    return std::future::pending().await;
                }
                () = waiting => work(),
            }
            if let Some((_, after)) = seams {
                life.pass(after).await;
            }
            Ok(())
        })
    }
}

/// What happens to the disk of a host whose process is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    None,
    /// Everything on it is gone.
    Lost,
    /// It comes back as it was when it was kept last.
    Older,
}

impl Mishap {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Lost => ", and its disk is lost",
            Self::Older => ", and its disk comes back older",
        }
    }
}

/// The folder of one host.
#[derive(Debug)]
pub(crate) struct Folder {
    now: PathBuf,
    kept: PathBuf,
}

impl Folder {
    /// The folder of this name below `root`.
    #[must_use]
    pub(crate) fn new(root: &Path, name: &str) -> Self {
        Self {
            now: root.join(name),
            kept: root.join(format!("{name}-kept")),
        }
    }

    /// Where it is.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.now
    }

    /// Keeps what is on it now. Nobody may have it open.
    pub(crate) fn keep(&self) -> io::Result<()> {
        remove(&self.kept)?;
        copy(&self.now, &self.kept)
    }

    /// Nobody may have it open.
    pub(crate) fn suffer(&self, mishap: Mishap) -> io::Result<()> {
        match mishap {
            Mishap::None => Ok(()),
            Mishap::Lost => remove(&self.now),
            Mishap::Older => {
                remove(&self.now)?;
                copy(&self.kept, &self.now)
            }
        }
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies a folder that may not be there.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    fs::create_dir_all(to)?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
