//! Kafka's jars: fetched once by Maven into a folder that all processes share.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::KAFKA;

const POM: &str = include_str!("../pom.xml");
/// The copy of [`POM`] beside the jars says what they were fetched by.
const POM_FILE: &str = "pom.xml";

/// The folder with the jars.
pub(crate) fn fetched() -> Result<PathBuf, String> {
    let target = target();
    let folder = target.join(format!("kafka-{KAFKA}"));
    if is_there(&folder) {
        return Ok(folder);
    }
    fs::create_dir_all(&target).map_err(said_of(&target))?;
    let lock = target.join(format!("kafka-{KAFKA}.lock"));
    let guard = File::create(&lock).map_err(said_of(&lock))?;
    guard.lock().map_err(said_of(&lock))?;
    // Another process may have fetched them while this one waited.
    if !is_there(&folder) {
        fetch(&target, &folder)?;
    }
    Ok(folder)
}

fn target() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|target| !target.is_empty());
    workspace.join(target.map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

fn is_there(folder: &Path) -> bool {
    fs::read_to_string(folder.join(POM_FILE)).is_ok_and(|pom| pom == POM)
}

/// A folder that is there is whole: it gets its name when everything is in it.
fn fetch(target: &Path, folder: &Path) -> Result<(), String> {
    let made = tempfile::tempdir_in(target).map_err(said_of(target))?;
    let pom = made.path().join(POM_FILE);
    fs::write(&pom, POM).map_err(said_of(&pom))?;
    let output = Command::new("mvn")
        .args(["--quiet", "--batch-mode", "--file"])
        .arg(&pom)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", made.path().display()))
        .arg("-DincludeScope=runtime")
        .output()
        .map_err(|error| format!("mvn: {error}; install Apache Maven"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        return Err(format!("mvn can't fetch Kafka's jars: {}", said.trim()));
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(said_of(folder)(error)),
        _ => fs::rename(made.keep(), folder).map_err(said_of(folder)),
    }
}

fn said_of(path: &Path) -> impl FnOnce(io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}
