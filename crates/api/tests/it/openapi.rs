use std::{collections::BTreeSet, path::Path};

use axum::{body::Body, http::Request};
use serde_json::Value;

use crate::harness::Api;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

fn document() -> Value {
    serde_json::to_value(triggerfish_api::document("https://triggerfish.example.com")).unwrap()
}

#[test]
fn the_checked_in_document_is_current() {
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(Path::new(GOLDEN).parent().unwrap()).unwrap();
        std::fs::write(GOLDEN, &text).unwrap();
    }
    let kept = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    assert!(
        kept == text,
        "docs/openapi.json is not what the code says; run the test with UPDATE_GOLDEN=1"
    );
}

#[tokio::test]
async fn it_is_served_without_a_token() {
    let api = Api::with(|settings| settings.public_url = "https://t.example".into()).await;
    let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
    let reply = api.send(request).await;
    assert_eq!(reply.status, 200);
    let body = reply.json();
    assert_eq!(body["openapi"], "3.1.0");
    assert_eq!(body["servers"][0]["url"], "https://t.example");
}

#[test]
fn every_reference_resolves_and_every_operation_is_complete() {
    let document = document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} twice");
            assert!(operation["summary"].is_string(), "{id}");
            assert!(operation["security"].is_array(), "{id}");
            assert!(operation["responses"]["400"].is_object(), "{id}");
            let has_no_body = path.contains("rotate") || path.ends_with("/resend");
            if ["post", "put", "patch"].contains(&method.as_str()) && !has_no_body {
                assert!(operation["requestBody"]["content"].is_object(), "{id}");
            }
        }
    }
    for id in [
        "listTriggersV1",
        "listSubscriptionsV1",
        "createSubscriptionV1",
        "updateSubscriptionV1",
        "patchSubscriptionV1",
        "deleteSubscriptionV1",
        "testSubscriptionFilterV1",
        "listTriggerInvocationStatusV1",
        "startTestTriggerInvocationV1",
        "completeTriggerInvocationV1",
    ] {
        assert!(ids.contains(id), "{id}");
    }
}

/// The schemas have the fields that the reference's clients need, with their kinds.
#[test]
fn schemas_are_those_of_the_reference() {
    let document = document();
    let schema = |name: &str| document["components"]["schemas"][name].clone();
    for (name, required) in [
        (
            "Trigger",
            &["id", "name", "type", "inputSchema", "exampleInput"][..],
        ),
        (
            "Subscription",
            &["id", "name", "triggerId", "triggerName", "type", "enabled"],
        ),
        ("SubscriptionPostRequest", &["triggerId", "type", "name"]),
        ("HttpConfig", &["url"]),
        (
            "InvocationStatus",
            &[
                "id",
                "triggerId",
                "subscriptionName",
                "subscriptionId",
                "type",
                "created",
                "startInvocationInput",
            ],
        ),
        ("TestInvocation", &["triggerId", "contentJson"]),
        ("Invocation", &["id", "triggerId", "secret", "contentJson"]),
        ("CompleteInvocation", &["secret"]),
        ("ValidateFilterInput", &["input", "filter"]),
        (
            "ErrorResponseDto",
            &["detailCode", "trackingId", "messages", "causes"],
        ),
    ] {
        let declared = schema(name)["required"].clone();
        let declared = declared.as_array().unwrap_or_else(|| panic!("{name}"));
        for field in required {
            assert!(declared.contains(&Value::from(*field)), "{name}.{field}");
        }
    }
    assert_eq!(
        schema("Trigger")["properties"]["inputSchema"]["type"],
        "string"
    );
    assert!(schema("SubscriptionPutRequest").get("required").is_none());
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "$ref" => references.push(text),
                    other => collect(other, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
