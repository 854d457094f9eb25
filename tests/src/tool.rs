//! Tools from outside the workspace, without which a test can't be made.

use std::process::{Command, Output};

/// What was prepared for a test of `what`, or nothing, said aloud, where this machine lacks
/// something.
///
/// # Panics
/// Instead, where `CI` is set: nothing is passed over there.
#[expect(
    clippy::print_stderr,
    reason = "a test that did not test must not look as if it did"
)]
pub fn or_skip<T>(what: &str, prepared: Result<T, String>) -> Option<T> {
    match prepared {
        Ok(prepared) => Some(prepared),
        Err(why) if std::env::var_os("CI").is_none_or(|value| value.is_empty()) => {
            eprintln!("SKIPPED: {what} was not tried: {why}");
            None
        }
        Err(why) => panic!("{what} can't be tried: {why}"),
    }
}

/// Runs a command to its end; one that fails is an error with what it said.
///
/// # Errors
/// If it can't be started or fails.
pub fn run(command: &mut Command) -> Result<Output, String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(output)
    } else {
        Err(format!("{command:?}: {}", said(&output)))
    }
}

/// Both outputs of a command.
#[must_use]
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}
