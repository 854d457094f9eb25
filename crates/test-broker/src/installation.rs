//! Whether this machine can run Kafka, found out once in a process.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::jars;

/// Kafka's brokers need this version of Java.
const JAVA_OLDEST: u32 = 17;
/// Compiled once and quickly: a broker starts sooner and, in the minutes that tests take, moves
/// more records too. One that stays is better off without.
const QUICK: &str = "-XX:TieredStopAtLevel=1";
const LOGGING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/class-path");

/// Where Java and Kafka are.
#[derive(Debug)]
pub(crate) struct Installation {
    java: PathBuf,
    /// How to log, and all jars of a folder, as `java -cp` wants them.
    class_path: String,
}

impl Installation {
    /// The begin of every command; options, a class and its arguments follow.
    pub(crate) fn java(&self) -> Command {
        let mut java = self.lasting_java();
        java.arg(QUICK);
        java
    }

    /// The same for a process that runs for longer than tests do.
    pub(crate) fn lasting_java(&self) -> Command {
        let mut java = Command::new(&self.java);
        java.args(["-cp", &self.class_path]);
        java
    }
}

/// What to run Kafka with, or why there is nothing. Fetches the jars where they are missing.
pub(crate) fn find() -> Result<&'static Installation, String> {
    static FOUND: OnceLock<Result<Installation, String>> = OnceLock::new();
    FOUND.get_or_init(install).as_ref().map_err(Clone::clone)
}

/// Whether a cluster can be started on this machine, and if not, why. The first call may
/// fetch the jars.
pub fn available() -> Result<(), String> {
    find().map(drop)
}

/// Whether a test of `what` can run. Says on standard error that it was skipped if not.
///
/// # Panics
/// If it can't run but `CI` is set, where nothing may be skipped.
#[expect(
    clippy::print_stderr,
    reason = "a test that did not test must not look as if it did"
)]
pub fn required_or_skip(what: &str) -> bool {
    let Err(why) = available() else {
        return true;
    };
    assert!(
        std::env::var_os("CI").is_none_or(|value| value.is_empty()),
        "{what} can't be tested: {why}"
    );
    eprintln!("SKIPPED: {what} was not tried: {why}");
    false
}

fn install() -> Result<Installation, String> {
    let java = java()?;
    let class_path = format!("{LOGGING}:{}/*", jars::fetched()?.display());
    Ok(Installation { java, class_path })
}

/// The Java of `JAVA_HOME`, else the one in the path, if it is new enough.
fn java() -> Result<PathBuf, String> {
    let home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty());
    let java = home.map_or_else(
        || PathBuf::from("java"),
        |home| PathBuf::from(home).join("bin").join("java"),
    );
    let output = Command::new(&java).arg("-version").output();
    let output = output.map_err(|error| {
        let java = java.display();
        format!("{java}: {error}; install Java {JAVA_OLDEST} or newer")
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    match version(&said) {
        Some(version) if version >= JAVA_OLDEST => Ok(java),
        _ => Err(format!(
            "{} is not Java {JAVA_OLDEST} or newer: {}",
            java.display(),
            said.trim()
        )),
    }
}

/// The number in `openjdk version "17.0.15" 2025-04-15`.
fn version(said: &str) -> Option<u32> {
    let (_, rest) = said.split_once(" version \"")?;
    rest.split(|one: char| !one.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_of_java() {
        assert_eq!(
            version("openjdk version \"17.0.15\" 2025-04-15\n"),
            Some(17)
        );
        assert_eq!(version("java version \"1.8.0_402\"\n"), Some(1));
        assert_eq!(version("openjdk version \"25-ea\" 2025-09-16\n"), Some(25));
        assert_eq!(version("command not found"), None);
    }
}
