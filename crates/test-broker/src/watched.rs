//! A process that does not outlive the one that started it, however that one ends.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::{Error, error};

/// The shell becomes the program. What it left in the background waits at a pipe whose
/// other end this process holds: the pipe says which signal to send, and breaks when this
/// process is gone, even by SIGKILL.
const PROGRAM: &str = r#"exec 3<&0
(read -r signal <&3; kill -s "${signal:-KILL}" $$) &
exec "$@" </dev/null 3<&-"#;

/// Sweeps the folder away when the pipe breaks. Not at the first try where a process that
/// is being killed still writes into it.
const SWEEPER: &str = r#"read -r _
tries=0
until rm -rf -- "$1" || [ "$tries" -ge 50 ]; do tries=$((tries + 1)); sleep 0.1; done"#;

/// A running program.
#[derive(Debug)]
pub(crate) struct Watched {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Watched {
    /// Starts `command`; its standard output and error are to be set already.
    pub(crate) fn start(command: &Command, output: Stdio, error: Stdio) -> Result<Self, Error> {
        let program = command.get_program();
        let arguments = std::iter::once(program).chain(command.get_args());
        shell(PROGRAM, arguments, output, error)
    }

    /// Removes `folder` when this process ends, or when what is returned is dropped.
    pub(crate) fn sweeper(folder: &OsStr) -> Result<Self, Error> {
        shell(SWEEPER, [folder], Stdio::null(), Stdio::null())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) {
        if let Some(pipe) = &mut self.pipe {
            // Only fails when nothing is left to be told.
            drop(pipe.write_all(b"TERM\n"));
        }
        drop(self.child.wait());
    }
}

impl Drop for Watched {
    /// Breaks the pipe, and waits for what that brings about.
    fn drop(&mut self) {
        drop(self.pipe.take());
        drop(self.child.wait());
    }
}

fn shell<'a>(
    script: &str,
    arguments: impl IntoIterator<Item = &'a OsStr>,
    output: Stdio,
    error: Stdio,
) -> Result<Watched, Error> {
    let mut child = Command::new("sh")
        .args(["-c", script, "sh"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(output)
        .stderr(error)
        // A Ctrl-C in the terminal is for this process, which may want to end in order.
        .process_group(0)
        .spawn()
        .map_err(error::run("sh"))?;
    let pipe = child.stdin.take();
    Ok(Watched { child, pipe })
}
