//! `triggerfish all` on a folder of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use crate::program::{Ran, program, until};

pub(crate) const CLIENT_ID: &str = "tests";
pub(crate) const CLIENT_SECRET: &str = "s3cret-of-the-tests";

pub(crate) struct Service {
    pub(crate) url: String,
    child: Child,
}

impl Service {
    /// Starts it and waits until it listens.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// Starts it with these variables besides.
    pub(crate) fn start_with(data: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = program(["all", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(data).envs(variables.iter().copied());
        command.env("TRIGGERFISH_DELIVERY__ALLOW_NETWORKS", "127.0.0.0/8");
        command.env("TRIGGERFISH_CLIENT_ID", CLIENT_ID);
        command.env("TRIGGERFISH_CLIENT_SECRET", CLIENT_SECRET);
        command.env("TRIGGERFISH_LOG__LEVEL", "warn");
        command.stderr(std::process::Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listens = lines.find_map(|line| {
            let line = line.unwrap();
            line.strip_prefix("listening on ").map(str::to_owned)
        });
        let url = listens.expect("the service says where it listens");
        Self { url, child }
    }

    /// The program as a client of it.
    pub(crate) fn client(&self, args: &[&str]) -> Command {
        let mut command = program(args);
        command.env("TRIGGERFISH_URL", &self.url);
        command.env("TRIGGERFISH_CLIENT_ID", CLIENT_ID);
        command.env("TRIGGERFISH_CLIENT_SECRET", CLIENT_SECRET);
        command
    }

    /// Runs the program as a client of it.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let ran: Ran = self.client(args).output().unwrap().into();
        for said in [&ran.out, &ran.err] {
            assert!(
                !said.contains(CLIENT_SECRET),
                "{args:?} shows the secret: {said}"
            );
        }
        ran
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        until("the service ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Has ended already when the test stopped it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
