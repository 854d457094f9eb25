//! From an empty folder to completions, as a person would go.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    program::{run_with_input, until},
    service::Service,
    subscriber::Subscriber,
};

const CHECKED: &str = "test:request-response";
const ORDERS: &str = "acme:order-cancelled";

fn write_registry(path: &Path, url: &str, deadline: &str) {
    let text = format!(
        r#"
[[triggers]]
id = "{ORDERS}"
name = "Order cancelled"
type = "FIRE_AND_FORGET"
exampleInput = {{ order = 7 }}
[triggers.inputSchema]
type = "object"
required = ["order"]

[[subscriptions]]
triggerId = "{CHECKED}"
name = "checks"
type = "HTTP"
responseDeadline = "{deadline}"
httpConfig = {{ url = "{url}", httpDispatchMode = "ASYNC" }}

[[subscriptions]]
triggerId = "{ORDERS}"
name = "orders"
type = "HTTP"
filter = "$[?(@.order > 5)]"
httpConfig = {{ url = "{url}" }}
"#
    );
    std::fs::write(path, text).unwrap();
}

#[test]
fn apply_brings_the_service_to_the_file_and_is_content_then() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data"));
    let file = folder.path().join("registry.toml");
    let url = "http://127.0.0.1:9/";
    write_registry(&file, url, "PT1H");
    let file_name = file.to_str().unwrap();

    let planned = service.run(&["apply", file_name, "--dry-run"]).good();
    assert!(
        planned.contains("would create trigger acme:order-cancelled"),
        "{planned}"
    );
    assert!(planned.ends_with("3 created, 0 updated, 0 unchanged (nothing was changed)\n"));
    let first = service.run(&["apply", file_name]).good();
    assert!(
        first.contains("create subscription \"checks\" of test:request-response"),
        "{first}"
    );
    assert!(
        first.ends_with("3 created, 0 updated, 0 unchanged\n"),
        "{first}"
    );
    let second = service.run(&["apply", file_name]).good();
    assert!(
        second.ends_with("no change, 3 as they should be\n"),
        "{second}"
    );

    write_registry(&file, url, "PT2H");
    let third = service.run(&["apply", file_name, "--json"]).json();
    let actions = third["actions"].as_array().unwrap();
    let changes: Vec<&Value> = actions.iter().map(|action| &action["change"]).collect();
    assert_eq!(changes, ["unchanged", "update", "unchanged"]);
    assert_eq!(actions[1]["fields"], json!(["responseDeadline"]));
    let fourth = service.run(&["apply", file_name, "--json"]).json();
    assert_eq!(fourth["actions"][1]["change"], "unchanged");
    assert_eq!(fourth["actions"][1]["id"], actions[1]["id"]);
    assert!(service.stop().success());
}

#[test]
fn an_invocation_from_start_to_completion() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data"));
    let subscriber = Subscriber::start();
    let file = folder.path().join("registry.toml");
    write_registry(&file, &subscriber.url, "PT1H");
    service.run(&["apply", file.to_str().unwrap()]).good();

    let event = r#"{"identityId": "7"}"#;
    let input = [
        "start",
        CHECKED,
        "--input",
        event,
        "--content-json",
        r#"{"ticket": 1.50}"#,
    ];
    let start = [&input[..], &["--idempotency-key", "k", "--json"]].concat();
    let started = service.run(&start).json();
    let text = |field: &str| started[0][field].as_str().unwrap();
    let (id, secret) = (text("id"), text("secret"));
    let again = service.run(&start).json();
    assert_eq!(again[0]["id"], id, "the same key is the same invocation");
    let call = subscriber.next();
    assert_eq!(
        (&call["identityId"], &call["_metadata"]["secret"]),
        (&json!("7"), &json!(secret))
    );

    let detail = until("the acknowledgement is seen", || {
        let detail = service.run(&["status", id, "--json"]).json();
        (detail["phase"] == "WAITING").then_some(detail)
    });
    assert_eq!(
        (&detail["attempts"], &detail["outcome"]),
        (&json!(1), &Value::Null)
    );
    let table = service.run(&["status", "--trigger", CHECKED]).good();
    let row = table.lines().nth(1).unwrap();
    assert!(
        row.starts_with(id) && row.contains("checks  ") && row.contains("WAITING"),
        "{table}"
    );

    complete(&service, folder.path(), id, secret);
    has_ended(&service, id);
}

/// The result is taken once, and again if it is the same.
fn complete(service: &Service, folder: &Path, id: &str, secret: &str) {
    let wrong = service
        .run(&["complete", id, "--secret", "nope", "--output", "{}"])
        .bad(1);
    assert!(
        wrong.contains("not the secret of this invocation"),
        "{wrong}"
    );
    let output = folder.join("output.json");
    std::fs::write(&output, r#"{"approved": true}"#).unwrap();
    let output = format!("@{}", output.display());
    for _ in 0..2 {
        let taken = service.run(&["complete", id, "--secret", secret, "--output", &output]);
        assert!(taken.good().contains("result taken"));
    }
    let other = service
        .run(&["complete", id, "--secret", secret, "--error", "too late"])
        .bad(1);
    assert!(other.contains("outcome COMPLETED"), "{other}");
}

/// Status and topic show the outcome.
fn has_ended(service: &Service, id: &str) {
    let shown = service.run(&["status", id]).good();
    for part in [
        "state         COMPLETED",
        "output        {\"approved\":true}",
        "attempts      1",
    ] {
        assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
    }
    let ended = service.run(&["status", id, "--watch", "--json"]).json();
    assert_eq!(ended["outcome"], "COMPLETED");
    let tail = ["tail", "completions", "--from-beginning", "--max", "1"];
    let line = service.run(&[&tail[..], &["--json"]].concat()).good();
    let record: Value = serde_json::from_str(line.trim_end()).unwrap();
    assert_eq!(record["key"], id);
    assert_eq!(record["value"]["output"], json!({"approved": true}));
    assert_eq!(record["headers"]["ce_id"], id);
    assert!(
        line.contains(r#""contentJson":{"ticket": 1.50}"#),
        "byte for byte: {line}"
    );
    let line = service.run(&tail).good();
    assert!(
        line.contains("COMPLETED") && line.contains("contentJson={\"ticket\":1.5"),
        "{line}"
    );
}

#[test]
fn events_go_where_filters_let_them_and_tests_take_examples() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data"));
    let subscriber = Subscriber::start();
    let file = folder.path().join("registry.toml");
    write_registry(&file, &subscriber.url, "PT1H");
    service.run(&["apply", file.to_str().unwrap()]).good();

    let dropped = run_with_input(
        service.client(&["start", ORDERS, "--input", "-"]),
        r#"{"order": 5}"#,
    );
    assert!(dropped.good().contains("started nothing"));
    let dropped = service
        .run(&["start", ORDERS, "--input", "{\"order\": 5}", "--json"])
        .json();
    assert_eq!(dropped, json!([]));
    assert!(!subscriber.was_called());

    let table = service
        .run(&["start", ORDERS, "--ordering-key", "7"])
        .good();
    assert!(
        table.starts_with("STARTED") && table.contains(ORDERS),
        "{table}"
    );
    assert_eq!(
        subscriber.next(),
        json!({"order": 7}),
        "the trigger's example"
    );
    let tested = service.run(&["test", ORDERS, "--json"]).json();
    assert_eq!(subscriber.next(), json!({"order": 7}));
    let id = tested[0]["id"].as_str().unwrap();
    let shown = service.run(&["status", id, "--watch", "--json"]).good();
    let last: Value = serde_json::from_str(shown.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["type"], &last["outcome"]),
        (&json!("TEST"), &json!("COMPLETED"))
    );
    let all = service.run(&["status", "--json", "--limit", "1"]).json();
    assert_eq!(all.as_array().unwrap().len(), 1);
}

#[test]
fn the_one_process_shows_itself_with_all_partitions() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data"));
    let worker = until("all partitions are announced", || {
        let workers = service.run(&["workers", "--json"]).json();
        let [worker] = &workers.as_array().unwrap()[..] else {
            return None;
        };
        let partitions = worker["partitions"].as_array().unwrap();
        let known = partitions.iter().filter(|one| one["lag"].is_number());
        (known.count() == 4).then(|| worker.clone())
    });
    let roles = json!(["producer", "dispatcher", "completion-consumer"]);
    assert_eq!(worker["roles"], roles, "{worker}");
    let table = service.run(&["workers"]).good();
    assert!(table.contains("  0-3  "), "{table}");
    assert!(!table.contains("http://"), "{table}");
}
