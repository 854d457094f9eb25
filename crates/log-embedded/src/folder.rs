//! The folder itself: one process at a time, of one format.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::OpenError;

const FORMAT: &str = "triggerfish log, format 1";

/// A folder that is ours while this lives.
pub(crate) struct Folder {
    path: PathBuf,
    /// Released by the operating system when it is closed, however the process ends.
    _lock: File,
    /// Gone after the lock, for those who wait for it.
    held: watch::Sender<()>,
}

impl Folder {
    /// Makes the folder if it is not there, takes its lock and checks its format.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let io = |doing| {
            move |source| OpenError::Io {
                doing,
                folder: path.into(),
                source,
            }
        };
        fs::create_dir_all(path).map_err(io("make the folder"))?;
        refuse_foreign(path)?;
        let lock = lock(path)?;
        match fs::read_to_string(path.join("format")) {
            Ok(found) if found.trim_end() == FORMAT => {}
            Ok(found) => {
                let found = found.trim_end().to_owned();
                return Err(OpenError::Format {
                    folder: path.into(),
                    found,
                    expected: FORMAT,
                });
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                write_format(path).map_err(io("write the format file"))?;
            }
            Err(e) => return Err(io("read the format file")(e)),
        }
        Ok(Self {
            path: path.into(),
            _lock: lock,
            held: watch::Sender::new(()),
        })
    }

    /// Ends when the folder is given up.
    pub(crate) fn held(&self) -> watch::Receiver<()> {
        self.held.subscribe()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the store lies.
    pub(crate) fn store(&self) -> PathBuf {
        self.path.join("store")
    }
}

/// Anything in a folder without a format file that was not put there by an interrupted start.
fn refuse_foreign(path: &Path) -> Result<(), OpenError> {
    let io = |source| OpenError::Io {
        doing: "list the folder",
        folder: path.into(),
        source,
    };
    if path.join("format").exists() {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(io)? {
        let found = entry
            .map_err(io)?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if !matches!(found.as_str(), "lock" | "format.new") {
            return Err(OpenError::NotALog {
                folder: path.into(),
                found,
            });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let io = |source| OpenError::Io {
        doing: "open the lock file",
        folder: path.into(),
        source,
    };
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(path.join("lock"))
        .map_err(io)?;
    match lock_patiently(&file) {
        Ok(()) => {
            // For whoever is refused; the lock holds without it.
            let _ = file
                .set_len(0)
                .and_then(|()| write!(file, "{}", std::process::id()));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let known = file.read_to_string(&mut holder).is_ok() && !holder.is_empty();
            let by = if known {
                format!(" by process {holder}")
            } else {
                String::new()
            };
            Err(OpenError::Locked {
                folder: path.into(),
                by,
            })
        }
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

/// Takes the lock, waiting a moment for whoever is about to give it up: a process that
/// is ending, or a child of ours between its fork and its exec, which holds what we held.
fn lock_patiently(file: &File) -> Result<(), TryLockError> {
    const PATIENCE: Duration = Duration::from_millis(500);
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
}

/// Atomic, and on disk before the store is made beside it.
fn write_format(path: &Path) -> io::Result<()> {
    let new = path.join("format.new");
    let mut file = File::create(&new)?;
    writeln!(file, "{FORMAT}")?;
    file.sync_all()?;
    fs::rename(new, path.join("format"))?;
    File::open(path)?.sync_all()?;
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}
