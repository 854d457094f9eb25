//! The inputs that are kept.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Target;

/// One input and its file's name. A name that begins with `no-` is of what must be refused,
/// all others must be taken; `bug-` is what once broke something, and may be either.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
}

/// Where the inputs of a target are.
#[must_use]
pub fn folder(target: &Target) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    root.join(target.name)
}

/// The inputs of a target, in the order of their names.
///
/// # Errors
/// When they can't be read.
pub fn corpus(target: &Target) -> std::io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for file in fs::read_dir(folder(target))? {
        let file = file?;
        entries.push(Entry {
            name: file.file_name().to_string_lossy().into_owned(),
            bytes: fs::read(file.path())?,
        });
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}
