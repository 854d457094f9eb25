use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{program::run, service::Service, subscriber::Subscriber};

const TRIGGER: &str = "test:fire-and-forget";

fn subscribe(service: &Service, folder: &std::path::Path, url: &str) {
    let file = folder.join("registry.json");
    let registry = json!({"subscriptions": [{
        "triggerId": TRIGGER, "name": "s", "type": "HTTP", "httpConfig": {"url": url},
    }]});
    std::fs::write(&file, registry.to_string()).unwrap();
    service.run(&["apply", file.to_str().unwrap()]).good();
}

fn start(service: &Service) -> String {
    let started = service.run(&["start", TRIGGER, "--json"]).json();
    started[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_topic_is_followed_and_does_not_hold_up_the_end_of_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data"));
    let subscriber = Subscriber::start();
    subscribe(&service, folder.path(), &subscriber.url);
    let follow = ["tail", "completions", "--from-beginning", "--json"];
    let mut tail = service.client(&follow).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let id = start(&service);
        let record: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(
            (&record["key"], &record["topic"]),
            (&json!(id), &json!("completions"))
        );
    }
    let began = Instant::now();
    assert!(service.stop().success());
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "the follower held it up"
    );
    // It waits for the service to come back.
    let mut said = BufReader::new(tail.stderr.take().unwrap()).lines();
    let said = said.next().unwrap().unwrap();
    assert!(
        said.starts_with("waiting: can't reach http://127.0.0.1:"),
        "{said}"
    );
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[test]
fn the_folder_of_a_service_is_read_when_it_does_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start(&data);
    let subscriber = Subscriber::start();
    subscribe(&service, folder.path(), &subscriber.url);
    let id = start(&service);
    service.run(&["status", &id, "--watch"]).good();
    let data = data.to_str().unwrap();
    let locked = run(&["tail", "completions", "--data", data]).bad(1);
    assert!(locked.contains("follow it by --url instead"), "{locked}");
    assert!(service.stop().success());

    let log = run(&["tail", "invocation-log", "--data", data, "--json"]).good();
    let seen: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&Value> = seen
        .iter()
        .map(|record| &record["value"]["observation"])
        .collect();
    assert_eq!(kinds, ["requested", "attempt_reported"]);
    assert_eq!(seen[0]["key"], id);
    assert_eq!(seen[0]["value"]["triggerId"], TRIGGER);
    assert_eq!(
        (&seen[1]["value"]["reply"], &seen[1]["value"]["status"]),
        (&json!("delivered"), &json!(200))
    );
    let people = run(&["tail", "invocation-log", "--data", data, "--max", "1"]).good();
    assert!(
        people.contains("requested") && people.lines().count() == 1,
        "{people}"
    );
    assert_eq!(run(&["tail", "dead-letters", "--data", data]).good(), "");
    let completions = run(&["tail", "completions", "--data", data, "--from-beginning"]).good();
    assert!(completions.contains(&id), "{completions}");

    let elsewhere = folder.path().join("nothing");
    let nothing = run(&["tail", "completions", "--data", elsewhere.to_str().unwrap()]).bad(1);
    assert!(nothing.contains("there is no log in"), "{nothing}");
    assert!(!elsewhere.exists());
}
