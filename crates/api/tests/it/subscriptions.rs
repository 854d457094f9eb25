use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Api, Reply, encoded, forms};

const PATH: &str = "/v2026/trigger-subscriptions";
const PASSWORD: &str = "eRtg4%6yuI!";

fn sync_with_basic() -> Value {
    json!({
        "name": "n", "description": "d", "triggerId": "test:request-response", "type": "HTTP",
        "httpConfig": {
            "url": "https://www.example.com", "httpDispatchMode": "SYNC",
            "httpAuthenticationType": "BASIC_AUTH",
            "basicAuthConfig": {"userName": "user@example.com", "password": PASSWORD}
        },
        "enabled": true,
        "filter": "$[?($.identityId == \"201327fda1c44704ac01181e963d463c\")]"
    })
}

async fn created(api: &Api, body: Value) -> (String, Value) {
    let reply = api.post(PATH, body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let json = reply.json();
    let path = format!("{PATH}/{}", json["id"].as_str().unwrap());
    (path, json)
}

fn stored_password(api: &Api) -> Option<String> {
    let snapshot = api.registry.snapshot();
    let subscription = &snapshot.subscriptions().next().unwrap().subscription;
    let http = subscription.http_config.clone().unwrap();
    let basic = http.basic_auth_config?;
    basic.password.map(|secret| secret.expose().to_owned())
}

#[tokio::test]
async fn created_as_asked_and_without_the_password() {
    let api = Api::new().await;
    let (path, body) = created(&api, sync_with_basic()).await;
    let expected = json!({
        "id": body["id"], "name": "n", "description": "d",
        "triggerId": "test:request-response", "triggerName": "Test Request Response",
        "type": "HTTP", "responseDeadline": "PT1H",
        "httpConfig": {
            "url": "https://www.example.com", "httpDispatchMode": "SYNC",
            "httpAuthenticationType": "BASIC_AUTH",
            "basicAuthConfig": {"userName": "user@example.com", "password": null}
        },
        "enabled": true,
        "filter": "$[?($.identityId == \"201327fda1c44704ac01181e963d463c\")]",
        "delivery": {"ordering": "none"}
    });
    assert_eq!(body, expected);
    assert_eq!(stored_password(&api).as_deref(), Some(PASSWORD));
    assert_eq!(api.get(&path).await.json(), expected);
    assert_eq!(api.get(PATH).await.json(), json!([expected]));
}

#[tokio::test]
async fn every_form_has_the_whole_life() {
    let api = Api::new().await;
    for path in forms("trigger-subscriptions", "") {
        let reply = api.post(&path, sync_with_basic()).await;
        assert_eq!(reply.status, 201, "{path}: {}", reply.text);
        let one = format!("{path}/{}", reply.json()["id"].as_str().unwrap());
        assert_eq!(api.get(&one).await.status, 200);
        let operations = json!([{"op": "replace", "path": "/enabled", "value": false}]);
        let patched = api.call(Method::PATCH, &one, Some(operations)).await.json();
        assert_eq!(patched["enabled"], false);
        let put = api
            .call(Method::PUT, &one, Some(sync_with_basic()))
            .await
            .json();
        assert_eq!(put["enabled"], true);
        let deleted = api.call(Method::DELETE, &one, None).await;
        assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
        api.get(&one).await.error(404);
    }
}

#[tokio::test]
async fn enabled_is_patched_by_a_boolean_or_its_text() {
    let api = Api::new().await;
    let (path, _) = created(&api, sync_with_basic()).await;
    for (value, enabled) in [
        (json!("false"), json!(false)),
        (json!(true), json!(true)),
        (json!(false), json!(false)),
        (json!("true"), json!(true)),
    ] {
        let operations = json!([{"op": "replace", "path": "/enabled", "value": value}]);
        let patched = api.call(Method::PATCH, &path, Some(operations)).await;
        assert_eq!(patched.json()["enabled"], enabled, "{}", patched.text);
    }
    for value in [
        json!("True"),
        json!("hush"),
        json!(1),
        json!(null),
        json!([true]),
    ] {
        let operations = json!([{"op": "replace", "path": "/enabled", "value": value}]);
        let refused = api.call(Method::PATCH, &path, Some(operations)).await;
        let text = refused.error(400);
        assert!(text.contains("boolean") && !text.contains("hush"), "{text}");
    }
}

#[tokio::test]
async fn all_kinds_are_taken() {
    let api = Api::new().await;
    let bodies = [
        json!({"name": "e", "triggerId": "test:fire-and-forget", "type": "EVENTBRIDGE",
            "eventBridgeConfig": {"awsAccount": "123456789012", "awsRegion": "us-west-1"}}),
        json!({"name": "z", "triggerId": "test:fire-and-forget", "type": "HTTP",
            "httpConfig": {"url": "https://a.example"}, "unknown": 1}),
        json!({"name": "t", "triggerId": "test:request-response", "type": "HTTP", "responseDeadline": "PT24H",
            "httpConfig": {"url": "https://a.example", "httpDispatchMode": "DYNAMIC",
                "httpAuthenticationType": "BEARER_TOKEN", "bearerTokenAuthConfig": {"bearerToken": "tok"}},
            "enabled": false,
            "delivery": {"ordering": "key", "maxInFlight": 3, "retry": {"maxAttempts": 2, "initialDelayMs": 5, "maxDelayMs": 50}}}),
    ];
    let mut made = Vec::new();
    for body in bodies {
        made.push(created(&api, body).await.1);
    }
    assert_eq!(made[0]["eventBridgeConfig"]["awsAccount"], "123456789012");
    assert!(made[0].get("httpConfig").is_none());
    assert_eq!(made[0]["enabled"], true);
    assert_eq!(made[1]["httpConfig"]["httpDispatchMode"], "SYNC");
    assert_eq!(made[1]["httpConfig"]["httpAuthenticationType"], "NO_AUTH");
    assert!(made[1].get("filter").is_none());
    assert_eq!(made[2]["responseDeadline"], "PT24H");
    assert_eq!(
        made[2]["httpConfig"]["bearerTokenAuthConfig"],
        json!({"bearerToken": null})
    );
    assert_eq!(made[2]["enabled"], false);
    assert_eq!(made[2]["delivery"]["maxInFlight"], 3);
    assert_eq!(made[2]["delivery"]["retry"]["maxAttempts"], 2);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = Api::new().await;
    for (pointer, value, part) in [
        ("/name", Value::Null, "\"name\""),
        ("/name", json!(""), "name"),
        ("/triggerId", json!("nope"), "\"nope\""),
        ("/type", json!("SCRIPT"), "\"type\": expected"),
        ("/type", json!("EVENTBRIDGE"), "eventBridgeConfig"),
        ("/httpConfig", Value::Null, "httpConfig"),
        ("/httpConfig/url", json!("ftp://x"), "httpConfig.url"),
        (
            "/httpConfig/httpDispatchMode",
            json!("LATER"),
            "\"httpConfig.httpDispatchMode\"",
        ),
        (
            "/httpConfig/httpDispatchMode",
            Value::Null,
            "httpDispatchMode",
        ),
        (
            "/httpConfig/basicAuthConfig/password",
            Value::Null,
            "password",
        ),
        (
            "/httpConfig/basicAuthConfig",
            Value::Null,
            "basicAuthConfig",
        ),
        ("/filter", json!("$[?("), "filter"),
        ("/responseDeadline", json!("1 hour"), "responseDeadline"),
        ("/responseDeadline", json!("P30D"), "responseDeadline"),
        ("/enabled", json!("yes"), "\"enabled\""),
        ("/delivery", json!({"speed": 1}), "\"delivery.speed\""),
    ] {
        let mut body = sync_with_basic();
        body["responseDeadline"] = json!("PT1H");
        body["delivery"] = json!({});
        *body.pointer_mut(pointer).unwrap() = value;
        let error = api.post(PATH, body).await.error(400);
        assert!(error.contains(part), "{pointer}: {error}");
        assert!(!error.contains(PASSWORD));
    }
    assert_eq!(api.get(PATH).await.json(), json!([]));
}

#[tokio::test]
async fn one_subscription_per_request_response_and_fifty_otherwise() {
    let api = Api::new().await;
    api.subscribe("test:request-response", "first").await;
    let error = api.post(PATH, sync_with_basic()).await.error(400);
    assert!(error.contains("at most 1"), "{error}");
    for n in 0..50 {
        api.subscribe("test:fire-and-forget", &format!("s{n}"))
            .await;
    }
    let body = json!({"name": "51", "triggerId": "test:fire-and-forget", "type": "HTTP",
        "httpConfig": {"url": "https://a.example"}});
    let error = api.post(PATH, body).await.error(400);
    assert!(error.contains("at most 50"), "{error}");
}

#[tokio::test]
async fn put_replaces_and_keeps_what_it_must() {
    let api = Api::new().await;
    let (path, body) = created(&api, sync_with_basic()).await;
    let mut replacement = json!({
        "id": body["id"], "triggerId": "test:request-response", "triggerName": "ignored",
        "httpConfig": {
            "url": "https://b.example", "httpDispatchMode": "ASYNC",
            "httpAuthenticationType": "BASIC_AUTH",
            "basicAuthConfig": {"userName": "user@example.com", "password": null}
        }
    });
    let put = api
        .call(Method::PUT, &path, Some(replacement.clone()))
        .await
        .json();
    assert_eq!(put["name"], "n");
    assert_eq!(put["type"], "HTTP");
    assert_eq!(put["httpConfig"]["url"], "https://b.example");
    assert_eq!(put["enabled"], true);
    assert!(put.get("description").is_none() && put.get("filter").is_none());
    assert_eq!(stored_password(&api).as_deref(), Some(PASSWORD));

    for (field, value) in [
        ("triggerId", "test:fire-and-forget"),
        ("id", "8c0f1a7e-8a27-4f0e-b4d6-1c5a3ce0a111"),
    ] {
        let mut changed = replacement.clone();
        changed[field] = json!(value);
        let error = api.call(Method::PUT, &path, Some(changed)).await.error(400);
        assert!(error.contains(field), "{error}");
    }
    replacement["httpConfig"] = Value::Null;
    let error = api
        .call(Method::PUT, &path, Some(replacement))
        .await
        .error(400);
    assert!(error.contains("httpConfig"), "{error}");
    for id in ["8c0f1a7e-8a27-4f0e-b4d6-1c5a3ce0a111", "nope"] {
        let path = format!("{PATH}/{id}");
        api.call(Method::PUT, &path, Some(json!({})))
            .await
            .error(404);
        api.call(Method::PATCH, &path, Some(json!([])))
            .await
            .error(404);
        api.call(Method::DELETE, &path, None).await.error(404);
        api.get(&path).await.error(404);
    }
}

#[tokio::test]
async fn patch_changes_only_what_it_names() {
    let api = Api::new().await;
    let (path, before) = created(&api, sync_with_basic()).await;
    let operations = json!([
        {"op": "replace", "path": "/enabled", "value": false},
        {"op": "remove", "path": "/filter"},
        {"op": "replace", "path": "/httpConfig/url", "value": "https://c.example"},
        {"op": "add", "path": "/delivery/maxInFlight", "value": 9},
        {"op": "copy", "from": "/httpConfig/basicAuthConfig/password", "path": "/description"},
        {"op": "move", "from": "/responseDeadline", "path": "/name"},
        {"op": "add", "path": "/responseDeadline", "value": "PT2H"},
    ]);
    let reply = api.call(Method::PATCH, &path, Some(operations)).await;
    let mut expected = before;
    expected["enabled"] = json!(false);
    expected["name"] = json!("PT1H");
    expected["responseDeadline"] = json!("PT2H");
    expected["httpConfig"]["url"] = json!("https://c.example");
    expected["delivery"]["maxInFlight"] = json!(9);
    expected.as_object_mut().unwrap().remove("filter");
    expected.as_object_mut().unwrap().remove("description");
    assert_eq!(reply.json(), expected);
    assert!(!reply.text.contains(PASSWORD));
    assert_eq!(stored_password(&api).as_deref(), Some(PASSWORD));

    let operations =
        json!([{"op": "replace", "path": "/httpConfig/basicAuthConfig/password", "value": "new"}]);
    let reply = api.call(Method::PATCH, &path, Some(operations)).await;
    assert_eq!(
        reply.json()["httpConfig"]["basicAuthConfig"]["password"],
        Value::Null
    );
    assert_eq!(stored_password(&api).as_deref(), Some("new"));
}

#[tokio::test]
async fn patches_are_all_or_nothing() {
    let api = Api::new().await;
    let (path, before) = created(&api, sync_with_basic()).await;
    for (operation, part) in [
        (
            json!({"op": "test", "path": "/name", "value": "n"}),
            "op must be",
        ),
        (
            json!({"op": "replace", "path": "/triggerId", "value": "x"}),
            "triggerId",
        ),
        (
            json!({"op": "replace", "path": "/workflowConfig", "value": {}}),
            "workflowConfig",
        ),
        (
            json!({"op": "replace", "path": "/disabledReason", "value": "x"}),
            "disabledReason",
        ),
        (
            json!({"op": "replace", "path": "/enabled", "value": "x"}),
            "\"enabled\": expected a boolean",
        ),
        (
            json!({"op": "remove", "path": "/name"}),
            "missing field `name`",
        ),
        (json!({"op": "remove", "path": "/httpConfig"}), "httpConfig"),
        (
            json!({"op": "replace", "path": "/filter", "value": "$["}),
            "filter",
        ),
        (
            json!({"op": "add", "path": "/httpConfig/basicAuthConfig", "value": null}),
            "basicAuthConfig",
        ),
        (json!({"path": "/name"}), "missing field `op`"),
    ] {
        let operations = json!([{"op": "replace", "path": "/name", "value": "changed"}, operation]);
        let error = api
            .call(Method::PATCH, &path, Some(operations))
            .await
            .error(400);
        assert!(error.contains(part), "{operation}: {error}");
    }
    let error = api
        .call(Method::PATCH, &path, Some(json!({})))
        .await
        .error(400);
    assert!(error.contains("expected a sequence"), "{error}");
    assert_eq!(api.get(&path).await.json(), before);
}

#[tokio::test]
async fn patches_come_with_either_content_type() {
    let api = Api::new().await;
    let (path, _) = created(&api, sync_with_basic()).await;
    let token = api
        .token_for("p", &["sp:trigger-service-subscriptions:manage"])
        .await;
    let send = |content_type: &'static str| {
        let request = axum::http::Request::patch(&path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", content_type)
            .body(r#"[{"op":"replace","path":"/name","value":"x"}]"#.to_owned().into())
            .unwrap();
        api.send(request)
    };
    assert_eq!(send("application/json-patch+json").await.status, 200);
    assert_eq!(send("application/json; charset=utf-8").await.status, 200);
    send("text/plain").await.error(415);
}

#[tokio::test]
async fn a_disabled_subscription_tells_why_until_it_is_enabled() {
    let api = Api::new().await;
    let (path, body) = created(&api, sync_with_basic()).await;
    let id = triggerfish_core::SubscriptionId(body["id"].as_str().unwrap().parse().unwrap());
    let reason = Some("100 calls in a row failed".to_owned());
    api.registry.set_enabled(id, false, reason).await.unwrap();
    let shown = api.get(&path).await.json();
    assert_eq!(shown["disabledReason"], "100 calls in a row failed");
    let operations = json!([{"op": "replace", "path": "/enabled", "value": true}]);
    let shown = api
        .call(Method::PATCH, &path, Some(operations))
        .await
        .json();
    assert!(shown.get("disabledReason").is_none());
}

#[tokio::test]
async fn filters_and_sorters() {
    let api = Api::new().await;
    let b = api.subscribe("test:fire-and-forget", "b").await;
    let a = api.subscribe("test:request-response", "a \"x\" \\ #").await;
    let c = api.subscribe("idn:identity-created", "c").await;
    let list = |query: String| {
        let path = format!("{PATH}?{query}");
        let api = &api;
        async move { api.get(&path).await }
    };
    let filter = |text: &str| format!("filters={}", encoded(text));
    for (text, expected) in [
        (format!(r#"id eq "{a}""#), vec![&a]),
        (
            format!(r#"id in ("{}", "{c}")"#, b.to_uppercase()),
            vec![&b, &c],
        ),
        (r#"triggerId eq "test:fire-and-forget""#.into(), vec![&b]),
        (r#"type eq "HTTP" and not name co "x""#.into(), vec![&b, &c]),
        (r#"type le "EVENTBRIDGE""#.into(), vec![]),
        (r#"name eq "a \"x\" \\ #""#.into(), vec![&a]),
    ] {
        assert_eq!(
            list(filter(&text)).await.ids(),
            expected.into_iter().cloned().collect::<Vec<_>>(),
            "{text}"
        );
    }
    assert_eq!(
        list("sorters=triggerId".into()).await.ids(),
        [c.clone(), b.clone(), a.clone()]
    );
    assert_eq!(list("sorters=-triggerName".into()).await.ids()[0], a);
    for (query, part) in [
        (filter(r#"enabled eq "true""#), "\"enabled\""),
        (
            filter(r#"type ca "x""#),
            "operator ca is not supported for field \"type\"",
        ),
        ("sorters=name".into(), "\"name\""),
    ] {
        let error: Reply = list(query).await;
        assert!(error.error(400).contains(part));
    }
}
