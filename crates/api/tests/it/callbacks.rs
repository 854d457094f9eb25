use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, encoded, forms};

const PATH: &str = "/callbacks/v1";
const PASSWORD: &str = "eRtg4%6yuI!";

fn before() -> Value {
    json!({
        "name": "quota check", "description": "d", "timing": "BEFORE", "objectType": "app",
        "url": "https://receiver.example.com/quota",
        "authentication": {"type": "BASIC_AUTH", "userName": "user", "password": PASSWORD},
        "expectedStatus": 204,
        "requestHeaders": {"action": "CREATED,UPDATED", "x-tenant": "acme"},
        "timeoutMs": 2000, "failurePolicy": "ALLOW"
    })
}

fn after() -> Value {
    json!({"name": "mail", "timing": "AFTER", "objectType": "developer", "url": "https://a.example"})
}

async fn created(api: &Api, body: Value) -> (String, Value) {
    let reply = api.post(PATH, body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let json = reply.json();
    (format!("{PATH}/{}", json["id"].as_str().unwrap()), json)
}

fn stored_credential(api: &Api) -> Option<String> {
    let snapshot = api.registry.snapshot();
    let callback = &snapshot.callbacks().next().unwrap().callback;
    let credential = callback.http_config.credential();
    credential.map(|secret| secret.expose().to_owned())
}

#[tokio::test]
async fn created_as_asked_and_without_the_password() {
    let api = Api::new().await;
    let (path, body) = created(&api, before()).await;
    let expected = json!({
        "id": body["id"], "name": "quota check", "description": "d", "timing": "BEFORE",
        "objectType": "app", "url": "https://receiver.example.com/quota",
        "authentication": {"type": "BASIC_AUTH", "userName": "user", "password": null},
        "expectedStatus": 204,
        "requestHeaders": {"action": "CREATED,UPDATED", "x-tenant": "acme"},
        "enabled": true, "timeoutMs": 2000, "failurePolicy": "ALLOW",
        "created": body["created"], "modified": body["created"],
        "lastTriggeredOn": null, "lastOutcome": null
    });
    assert_eq!(body, expected);
    assert!(triggerfish_core::Timestamp::parse(body["created"].as_str().unwrap()).is_some());
    assert_eq!(stored_credential(&api).as_deref(), Some(PASSWORD));
    assert_eq!(api.get(&path).await.json(), expected);
    assert_eq!(api.get(PATH).await.json(), json!([expected]));

    let (_, body) = created(&api, after()).await;
    assert_eq!(body["authentication"], json!({"type": "NO_AUTH"}));
    for absent in [
        "description",
        "expectedStatus",
        "timeoutMs",
        "failurePolicy",
    ] {
        assert_eq!(body[absent], Value::Null, "{absent}");
    }
    assert_eq!(body["requestHeaders"], json!({}));
}

#[tokio::test]
async fn every_form_has_the_whole_life() {
    let api = Api::new().await;
    for path in forms("callbacks", "") {
        let reply = api.post(&path, before()).await;
        assert_eq!(reply.status, 201, "{path}: {}", reply.text);
        let one = format!("{path}/{}", reply.json()["id"].as_str().unwrap());
        assert_eq!(api.get(&one).await.status, 200);
        let operations = json!([{"op": "replace", "path": "/enabled", "value": false}]);
        let patched = api.call(Method::PATCH, &one, Some(operations)).await.json();
        assert_eq!(patched["enabled"], false);
        let put = api.call(Method::PUT, &one, Some(before())).await.json();
        assert_eq!(put["enabled"], true);
        let deleted = api.call(Method::DELETE, &one, None).await;
        assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
        api.get(&one).await.error(404);
        api.call(Method::DELETE, &one, None).await.error(404);
        api.call(Method::PUT, &one, Some(before())).await.error(404);
    }
    api.get(&format!("{PATH}/nobody")).await.error(404);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = Api::new().await;
    for (pointer, value, part) in [
        ("/name", Value::Null, "\"name\""),
        ("/name", json!(""), "name"),
        ("/timing", json!("DURING"), "\"timing\": expected"),
        ("/objectType", json!("nope"), "\"nope\""),
        ("/url", json!("ftp://x"), "url: is not a URL"),
        ("/expectedStatus", Value::Null, "expectedStatus"),
        ("/expectedStatus", json!(99), "expectedStatus"),
        ("/expectedStatus", json!("200"), "\"expectedStatus\""),
        ("/expectedStatus", json!(70_000), "\"expectedStatus\""),
        (
            "/requestHeaders",
            json!({"action": "MOVED"}),
            "requestHeaders.action",
        ),
        (
            "/requestHeaders",
            json!({"authorization": PASSWORD}),
            "use authentication",
        ),
        (
            "/requestHeaders",
            json!({"x-a": 1}),
            "\"requestHeaders.x-a\"",
        ),
        ("/timeoutMs", json!(0), "timeoutMs"),
        ("/timeoutMs", json!(-1), "\"timeoutMs\""),
        ("/failurePolicy", json!("SHRUG"), "\"failurePolicy\""),
        (
            "/authentication/password",
            Value::Null,
            "authentication.password",
        ),
        ("/authentication/userName", Value::Null, "userName"),
        ("/authentication/type", json!("NO_AUTH"), "authentication"),
        (
            "/authentication",
            json!({"secret": PASSWORD}),
            "\"authentication.secret\"",
        ),
        ("/enabled", json!("yes"), "\"enabled\""),
    ] {
        let mut body = before();
        body["enabled"] = json!(true);
        *body.pointer_mut(pointer).unwrap() = value;
        let error = api.post(PATH, body).await.error(400);
        assert!(error.contains(part), "{pointer}: {error}");
        assert!(!error.contains(PASSWORD));
    }
    for (field, value) in [
        ("expectedStatus", json!(200)),
        ("failurePolicy", json!("DENY")),
    ] {
        let mut body = after();
        body[field] = value;
        let error = api.post(PATH, body).await.error(400);
        assert!(error.starts_with(field), "{error}");
    }
    assert_eq!(api.get(PATH).await.json(), json!([]));
}

#[tokio::test]
async fn put_replaces_and_keeps_what_it_must() {
    let api = Api::new().await;
    let (path, body) = created(&api, before()).await;
    let put = async |body: &Value| api.call(Method::PUT, &path, Some(body.clone())).await;

    // What was read can be written back.
    let mut same = put(&body).await.json();
    assert!(same["modified"].as_str() >= body["modified"].as_str());
    same["modified"] = body["modified"].clone();
    assert_eq!(same, body);
    assert_eq!(stored_credential(&api).as_deref(), Some(PASSWORD));

    let short = json!({"name": "n", "url": "https://b.example", "expectedStatus": 200});
    let replaced = put(&short).await.json();
    assert_eq!(replaced["requestHeaders"], json!({}));
    assert_eq!(replaced["failurePolicy"], "DENY");
    assert_eq!(replaced["authentication"], body["authentication"]);
    assert_eq!(replaced["timeoutMs"], Value::Null);
    assert_eq!(replaced["created"], body["created"]);
    assert_eq!(stored_credential(&api).as_deref(), Some(PASSWORD));

    for (field, value) in [
        ("id", "8c0f1a7e-8a27-4f0e-b4d6-1c5a3ce0a111"),
        ("timing", "AFTER"),
        ("objectType", "plan"),
    ] {
        let mut changed = short.clone();
        changed[field] = json!(value);
        let error = put(&changed).await.error(400);
        assert!(
            error.starts_with(field) && error.contains("cannot be changed"),
            "{error}"
        );
    }
    let mut other = short.clone();
    other["authentication"] = json!({"type": "BEARER_TOKEN"});
    let error = put(&other).await.error(400);
    assert!(error.starts_with("authentication.bearerToken"), "{error}");
    other["authentication"]["bearerToken"] = json!("tok");
    let bearer = put(&other).await.json();
    assert_eq!(
        bearer["authentication"],
        json!({"type": "BEARER_TOKEN", "bearerToken": null})
    );
    assert_eq!(stored_credential(&api).as_deref(), Some("tok"));
}

#[tokio::test]
async fn patches_change_parts_and_leak_nothing() {
    let api = Api::new().await;
    let (path, _) = created(&api, before()).await;
    let change = async |operations: Value| api.call(Method::PATCH, &path, Some(operations)).await;
    let patched = change(json!([
        {"op": "replace", "path": "/url", "value": "https://b.example"},
        {"op": "add", "path": "/requestHeaders/x-b", "value": "1"},
        {"op": "remove", "path": "/requestHeaders/action"},
        {"op": "copy", "from": "/authentication/password", "path": "/description"},
        {"op": "replace", "path": "/failurePolicy", "value": "AUDIT"},
        {"op": "remove", "path": "/timeoutMs"},
    ]))
    .await
    .json();
    assert_eq!(patched["url"], "https://b.example");
    assert_eq!(
        patched["requestHeaders"],
        json!({"x-tenant": "acme", "x-b": "1"})
    );
    assert_eq!(patched["description"], Value::Null);
    assert_eq!(patched["failurePolicy"], "AUDIT");
    assert_eq!(patched["timeoutMs"], Value::Null);
    assert_eq!(stored_credential(&api).as_deref(), Some(PASSWORD));

    change(json!([{"op": "replace", "path": "/authentication/password", "value": "new"}]))
        .await
        .json();
    assert_eq!(stored_credential(&api).as_deref(), Some("new"));

    for (operation, part) in [
        (
            json!({"op": "replace", "path": "/timing", "value": "AFTER"}),
            "can't be patched; patchable are: name, description, url",
        ),
        (
            json!({"op": "replace", "path": "/objectType", "value": "api"}),
            "can't be patched",
        ),
        (
            json!({"op": "remove", "path": "/expectedStatus"}),
            "expectedStatus",
        ),
        (
            json!({"op": "replace", "path": "/url", "value": [PASSWORD]}),
            "\"url\"",
        ),
    ] {
        let error = change(json!([operation])).await.error(400);
        assert!(error.contains(part), "{error}");
        assert!(!error.contains(PASSWORD), "{error}");
    }
}

#[tokio::test]
async fn lists_are_filtered_and_sorted() {
    let api = Api::new().await;
    let mut disabled = before();
    disabled["enabled"] = json!(false);
    disabled["name"] = json!("A second");
    for body in [before(), disabled, after()] {
        created(&api, body).await;
    }
    let names = async |query: &str| {
        let rows = api.get(&format!("{PATH}?{query}")).await.json();
        let name = |row: &Value| row["name"].as_str().unwrap().to_owned();
        rows.as_array()
            .unwrap()
            .iter()
            .map(name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["quota check", "A second", "mail"]);
    for (filter, expected) in [
        (r#"objectType eq "developer""#, vec!["mail"]),
        (r#"timing eq "BEFORE""#, vec!["quota check", "A second"]),
        ("enabled eq false", vec!["A second"]),
        (r#"name co "quota""#, vec!["quota check"]),
        (r#"name eq "mail" and enabled eq true"#, vec!["mail"]),
    ] {
        let found = names(&format!("filters={}", encoded(filter))).await;
        assert_eq!(found, expected, "{filter}");
    }
    for (sorters, expected) in [
        ("name", ["A second", "mail", "quota check"]),
        ("-created", ["mail", "A second", "quota check"]),
        ("timing,name", ["mail", "A second", "quota check"]),
        ("objectType,-name", ["quota check", "A second", "mail"]),
    ] {
        assert_eq!(names(&format!("sorters={sorters}")).await, expected);
    }
    let page = api
        .get(&format!("{PATH}?limit=1&offset=1&count=true"))
        .await;
    assert_eq!(page.headers["x-total-count"], "3");
    assert_eq!(page.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn object_types_of_ones_own_come_and_go() {
    let api = Api::new().await;
    let own = json!({"name": "Invoice", "entity": "Invoice", "example": {"id": 1, "total": 1.0}});
    let built_in = api.get("/object-types/v1").await.json();
    assert_eq!(built_in.as_array().unwrap().len(), 6);
    for path in forms("object-types", "/invoice") {
        api.get(&path).await.error(404);
        let put = api.call(Method::PUT, &path, Some(own.clone())).await;
        assert_eq!(put.status, 200, "{}", put.text);
        let got = api.get(&path).await;
        assert_eq!(got.text, put.text);
        assert!(got.text.contains(r#""total":1.0"#), "{}", got.text);
        let body = got.json();
        assert_eq!(
            (&body["id"], &body["builtIn"]),
            (&json!("invoice"), &json!(false))
        );
        let mut callback = after();
        callback["objectType"] = json!("invoice");
        let (callback, _) = created(&api, callback).await;
        let error = api.call(Method::DELETE, &path, None).await.error(400);
        assert!(error.contains("1 callbacks"), "{error}");
        assert_eq!(api.call(Method::DELETE, &callback, None).await.status, 204);
        assert_eq!(api.call(Method::DELETE, &path, None).await.status, 204);
        api.call(Method::DELETE, &path, None).await.error(404);
    }
    for (id, field, value, part) in [
        ("app", "name", json!("x"), "built in"),
        ("invoice", "id", json!("other"), "id:"),
        ("invoice", "entity", json!("user"), "entity:"),
        ("invoice", "example", json!([]), "\"example\""),
        ("invoice", "name", Value::Null, "\"name\""),
    ] {
        let mut body = own.clone();
        body[field] = value;
        let path = format!("/object-types/v1/{id}");
        let error = api.call(Method::PUT, &path, Some(body)).await.error(400);
        assert!(error.contains(part), "{error}");
    }
    let error = api.call(Method::DELETE, "/object-types/v1/app", None).await;
    assert!(error.error(400).contains("built in"));
    let found = api
        .get("/v3/object-types?sorters=-name&limit=2&count=true")
        .await;
    assert_eq!(found.headers["x-total-count"], "6");
    assert_eq!(found.ids(), ["system-configuration", "plan"]);
}
