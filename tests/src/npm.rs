//! Packages from npm, which some tests are made with.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{binary::workspace, tool::run};

/// The folder `tests/<name>`, with exactly the packages of its lock file in
/// `node_modules`. They are installed where that is not so yet; scripts of packages are
/// never run.
///
/// # Errors
/// If there is no Node with npm, or no way to the packages.
pub fn installed(name: &str) -> Result<PathBuf, String> {
    let folder = workspace().join("tests").join(name);
    let modules = folder.join("node_modules");
    fs::create_dir_all(&modules).map_err(|error| said(&modules, &error))?;
    // One test installs at a time, in whichever process. The locked file is beside the
    // folder, which npm makes anew.
    let held = workspace().join("target").join(format!("npm-{name}.lock"));
    let file = File::create(&held).map_err(|error| said(&held, &error))?;
    file.lock().map_err(|error| said(&held, &error))?;
    let stamp = modules.join(".installed.json");
    let wanted = folder.join("package-lock.json");
    let wanted = fs::read(&wanted).map_err(|error| said(&wanted, &error))?;
    if fs::read(&stamp).is_ok_and(|known| known == wanted) {
        return run(Command::new("node").arg("--version")).map(|_| folder);
    }
    let quiet = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    run(Command::new("npm").current_dir(&folder).args(quiet))?;
    fs::write(&stamp, wanted).map_err(|error| said(&stamp, &error))?;
    Ok(folder)
}

fn said(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
