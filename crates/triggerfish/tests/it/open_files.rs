//! The service where few files may be open, unless it asks for more.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::program::{PATIENCE, run};

#[test]
fn many_connections_do_not_use_up_the_files_that_may_be_open() {
    let folder = tempfile::tempdir().unwrap();
    // The soft limit of many systems is 1024; a lower one needs fewer connections here.
    let mut command = Command::new("prlimit");
    command.env_clear().env("TRIGGERFISH_LOG__LEVEL", "error");
    command.arg("--nofile=128:4096");
    command.args([env!("CARGO_BIN_EXE_triggerfish"), "all"]);
    command.args(["--listen", "127.0.0.1:0", "--data"]);
    command.arg(folder.path()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let url = lines.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
    let url = url.expect("the service says where it listens");
    let address = url.strip_prefix("http://").unwrap();

    let held: Vec<_> = (0..200)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let deadline = Instant::now() + PATIENCE;
    let asked = loop {
        let asked = run(&["health", "--url", &url]);
        if asked.code == 0 || Instant::now() > deadline {
            break asked;
        }
    };
    drop(held);
    child.kill().unwrap();
    child.wait().unwrap();
    asked.good();
}
