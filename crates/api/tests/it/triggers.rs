use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, encoded, forms};

fn own() -> Value {
    json!({
        "name": "Order cancelled", "type": "REQUEST_RESPONSE", "description": "d",
        "inputSchema": {"type": "object", "required": ["order"]}, "exampleInput": {"order": 1.0},
        "outputSchema": "{\"type\": \"object\"}", "exampleOutput": {}
    })
}

#[tokio::test]
async fn the_catalogue_is_listed_in_every_form() {
    let api = Api::new().await;
    let mut bodies = Vec::new();
    for path in forms("triggers", "") {
        let reply = api.get(&path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(!reply.headers.contains_key("x-total-count"));
        bodies.push(reply.text);
    }
    assert_eq!(bodies.len(), 6);
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    let rows: Vec<Value> = serde_json::from_str(&bodies[0]).unwrap();
    let row = rows
        .iter()
        .find(|row| row["id"] == "idn:access-request-pre-approval")
        .unwrap();
    assert_eq!(row["type"], "REQUEST_RESPONSE");
    let schema: Value = serde_json::from_str(row["inputSchema"].as_str().unwrap()).unwrap();
    assert!(schema["$ref"].is_string());
    assert!(row["outputSchema"].is_string());
    assert!(row["exampleInput"].is_object() && row["exampleOutput"].is_object());
    let row = rows
        .iter()
        .find(|row| row["id"] == "test:fire-and-forget")
        .unwrap();
    assert_eq!(row["outputSchema"], Value::Null);
    assert_eq!(row["exampleOutput"], Value::Null);
}

#[tokio::test]
async fn filters_and_sorters() {
    let api = Api::new().await;
    let list = |query: String| {
        let api = &api;
        async move { api.get(&format!("/v2025/triggers?{query}")).await }
    };
    let filter = |text: &str| format!("filters={}", encoded(text));
    let found = list(filter(r#"id eq "test:request-response""#)).await;
    assert_eq!(found.ids(), ["test:request-response"]);
    let found = list(filter(r#"id ge "test:" and id le "test:z""#)).await;
    assert_eq!(
        found.ids(),
        ["test:fire-and-forget", "test:request-response"]
    );
    let found = list(format!(
        "{}&sorters=-id&limit=1&offset=1&count=true",
        filter(r#"id sw "test:""#)
    ))
    .await;
    assert_eq!(found.ids(), ["test:fire-and-forget"]);
    assert_eq!(found.headers["x-total-count"], "2");
    let error = list(filter(r#"name eq "x""#)).await.error(400);
    assert!(error.contains("\"name\""), "{error}");
    let error = list("sorters=type".into()).await.error(400);
    assert!(error.contains("\"type\""), "{error}");
}

#[tokio::test]
async fn own_triggers_come_and_go() {
    let api = Api::new().await;
    for path in forms("triggers", "/acme:order") {
        api.call(Method::GET, &path, None).await.error(404);
        let put = api.call(Method::PUT, &path, Some(own())).await;
        assert_eq!(put.status, 200, "{}", put.text);
        let got = api.get(&path).await;
        assert_eq!(got.text, put.text);
        let body = got.json();
        assert_eq!(body["id"], "acme:order");
        assert_eq!(
            body["inputSchema"],
            r#"{"type":"object","required":["order"]}"#
        );
        assert_eq!(body["outputSchema"], r#"{"type": "object"}"#);
        assert!(
            got.text.contains(r#""exampleInput":{"order":1.0}"#),
            "{}",
            got.text
        );
        assert_eq!(api.call(Method::DELETE, &path, None).await.status, 204);
        api.call(Method::DELETE, &path, None).await.error(404);
    }
}

#[tokio::test]
async fn own_triggers_are_checked() {
    let api = Api::new().await;
    let put = |id: &str, change: Value| {
        let mut body = own();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let path = format!("/beta/triggers/{id}");
        let api = &api;
        async move { api.call(Method::PUT, &path, Some(body)).await.error(400) }
    };
    assert!(
        put("acme:a", json!({"id": "acme:b"}))
            .await
            .starts_with("id:")
    );
    assert!(
        put("acme:a", json!({"name": null}))
            .await
            .contains("\"name\"")
    );
    assert!(
        put("acme:a", json!({"type": "SOMETIMES"}))
            .await
            .contains("\"type\"")
    );
    assert!(
        put("acme:a", json!({"exampleInput": {}}))
            .await
            .contains("exampleInput")
    );
    assert!(
        put("acme:a", json!({"inputSchema": {"type": 7}}))
            .await
            .contains("inputSchema")
    );
    assert!(
        put("acme:a", json!({"inputSchema": "{"}))
            .await
            .contains("inputSchema")
    );
    assert!(
        put("test:request-response", json!({}))
            .await
            .contains("catalogue")
    );
    let catalogue = "/beta/triggers/test:request-response";
    let error = api.call(Method::DELETE, catalogue, None).await.error(400);
    assert!(error.contains("catalogue"));
    let path = "/beta/triggers/acme:used";
    assert_eq!(api.call(Method::PUT, path, Some(own())).await.status, 200);
    api.subscribe("acme:used", "s").await;
    let error = api.call(Method::DELETE, path, None).await.error(400);
    assert!(error.contains("1 subscriptions"), "{error}");
}
