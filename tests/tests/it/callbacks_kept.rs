//! Callbacks and object types by the HTTP API: from making to deleting, across a
//! restart.

use reqwest::Method;
use serde_json::{Value, json};
use triggerfish_tests::{Api, Setup};

const PASSWORD: &str = "basic-password-77d01b3e";

/// A call with a JSON body and the answer's, after a look at its status.
async fn call(api: &Api, method: Method, path: &str, body: Value, status: u16) -> Value {
    let headers = [("content-type", "application/json")];
    let answer = api.call(method, path, &headers, body.to_string()).await;
    let answer = answer.expect(status);
    assert!(!answer.text().contains(PASSWORD), "{}", answer.text());
    if status == 204 {
        Value::Null
    } else {
        answer.json()
    }
}

fn fraud_check() -> Value {
    json!({
        "name": "fraud check", "timing": "BEFORE", "objectType": "invoice",
        "url": "http://127.0.0.1:9/check", "expectedStatus": 202,
        "authentication": {"type": "BASIC_AUTH", "userName": "ada", "password": PASSWORD},
        "requestHeaders": {"action": "CREATED", "x-tenant": "acme"},
    })
}

#[tokio::test]
async fn from_making_to_deleting_across_a_restart() {
    let setup = Setup::new().set("limits.callbacks_per_object_type", "1");
    let service = setup.start().await;
    let api = &service.api;
    let own = "/object-types/v1/invoice";
    let list = "/callbacks/v1";
    call(api, Method::POST, list, fraud_check(), 400).await;
    let invoice = json!({"name": "Invoice", "entity": "Invoice", "example": {"id": 1}});
    call(api, Method::PUT, own, invoice, 200).await;
    let made = call(api, Method::POST, list, fraud_check(), 201).await;
    let one = format!("{list}/{}", made["id"].as_str().expect("an id"));
    let refused = call(api, Method::POST, list, fraud_check(), 400).await;
    assert!(refused.to_string().contains("at most 1"), "{refused}");
    let patch = json!([{"op": "replace", "path": "/failurePolicy", "value": "AUDIT"}]);
    let patched = call(api, Method::PATCH, &one, patch, 200).await;
    assert_eq!(patched["failurePolicy"], "AUDIT");
    let shown = api.get(&one).await.expect(200).json();

    let service = service.stop().await.start().await;
    let api = &service.api;
    assert_eq!(api.get(&one).await.expect(200).json(), shown);
    let types = api.get("/object-types/v1").await.expect(200).json();
    assert_eq!(types.as_array().map(Vec::len), Some(7), "{types}");
    // Without a password it is only taken because there is one already.
    let mut text = fraud_check();
    text["authentication"]["password"] = Value::Null;
    text["name"] = json!("renamed");
    let replaced = call(api, Method::PUT, &one, text.clone(), 200).await;
    assert_eq!(replaced["name"], "renamed");
    assert_eq!(replaced["created"], made["created"]);
    text["timing"] = json!("AFTER");
    call(api, Method::PUT, &one, text, 400).await;

    call(api, Method::DELETE, own, Value::Null, 400).await;
    call(api, Method::DELETE, &one, Value::Null, 204).await;
    call(api, Method::DELETE, own, Value::Null, 204).await;
    call(api, Method::GET, &one, Value::Null, 404).await;
    let left = api.get("/v2026/callbacks").await.expect(200).json();
    assert_eq!(left, json!([]));
    drop(service.stop().await);
}
