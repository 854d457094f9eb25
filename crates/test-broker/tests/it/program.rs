//! The program for developers, and that its broker goes when it is killed.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use triggerfish_test_broker::required_or_skip;

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn the_broker_goes_with_its_program() {
    if !required_or_skip("the broker as a program") {
        return;
    }
    // Kept, for a broker whose folder is swept away does not last, either.
    let folder = tempfile::tempdir().unwrap();
    for signal in ["KILL", "TERM", "INT"] {
        let (mut program, address) = start(folder.path());
        assert!(TcpStream::connect(&address).is_ok(), "{address}");
        let list = ["tool", "topics", "--bootstrap-server", &address, "--list"];
        assert!(itself().args(list).status().unwrap().success());
        let pid = program.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(kill.unwrap().success());
        let status = program.wait().unwrap();
        assert_eq!(status.success(), signal != "KILL", "{signal}: {status}");
        let begin = Instant::now();
        while TcpStream::connect(&address).is_ok() {
            assert!(
                begin.elapsed() < PATIENCE,
                "{signal}: {address} still answers"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn itself() -> Command {
    Command::new(env!("CARGO_BIN_EXE_triggerfish-test-broker"))
}

/// The program and the address that it prints.
fn start(folder: &Path) -> (Child, String) {
    let mut program = itself()
        .args(["--port", "0", "--data"])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let output = program.stdout.take().expect("it is a pipe");
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    let said: Vec<String> = lines.take(2).collect();
    let [first, address] = &*said else {
        panic!("the program said {said:?}");
    };
    assert!(first.contains("Apache Kafka"), "{first}");
    (program, address.clone())
}
