//! The program under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names a program to test instead of building one.
const GIVEN: &str = "TRIGGERFISH_BIN";

/// The workspace's folder.
#[must_use]
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the package is a folder of the workspace")
}

/// Path of the program, built once for the whole test run, in the profile in which the
/// tests themselves were built. `TRIGGERFISH_BIN` names another one.
pub fn triggerfish() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| std::env::var_os(GIVEN).map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let own = std::env::current_exe().expect("a test knows where it is");
    // target/<profile>/deps/<test>
    let folder = own
        .ancestors()
        .nth(2)
        .expect("tests are built into a profile's folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace()).args([
        "build",
        "--quiet",
        "--workspace",
        "--bin",
        "triggerfish",
    ]);
    if folder.file_name().is_some_and(|name| name == "release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo can be started");
    assert!(status.success(), "the program does not build: {status}");
    folder.join("triggerfish")
}
