use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, Request},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use triggerfish_api::RateLimit;

use crate::harness::{Api, Reply, SECRET, forms};

const READ: &str = "sp:trigger-service-subscriptions:read";
const MANAGE: &str = "sp:trigger-service-subscriptions:manage";

async fn token(api: &Api, query: &str, headers: &[(&str, String)], body: &str) -> Reply {
    let mut request = Request::post(format!("/oauth/token{query}"));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    api.send(request.body(body.to_owned().into()).unwrap())
        .await
}

fn urlencoded() -> (&'static str, String) {
    ("content-type", "application/x-www-form-urlencoded".into())
}

fn basic(pair: &str) -> (&'static str, String) {
    ("authorization", format!("Basic {}", STANDARD.encode(pair)))
}

async fn api() -> Api {
    let api = Api::new().await;
    api.token_for("c", &[READ, MANAGE]).await;
    api
}

#[tokio::test]
async fn every_way_to_ask_for_a_token() {
    let api = api().await;
    let form = format!("grant_type=client_credentials&client_id=c&client_secret={SECRET}");
    let part = |name: &str, value: &str| {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let multipart = [
        part("grant_type", "client_credentials"),
        part("client_id", "c"),
        part("client_secret", SECRET),
        "--B--\r\n".to_owned(),
    ]
    .concat();
    let grant = "grant_type=client_credentials";
    let ways = [
        token(&api, "", &[urlencoded()], &form).await,
        token(
            &api,
            "",
            &[("content-type", "multipart/form-data; boundary=B".into())],
            &multipart,
        )
        .await,
        token(
            &api,
            "",
            &[urlencoded(), basic(&format!("c:{SECRET}"))],
            grant,
        )
        .await,
        token(
            &api,
            "",
            &[urlencoded(), basic(&format!("c:{SECRET}"))],
            &format!("{grant}&client_id=c"),
        )
        .await,
        token(&api, &format!("?{form}"), &[], "").await,
        token(&api, &format!("?{form}"), &[urlencoded()], "").await,
    ];
    for reply in ways {
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.headers["cache-control"], "no-store");
        let body = reply.json();
        assert_eq!(body["token_type"], "bearer");
        assert_eq!(body["expires_in"], 720);
        assert_eq!(body["scope"], format!("{READ} {MANAGE}"));
        let access = body["access_token"].as_str().unwrap();
        let list = api
            .call_as(access, Method::GET, "/beta/trigger-subscriptions", None)
            .await;
        assert_eq!(list.status, 200);
    }
}

const GRANT: &str = "grant_type=client_credentials";

/// Checks a refusal of the token endpoint.
fn refused(reply: &Reply, status: u16, error: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.json()["error"], error, "{}", reply.text);
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert!(!reply.text.contains(SECRET));
}

#[tokio::test]
async fn wrong_parameters_are_refused_in_the_words_of_the_standard() {
    let api = api().await;
    let good = format!("client_id=c&client_secret={SECRET}");
    for (form, status, error) in [
        (
            format!("{GRANT}&client_id=c&client_secret=x"),
            401,
            "invalid_client",
        ),
        (
            format!("{GRANT}&client_id=nobody&client_secret=x"),
            401,
            "invalid_client",
        ),
        (format!("{GRANT}&client_id=c"), 401, "invalid_client"),
        (GRANT.into(), 401, "invalid_client"),
        (
            format!("{GRANT}&{good}&scope=triggerfish:clients:manage"),
            400,
            "invalid_scope",
        ),
        (
            format!("{GRANT}&{good}&scope={READ}%20nope"),
            400,
            "invalid_scope",
        ),
        (
            format!("{GRANT}&{good}&client_id=c"),
            400,
            "invalid_request",
        ),
        (good.clone(), 400, "invalid_request"),
        (
            format!("grant_type=password&{good}"),
            400,
            "unsupported_grant_type",
        ),
    ] {
        let reply = token(&api, "", &[urlencoded()], &form).await;
        refused(&reply, status, error);
        assert!(!reply.headers.contains_key("www-authenticate"));
    }
    let wrong = format!("{GRANT}&client_id=c&client_secret=x");
    let nobody = format!("{GRANT}&client_id=nobody&client_secret=x");
    let wrong = token(&api, "", &[urlencoded()], &wrong).await;
    let nobody = token(&api, "", &[urlencoded()], &nobody).await;
    assert_eq!(wrong.text, nobody.text);
}

#[tokio::test]
async fn wrong_forms_and_headers_are_refused_in_the_words_of_the_standard() {
    let api = api().await;
    let good = format!("{GRANT}&client_id=c&client_secret={SECRET}");
    let json = ("content-type", "application/json".to_owned());
    let no_boundary = ("content-type", "multipart/form-data".to_owned());
    let broken = ("authorization", "Basic !".to_owned());
    let bearer = ("authorization", "Bearer abc".to_owned());
    for (headers, body) in [
        (vec![json], "{}"),
        (vec![no_boundary], "x"),
        (vec![urlencoded(), basic("c:x")], good.as_str()),
        (
            vec![urlencoded(), basic("d:x")],
            "grant_type=client_credentials&client_id=c",
        ),
        (vec![urlencoded(), basic("no colon")], GRANT),
        (vec![urlencoded(), broken], GRANT),
        (vec![urlencoded(), bearer], GRANT),
    ] {
        let reply = token(&api, "", &headers, body).await;
        refused(&reply, 400, "invalid_request");
    }
    let reply = token(&api, "", &[urlencoded(), basic("c:wrong")], GRANT).await;
    refused(&reply, 401, "invalid_client");
    let challenge = reply.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("Basic"), "{challenge}");
}

#[tokio::test]
async fn no_token_or_a_bad_one_is_401_everywhere() {
    let api = api().await;
    let bad = [
        (None, "JWT validation failed: no Authorization header"),
        (
            Some("Basic abc"),
            "JWT validation failed: the Authorization header holds no bearer token",
        ),
        (
            Some("Bearer abc"),
            "JWT validation failed: JWT is not well-formed",
        ),
        (
            Some("Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30."),
            "JWT validation failed: JWT signature is not valid",
        ),
    ];
    let routes = [
        (Method::GET, "triggers", ""),
        (Method::PUT, "triggers", "/x"),
        (Method::GET, "trigger-subscriptions", ""),
        (Method::POST, "trigger-subscriptions", ""),
        (Method::PATCH, "trigger-subscriptions", "/x"),
        (Method::DELETE, "trigger-subscriptions", "/x"),
        (Method::POST, "trigger-subscriptions", "/validate-filter"),
        (
            Method::POST,
            "trigger-subscriptions",
            "/x/rotate-signing-secret",
        ),
        (Method::GET, "trigger-invocations", "/status"),
        (Method::POST, "trigger-invocations", "/test"),
        (Method::POST, "trigger-invocations", "/start"),
        (Method::GET, "api-clients", ""),
        (Method::POST, "api-clients", ""),
    ];
    for (method, resource, rest) in routes {
        for path in forms(resource, rest) {
            for (header, text) in bad {
                let mut request = Request::builder().method(&method).uri(&path);
                if let Some(header) = header {
                    request = request.header("authorization", header);
                }
                let reply = api.send(request.body(Body::empty()).unwrap()).await;
                assert_eq!(reply.status, 401, "{method} {path}");
                assert_eq!(reply.json(), json!({"error": text}));
                assert_eq!(reply.headers["www-authenticate"], "Bearer");
                assert!(reply.headers.contains_key("x-tracking-id"));
            }
        }
    }
    let request = Request::post("/cloudevents").body(Body::empty()).unwrap();
    assert_eq!(api.send(request).await.status, 401);
}

#[tokio::test]
async fn tokens_end() {
    let api = api().await;
    let access = api.token_for("d", &[READ]).await;
    let list = || api.call_as(&access, Method::GET, "/beta/triggers", None);
    assert_eq!(list().await.status, 200);
    api.advance(Duration::from_secs(719));
    assert_eq!(list().await.status, 200);
    api.advance(Duration::from_secs(1));
    let reply = list().await;
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.json(),
        json!({"error": "JWT validation failed: JWT is expired"})
    );

    let access = api.token_for("d", &[READ]).await;
    assert_eq!(
        api.call_as(&access, Method::GET, "/beta/triggers", None)
            .await
            .status,
        200
    );
    api.registry.delete_client("d").await.unwrap();
    let reply = api
        .call_as(&access, Method::GET, "/beta/triggers", None)
        .await;
    assert_eq!(reply.status, 401);
    assert!(reply.text.contains("does not exist any more"));
}

/// Clients by the letter that says what they may do.
const CLIENTS: [(char, &str); 10] = [
    ('r', READ),
    ('m', MANAGE),
    ('s', "sp:trigger-service-invocation-status:read"),
    ('S', "sp:trigger-service-invocation-status:manage"),
    ('i', "triggerfish:invocations:start"),
    ('l', "triggerfish:records:read"),
    ('d', "triggerfish:dead-letters:redrive"),
    ('t', "triggerfish:triggers:manage"),
    ('c', "triggerfish:clients:manage"),
    ('-', "idn:accounts:read"),
];

#[tokio::test]
async fn scopes_open_what_they_say() {
    let api = api().await;
    let subscription = json!({"name": "s", "triggerId": "test:fire-and-forget", "type": "HTTP",
        "httpConfig": {"url": "https://a.example"}});
    let event = json!({"triggerId": "t", "input": {}, "contentJson": {}});
    let operations = [
        (Method::GET, "/beta/callbacks", None, "rm"),
        (Method::POST, "/beta/callbacks", None, "m"),
        (Method::DELETE, "/beta/callbacks/nope", None, "m"),
        (Method::GET, "/beta/object-types", None, "rm"),
        (Method::DELETE, "/beta/object-types/nope", None, "m"),
        (Method::GET, "/beta/triggers", None, "rmt"),
        (Method::GET, "/beta/trigger-subscriptions", None, "rm"),
        (
            Method::POST,
            "/beta/trigger-subscriptions",
            Some(subscription),
            "m",
        ),
        (
            Method::POST,
            "/beta/trigger-subscriptions/validate-filter",
            Some(json!({"filter": "$", "input": {}})),
            "m",
        ),
        (Method::GET, "/beta/trigger-invocations/status", None, "sS"),
        (Method::GET, "/beta/trigger-invocations", None, "sS"),
        (
            Method::GET,
            "/beta/trigger-invocations/pending-events",
            None,
            "sS",
        ),
        (
            Method::POST,
            "/beta/trigger-invocations/test",
            Some(event.clone()),
            "S",
        ),
        (
            Method::POST,
            "/beta/trigger-invocations/start",
            Some(event),
            "i",
        ),
        (Method::DELETE, "/beta/triggers/nope", None, "t"),
        (Method::GET, "/topics/completions/records", None, "l"),
        (Method::GET, "/dead-letters/v1/0@1", None, "l"),
        (
            Method::POST,
            "/dead-letters/v1/redrive",
            Some(json!({"places": ["0@1"]})),
            "d",
        ),
        (Method::GET, "/beta/api-clients", None, "c"),
    ];
    for (letter, scope) in CLIENTS {
        let access = api.token_for("s", &[scope]).await;
        for (method, path, body, may) in &operations {
            let reply = api
                .call_as(&access, method.clone(), path, body.clone())
                .await;
            if may.contains(letter) {
                assert_ne!(reply.status, 403, "{scope} {method} {path}");
                assert_ne!(reply.status, 401, "{scope} {method} {path}");
            } else {
                let error = reply.error(403);
                assert!(error.contains("needed: "), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_can_ask_for_less_and_never_has_more_than_its_client() {
    let api = api().await;
    let body =
        format!("grant_type=client_credentials&client_id=c&client_secret={SECRET}&scope={READ}");
    let reply = api.form("/oauth/token", &body).await;
    assert_eq!(reply.json()["scope"], READ);
    let less = reply.json()["access_token"].as_str().unwrap().to_owned();
    let path = "/beta/trigger-subscriptions/validate-filter";
    let input = || Some(json!({"filter": "$", "input": {}}));
    api.call_as(&less, Method::POST, path, input())
        .await
        .error(403);

    let full = api.token_for("c", &[READ, MANAGE]).await;
    assert_eq!(
        api.call_as(&full, Method::POST, path, input()).await.status,
        200
    );
    api.token_for("c", &[READ]).await;
    api.call_as(&full, Method::POST, path, input())
        .await
        .error(403);
}

#[tokio::test]
async fn callers_can_be_slowed_down() {
    let api = Api::with(|settings| {
        settings.rate_limit = Some(RateLimit {
            calls: 3,
            ..RateLimit::REFERENCE
        });
    })
    .await;
    for _ in 0..3 {
        assert_eq!(api.get("/v2025/triggers").await.status, 200);
    }
    let reply = api.get("/v2025/trigger-subscriptions").await;
    assert_eq!(reply.status, 429);
    assert_eq!(reply.json(), json!({"message": " Rate Limit Exceeded "}));
    assert_eq!(reply.headers["retry-after"], "10");
    assert_eq!(api.get("/v2024/triggers").await.status, 200);
    assert_eq!(api.get("/triggers/v1").await.status, 200);
    api.advance(Duration::from_secs(10));
    assert_eq!(api.get("/v2025/triggers").await.status, 200);
}

#[tokio::test]
async fn who_is_signed_in_needs_no_token_and_a_token_counts_first() {
    use triggerfish_api::{Scope, SignedIn};
    let api = Api::new().await;
    let signed_in = |scope: Scope, method: Method, path: &str| {
        let caller = SignedIn {
            name: "console:viewer".into(),
            scopes: [scope].into(),
        };
        Request::builder()
            .method(method)
            .uri(path)
            .extension(caller)
    };
    let path = "/trigger-subscriptions/v1";
    let empty = || Body::empty();
    let request = signed_in(Scope::SubscriptionsRead, Method::GET, path).body(empty());
    assert_eq!(api.send(request.unwrap()).await.status, 200);
    let one = format!("{path}/01a205f7-02c1-7aa4-b7b9-a3ba303a888c");
    let request = signed_in(Scope::SubscriptionsRead, Method::DELETE, &one).body(empty());
    api.send(request.unwrap()).await.error(403);
    let request = signed_in(Scope::SubscriptionsRead, Method::GET, path)
        .header("authorization", "Bearer x")
        .body(empty());
    assert_eq!(api.send(request.unwrap()).await.status, 401);
}
