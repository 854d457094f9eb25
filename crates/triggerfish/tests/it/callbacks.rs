//! Callbacks and object types by file and on the command line.

use std::path::Path;

use serde_json::{Value, json};

use crate::service::{CLIENT_ID, CLIENT_SECRET, Service};

fn write_registry(path: &Path, expected_status: u16) {
    let text = format!(
        r#"
[[objectTypes]]
id = "invoice"
name = "Invoice"
entity = "Invoice"
example = {{ id = 1 }}

[[callbacks]]
name = "fraud check"
timing = "BEFORE"
objectType = "invoice"
url = "http://127.0.0.1:9/check"
authentication = {{ type = "BASIC_AUTH", userName = "ada", password = "hush-hush" }}
expectedStatus = {expected_status}
requestHeaders = {{ action = "CREATED,UPDATED" }}

[[callbacks]]
name = "mail"
timing = "AFTER"
objectType = "app"
url = "http://127.0.0.1:9/mail"
"#
    );
    std::fs::write(path, text).unwrap();
}

/// A platform asks before it creates an invoice.
#[tokio::main(flavor = "current_thread")]
async fn ask(url: &str, object_id: &str) {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
    ];
    let granted = http.post(format!("{url}/oauth/token")).form(&form);
    let granted: Value = granted.send().await.unwrap().json().await.unwrap();
    let question = json!({
        "objectType": "invoice", "action": "CREATED", "entity": {"id": object_id},
    });
    let asked = http.post(format!("{url}/object-events/v1/before"));
    let asked = asked.bearer_auth(granted["access_token"].as_str().unwrap());
    let answer = asked.json(&question).send().await.unwrap();
    let decided: Value = answer.json().await.unwrap();
    assert_eq!(decided["decision"], "DENY", "{decided}");
}

/// The history of the callback with this id, which nobody has asked yet.
fn check_history(service: &Service, id: &str) {
    assert_eq!(
        service.run(&["callbacks", "history", id]).good(),
        "no calls\n"
    );
    ask(&service.url, "7");
    ask(&service.url, "8");
    let history = service.run(&["callbacks", "history", id]).good();
    let lines: Vec<&str> = history.lines().collect();
    assert_eq!(lines.len(), 3, "{history}");
    assert!(lines[1].contains("DENIED") && lines[1].contains(" 8 "));
    let one = ["callbacks", "history", id, "--limit", "1", "--json"];
    let calls = service.run(&one).json();
    assert_eq!(calls.as_array().map(Vec::len), Some(1));
    assert_eq!(calls[0]["objectId"], "8");
    let filter = "objectId eq \"7\"";
    let one = ["callbacks", "history", id, "--filter", filter, "--json"];
    let calls = service.run(&one).json();
    assert_eq!(calls.as_array().map(Vec::len), Some(1));
    assert_eq!(calls[0]["objectId"], "7");
}

#[test]
fn what_a_file_asks_for_is_listed_shown_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data"));
    let file = folder.path().join("registry.toml");
    let file_name = file.to_str().unwrap();
    assert_eq!(service.run(&["callbacks", "list"]).good(), "no callbacks\n");
    write_registry(&file, 200);
    let planned = service.run(&["apply", file_name, "--dry-run"]).good();
    assert!(planned.contains("would create object type invoice"));
    assert!(
        planned.contains("would create callback \"fraud check\" before actions on invoice"),
        "{planned}"
    );
    service.run(&["apply", file_name]).good();
    write_registry(&file, 204);
    let applied = service.run(&["apply", file_name, "--json"]).json();
    let change = &applied["actions"][1];
    assert_eq!(
        change["fields"],
        json!(["expectedStatus", "credentials set"])
    );
    assert_eq!(applied["actions"][2]["change"], "unchanged");

    let table = service.run(&["callbacks", "list"]).good();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[1].contains("CREATED,UPDATED") && lines[1].contains("204"));
    let only = ["callbacks", "list", "--object-type", "app", "--json"];
    let listed = service.run(&only).json();
    assert_eq!(listed[0]["name"], "mail");
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let none = [
        "callbacks",
        "list",
        "--object-type",
        "app",
        "--timing",
        "before",
    ];
    assert_eq!(service.run(&none).good(), "no callbacks\n");

    let id = change["id"].as_str().unwrap();
    let shown = service.run(&["callbacks", "show", id]).good();
    assert!(
        shown.contains("fraud check") && shown.contains("ada"),
        "{shown}"
    );
    assert!(!shown.contains("hush-hush"), "{shown}");
    let shown = service.run(&["callbacks", "show", id, "--json"]).json();
    assert_eq!(shown["authentication"]["password"], Value::Null);

    check_history(&service, id);

    let types = service.run(&["callbacks", "object-types"]).good();
    assert_eq!(types.lines().count(), 8, "{types}");
    assert!(types.contains("SystemConfiguration"), "{types}");

    let deleted = service.run(&["callbacks", "delete", id]).good();
    assert_eq!(deleted, format!("deleted callback {id}\n"));
    let refused = service.run(&["callbacks", "delete", id]).bad(1);
    assert!(refused.contains("there is no callback"), "{refused}");
    let refused = service.run(&["callbacks", "show", "x"]).bad(2);
    assert!(refused.contains("callbacks list"), "{refused}");
    assert!(service.stop().success());
}
