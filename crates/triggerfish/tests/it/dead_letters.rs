use std::path::Path;

use serde_json::{Value, json};

use crate::{
    folder::{append, make_topic, record},
    program::{program, run, until},
    service::Service,
    subscriber::Subscriber,
};

const TRIGGER: &str = "acme:later";
const UPSTREAM: (&str, &str) = ("TRIGGERFISH_UPSTREAM__TOPICS", "orders=acme:later");

fn lines(out: &str) -> Vec<Value> {
    let lines = out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Events for a trigger that is not there yet, and letters that can't be put back.
fn prepare(data: &Path) {
    assert!(Service::start(data).stop().success());
    make_topic(data, "orders");
    let from = |topic| {
        [
            ("triggerfish-reason", "for the test"),
            ("triggerfish-topic", topic),
            ("triggerfish-partition", "0"),
            ("triggerfish-offset", "0"),
        ]
    };
    let event = format!(r#"{{"triggerId":"{TRIGGER}","input":{{"order": 1}}}}"#);
    append(
        data,
        vec![
            record("dead-letters", b"x", &from("invocation-log")),
            record(
                "dead-letters",
                b"x",
                &[&from("orders")[..], &[("triggerfish-cut-from", "99")]].concat(),
            ),
            record("trigger-events", event.as_bytes(), &[("mine", "kept")]),
            record("orders", br#"{"order":  2}"#, &[]),
            record("trigger-events", b"\xff\x00", &[]),
        ],
    );
}

fn subscribe(service: &Service, folder: &Path, url: &str) {
    let file = folder.join("registry.json");
    let registry = json!({
        "triggers": [{"id": TRIGGER, "name": "Later", "type": "FIRE_AND_FORGET",
            "inputSchema": {"type": "object", "required": ["order"]}, "exampleInput": {"order": 0}}],
        "subscriptions": [{"triggerId": TRIGGER, "name": "s", "type": "HTTP",
            "httpConfig": {"url": url}}],
    });
    std::fs::write(&file, registry.to_string()).unwrap();
    service.run(&["apply", file.to_str().unwrap()]).good();
}

/// The folder is read when no service runs on it.
fn without_the_service(data: &str) {
    let completions = run(&["tail", "completions", "--data", data, "--json"]).good();
    assert_eq!(lines(&completions).len(), 2, "once each: {completions}");
    let offline = run(&["dead-letters", "list", "--data", data, "--json"]).good();
    assert_eq!(lines(&offline).len(), 6);
    let shown = run(&["dead-letters", "show", "0@0", "--data", data]).good();
    assert!(shown.contains("for the test"), "{shown}");
    let none = run(&["dead-letters", "show", "0@99", "--data", data]).bad(1);
    assert!(none.contains("there is no dead letter at 0@99"), "{none}");
}

#[test]
fn letters_are_listed_shown_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    prepare(&data);
    let service = Service::start_with(&data, &[UPSTREAM]);
    let list = |more: &[&str]| {
        let args = [&["dead-letters", "list", "--json"], more].concat();
        lines(&service.run(&args).good())
    };
    let all = until("all letters are there", || {
        Some(list(&["--from-beginning"])).filter(|all| all.len() == 5)
    });
    assert_eq!(all[0]["place"], "0@0");
    let newest = list(&["--limit", "2"]);
    assert_eq!(newest, [all[4].clone(), all[3].clone()]);
    let unknown = list(&["--reason", "does not exist"]);
    assert_eq!(unknown.len(), 2);
    let of = |from: &str| all.iter().find(|letter| letter["from"] == from).unwrap();
    let place = |from: &str| of(from)["place"].as_str().unwrap();

    let shown = service.run(&["dead-letters", "show", place("trigger-events/0@0")]);
    let shown = shown.good();
    for text in [
        "mine: kept",
        r#"{"order": 1}}"#,
        "\"acme:later\" does not exist",
    ] {
        assert!(shown.contains(text), "{shown}");
    }
    let raw = place("trigger-events/0@1");
    let shown = service.run(&["dead-letters", "show", raw]).good();
    assert!(shown.contains("00000000  ff 00 "), "{shown}");
    let shown = service.run(&["dead-letters", "show", raw, "--json"]).json();
    assert_eq!(shown["valueBase64"], "/wA=");

    let refused = service.run(&["dead-letters", "redrive", "0@0", "0@1", "0@99"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    for text in [
        "from the invocation log",
        "it was cut",
        "no such dead letter",
    ] {
        assert!(refused.out.contains(text), "{refused:?}");
    }

    let subscriber = Subscriber::start();
    subscribe(&service, folder.path(), &subscriber.url);
    let redrive = |more: &[&str]| {
        let args = [
            "dead-letters",
            "redrive",
            "--all",
            "--reason",
            "does not exist",
        ];
        service.run(&[&args, more].concat()).good()
    };
    assert!(redrive(&["--dry-run"]).contains("2 would be put back, 0 refused"));
    assert!(redrive(&[]).contains("2 put back, 0 refused"));
    assert!(redrive(&[]).contains("2 put back, 0 refused"));
    let mut orders = [subscriber.next(), subscriber.next()].map(|call| call["order"].clone());
    orders.sort_by_key(Value::as_u64);
    assert_eq!(orders, [1, 2]);
    // What can't be read is refused once more, behind everything that was put back.
    service.run(&["dead-letters", "redrive", raw]).good();
    let again = until("it is a letter again", || {
        list(&["--limit", "1"])
            .pop()
            .filter(|letter| letter["place"] != raw)
    });
    assert_eq!(again["from"], "trigger-events/0@4");
    assert!(service.stop().success());

    without_the_service(data.to_str().unwrap());
}

#[test]
fn a_topic_of_others_that_is_not_there_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (topics, said) in [
        (
            "nowhere=acme:x",
            "upstream.topics.nowhere: there is no topic nowhere",
        ),
        (
            "completions=acme:x",
            "upstream.topics.completions: this topic is one of",
        ),
    ] {
        let mut command = program(["all", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(folder.path().join("data"));
        command.env("TRIGGERFISH_UPSTREAM__TOPICS", topics);
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(said), "{error}");
    }
}
