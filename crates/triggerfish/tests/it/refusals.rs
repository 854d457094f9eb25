//! What goes wrong says so with a remedy, and with the right exit code.

use crate::{
    program::{Ran, program, run},
    service::{CLIENT_SECRET, Service},
};

/// Nothing listens on the discard port here.
const NOBODY: &str = "http://127.0.0.1:9";

#[test]
fn a_wrong_command_line_is_2() {
    for args in [
        &["start"][..],
        &["nope"],
        &["tail", "registry"],
        &["tail", "workers"],
        &["tail", "completions", "--max", "0"],
        &["status", "not-an-id"],
        &["status", "--limit", "0"],
        &["test", "t", "--subscription", "x"],
        &["start", "t", "--idempotency-key", "a\nb"],
        &[
            "complete",
            "01a205f1-7836-8001-bff0-50748066306b",
            "--output",
            "{}",
        ],
        &[
            "complete",
            "01a205f1-7836-8001-bff0-50748066306b",
            "--secret",
            "s",
        ],
        &["status", "--url", "localhost:8080"],
        &["dead-letters", "show", "12"],
        &["dead-letters", "redrive"],
        &["dead-letters", "redrive", "0@1", "--all"],
        &["dead-letters", "redrive", "0@1", "--reason", "x"],
    ] {
        let said = run(args).bad(2);
        assert!(
            said.starts_with("error:") || said.contains("Usage:"),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn without_a_service_or_credentials() {
    let ask = |args: &[&str]| -> Ran {
        let mut command = program(args);
        command
            .env("TRIGGERFISH_CLIENT_ID", "me")
            .env("TRIGGERFISH_CLIENT_SECRET", CLIENT_SECRET);
        command.output().unwrap().into()
    };
    let id = "01a205f1-7836-8001-bff0-50748066306b";
    for args in [
        &["status", "--url", NOBODY][..],
        &["start", "t", "--url", NOBODY],
        &["test", "t", "--url", NOBODY],
        &["tail", "completions", "--url", NOBODY],
        &[
            "complete", id, "--secret", "s", "--error", "e", "--url", NOBODY,
        ],
    ] {
        let said = ask(args).bad(1);
        assert!(
            said.contains("Is the service running?") && said.contains(NOBODY),
            "{said}"
        );
        assert!(!said.contains(CLIENT_SECRET), "{said}");
    }
    for args in [
        &["status"][..],
        &["tail", "decisions"],
        &["start", "t", "--input", "{}"],
    ] {
        let said = run(&[args, &["--url", NOBODY]].concat()).bad(1);
        assert!(
            said.contains("set TRIGGERFISH_CLIENT_ID and TRIGGERFISH_CLIENT_SECRET"),
            "{said}"
        );
    }
}

#[test]
fn bad_input_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.toml");
    std::fs::write(&file, "[[subscriptions]]\nnmae = 1\n").unwrap();
    let file = file.to_str().unwrap();
    for (args, part) in [
        (
            &["start", "t", "--input", "{\"a\": }"][..],
            "--input: the value is not valid JSON",
        ),
        (
            &["start", "t", "--input", "no-file.json"],
            "give JSON, a file, or -",
        ),
        (
            &["start", "t", "--content-json", "[]"],
            "--content-json must be a JSON object",
        ),
        (&["apply", file], "subscriptions[0].nmae: is not known"),
        (&["apply", "registry.yaml"], "neither .toml nor .json"),
        (&["apply", "no-file.toml"], "cannot be read"),
    ] {
        let said = run(args).bad(1);
        assert!(
            said.starts_with("error: ") && said.contains(part),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn what_the_service_refuses_is_told_in_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    let unknown = "01a205f1-7836-8001-bff0-50748066306b";
    for (args, part) in [
        (
            &["start", "no:such", "--input", "{}"][..],
            "trigger \"no:such\" does not exist",
        ),
        (&["start", "no:such"], "there is no trigger with this id"),
        (&["test", "no:such"], "trigger \"no:such\" does not exist"),
        (
            &["start", "test:request-response", "--input", "{}"],
            "identityId",
        ),
        (&["status", unknown], "404"),
        (
            &["complete", unknown, "--secret", "s", "--error", "e"],
            "not the secret",
        ),
        (
            &["status", "--client-secret", "wrong"],
            "refuses API client \"tests\"",
        ),
    ] {
        let said = service.run(args).bad(1);
        assert!(said.contains(part), "{args:?}: {said}");
    }
    assert_eq!(service.run(&["status"]).good(), "no invocations\n");
    let file = folder.path().join("registry.json");
    std::fs::write(&file, r#"{"subscriptions": [{"triggerId": "no:such", "name": "n",
        "type": "HTTP", "httpConfig": {"url": "http://127.0.0.1:9", "httpDispatchMode": "SYNC"}}]}"#)
    .unwrap();
    let said = service.run(&["apply", file.to_str().unwrap()]).bad(1);
    assert!(
        said.contains("create subscription \"n\" of no:such: failed, with 1 of 1"),
        "{said}"
    );
}
