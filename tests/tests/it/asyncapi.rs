//! `docs/asyncapi.yaml` is an `AsyncAPI` document, and what a running service writes is as
//! it says.

use std::collections::BTreeMap;
use std::process::Command;

use jsonschema::Validator;
use serde::Deserialize;
use serde_json::{Value, json};
use triggerfish_log::Record;
use triggerfish_tests::binary::workspace;
use triggerfish_tests::tool::{or_skip, said};
use triggerfish_tests::{Reply, Setup, Subscriber, completions, eventually, npm, upstream};

/// The messages of each topic.
type Topics = BTreeMap<String, Vec<Message>>;

/// One kind of message, by its schemas.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    name: String,
    content_type: String,
    key: Value,
    headers: Value,
    payload: Value,
}

impl Message {
    /// What is wrong with a record, if it shall be one of these.
    fn faults(&self, record: &Record) -> Vec<String> {
        let headers = record.headers.iter();
        let headers: serde_json::Map<_, _> = headers
            .map(|(name, value)| (name.clone(), lossy(value).into()))
            .collect();
        let value = record.value.as_deref().unwrap_or_default();
        let value = if self.content_type.ends_with("json") {
            serde_json::from_slice(value).expect("the value is JSON")
        } else {
            Value::String(lossy(value))
        };
        let key = record
            .key
            .as_deref()
            .map(lossy)
            .map_or(Value::Null, Value::from);
        let parts = [
            ("key", &self.key, key),
            ("headers", &self.headers, headers.into()),
            ("value", &self.payload, value),
        ];
        let found = parts.iter().flat_map(|(part, schema, value)| {
            let validator = compiled(schema);
            let errors: Vec<String> = validator
                .iter_errors(value)
                .map(|error| format!("{}: {part}{}: {error}", self.name, error.instance_path()))
                .collect();
            errors
        });
        found.collect()
    }
}

fn compiled(schema: &Value) -> Validator {
    jsonschema::draft7::options()
        .should_validate_formats(true)
        .build(schema)
        .expect("the schema compiles")
}

fn lossy(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(bytes.as_ref()).into_owned()
}

/// The document, read by the official parser, which checks it as well.
async fn document() -> Option<Topics> {
    let parser = tokio::task::spawn_blocking(|| npm::installed("asyncapi")).await;
    let parser = or_skip("docs/asyncapi.yaml", parser.expect("no panic"))?;
    let output = Command::new("node")
        .arg(parser.join("check.mjs"))
        .arg(workspace().join("docs").join("asyncapi.yaml"))
        .output()
        .expect("node can be started");
    assert!(output.status.success(), "{}", said(&output));
    Some(serde_json::from_slice(&output.stdout).expect("the script prints topics"))
}

#[tokio::test]
async fn the_document_names_every_topic() {
    let Some(topics) = document().await else {
        return;
    };
    let named: Vec<&str> = topics.keys().map(String::as_str).collect();
    let known = [
        "completions",
        "dead-letters",
        "decisions",
        "invocation-log",
        "object-events",
        "registry",
        "trigger-events",
        "workers",
    ];
    assert_eq!(named, known);
}

#[tokio::test]
async fn what_is_written_is_as_the_document_says() {
    let Some(topics) = document().await else {
        return;
    };
    let setup = Setup::new();
    write_everything(&setup).await;
    let mut seen = Vec::new();
    for (topic, messages) in &topics {
        // Upstream's own records, one of which is wrong on purpose.
        if ["trigger-events", "object-events"].contains(&topic.as_str()) {
            continue;
        }
        for record in completions::records(&setup.data(), topic).await {
            // A record without a value removes its key and has nothing to look at.
            if record.value.is_none() {
                continue;
            }
            let mut faults = Vec::new();
            let message = messages.iter().find(|message| {
                let found = message.faults(&record);
                let fits = found.is_empty();
                faults.extend(found);
                fits
            });
            let name = message.map(|message| &message.name);
            seen.push(
                name.unwrap_or_else(|| panic!("{topic}: {faults:#?}"))
                    .as_str(),
            );
        }
    }
    for name in [
        "Completion",
        "Decision",
        "DeadLetter",
        "Envelope",
        "Trigger",
        "Subscription",
        "Client",
        "Growths",
        "Announcement",
    ] {
        assert!(seen.contains(&name), "no {name} was written");
    }
    let completions = seen.iter().filter(|name| **name == "Completion").count();
    assert_eq!(completions, 3);
}

/// Has a service write every kind of record: outcomes of each kind, everything that the
/// registry holds, and a dead letter.
async fn write_everything(setup: &Setup) {
    let service = setup.start().await;
    let api = &service.api;
    let answers = Subscriber::always(Reply::json(200, r#"{"right":true}"#)).await;
    let fails = Subscriber::always(Reply::json(500, "{}")).await;
    for (trigger, subscriber, mode, extra) in [
        (
            "acme:answered",
            &answers,
            "SYNC",
            json!({
                "description": "with all that there is", "filter": "$.example",
                "delivery": {"ordering": "key", "maxInFlight": 3, "retry":
                    {"maxAttempts": 2, "initialDelayMs": 5, "maxDelayMs": 10}},
                "httpConfig": {"httpAuthenticationType": "BEARER_TOKEN",
                    "bearerTokenAuthConfig": {"bearerToken": "hush"}},
            }),
        ),
        ("acme:failed", &fails, "SYNC", json!({})),
        (
            "acme:expired",
            &answers,
            "ASYNC",
            json!({"responseDeadline": "PT1S"}),
        ),
    ] {
        api.put_trigger(trigger, "REQUEST_RESPONSE").await;
        api.subscribe(trigger, &subscriber.url(), mode, extra).await;
        let input = r#"{"example":true}"#;
        let started = api.start_one(trigger, input, r#"{"kept":1.50}"#).await;
        api.closed(&started.id).await;
    }
    let asked = json!({"objectType": "app", "action": "CREATED", "entity": {"id": 7}});
    let decided = api
        .post("/object-events/v1/before", asked.to_string())
        .await;
    drop(decided.expect(200));
    drop(service.stop().await);
    let headers = vec![("theirs".to_owned(), "kept".into())];
    upstream::put(&setup.data(), "key", &b"no \xff event"[..], headers).await;
    let service = setup.start().await;
    eventually("there is a dead letter", async || {
        let letters = "/topics/dead-letters/records?from=beginning&limit=1&wait=0";
        let found = service.api.get(letters).await.expect(200).json();
        found["records"].get(0).map(|_| ())
    })
    .await;
    drop(service.stop().await);
}
