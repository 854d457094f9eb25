//! Where a cluster keeps its files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::watched::Watched;
use crate::{Error, error};

/// A folder, removed with this value or with the process if nobody asked to keep it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _sweeper: Option<Watched>,
}

impl Folder {
    /// `kept` if it is given, else one that goes away.
    pub(crate) fn make(kept: Option<PathBuf>) -> Result<Self, Error> {
        if let Some(path) = kept {
            fs::create_dir_all(&path).map_err(error::file(&path))?;
            let path = path.canonicalize().map_err(error::file(&path))?;
            return Ok(Self {
                path,
                _sweeper: None,
            });
        }
        let made = tempfile::Builder::new()
            .prefix("triggerfish-broker-")
            .tempdir()
            .map_err(error::file(&std::env::temp_dir()))?;
        let sweeper = Watched::sweeper(made.path().as_os_str())?;
        Ok(Self {
            path: made.keep(),
            _sweeper: Some(sweeper),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
