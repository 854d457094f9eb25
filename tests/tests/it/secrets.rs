//! Secrets stay where they belong: a whole day's work with loud logs, and none of them
//! shows up in log lines, metrics, answers, topics or, in the clear, on disk.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use triggerfish_tests::{Api, Reply, Service, Setup, Subscriber, eventually};

use crate::scene::TRIGGER;

const CLIENT_SECRET: &str = "client-secret-9f1c77aa";
const PASSWORD: &str = "basic-password-5be21d03";
const BEARER: &str = "bearer-token-e4470c19";
const CALLBACK_TOKEN: &str = "callback-token-c31d60f8";
const MISTYPED: &str = "mistyped-secret-0d6f2b58";

/// What was handed out while the service ran.
struct Handed {
    /// Never in the clear anywhere.
    everywhere: Vec<String>,
    /// Answers of the API that are to hold nothing of it.
    shown: Vec<String>,
}

#[tokio::test]
async fn none_shows_up_anywhere() {
    let setup = Setup::new()
        .variable("TRIGGERFISH_CLIENT_SECRET", CLIENT_SECRET)
        .set("log.level", "trace")
        .set("log.format", "json");
    let mut service = setup.launch();
    service.api = triggerfish_tests::Api::new(&setup.url(), ("tests", CLIENT_SECRET));
    service.ready().await;
    let handed = work(&service).await;
    let log_lines = setup.log_file();
    drop(service.stop().await);

    let mut places = vec![(
        "the log lines",
        std::fs::read_to_string(log_lines).expect("text"),
    )];
    assert!(
        places[0].1.contains("\"level\":\"TRACE\""),
        "the log is as loud as it gets"
    );
    for topic in ["invocation-log", "completions", "dead-letters"] {
        let records = setup.tail(topic);
        places.push((
            topic,
            records
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
        ));
    }
    places.extend(handed.shown.into_iter().map(|text| ("an answer", text)));
    for secret in &handed.everywhere {
        for (place, text) in &places {
            let found = text.lines().find(|line| line.contains(secret.as_str()));
            assert!(
                found.is_none(),
                "{secret} is in {place}: {}",
                found.unwrap_or_default()
            );
        }
        // Held by the key file, which is not the log.
        assert_eq!(
            holds_bytes(&setup.data(), secret.as_bytes()),
            None,
            "{secret} is on disk"
        );
    }
}

/// Everything that touches secrets, done well and badly.
async fn work(service: &Service) -> Handed {
    let api = &service.api;
    // Gives back what it was sent, where an error text might pick it up.
    let parrot = Subscriber::start(|call| async move {
        let sent = format!(
            "{} {}",
            call.header("authorization"),
            call.json()["_metadata"]["secret"]
        );
        Reply::json(500, sent.clone())
            .with("x-seen", &sent)
            .with("location", &sent)
    })
    .await;
    let quiet = Subscriber::always(Reply::json(200, "{}")).await;
    api.put_trigger(TRIGGER, "FIRE_AND_FORGET").await;
    api.put_trigger("acme:asks", "REQUEST_RESPONSE").await;
    let basic = json!({"httpConfig": {"httpAuthenticationType": "BASIC_AUTH",
        "basicAuthConfig": {"userName": "user", "password": PASSWORD}},
        "delivery": {"retry": {"maxAttempts": 2, "initialDelayMs": 1, "maxDelayMs": 1}}});
    let first = api.subscribe(TRIGGER, &parrot.url(), "SYNC", basic).await;
    let bearer = json!({"httpConfig": {"httpAuthenticationType": "BEARER_TOKEN",
        "bearerTokenAuthConfig": {"bearerToken": BEARER}}});
    let second = api
        .subscribe("acme:asks", &quiet.url(), "ASYNC", bearer)
        .await;
    let rotate = format!("/trigger-subscriptions/v1/{first}/rotate-signing-secret");
    let rotated = api.post(&rotate, "").await.expect(200).json();

    let (callback, signing_secret) = callback_with_token(api, &quiet.url()).await;

    let failing = api.start_one(TRIGGER, "{}", "{}").await;
    api.closed(&failing.id).await;
    let asked = api.start_one("acme:asks", "{}", "{}").await;
    quiet.called(1).await;
    let mut shown = badly(service, &asked.id, &second).await;
    let body = json!({"secret": asked.secret, "output": {"ok": 1}});
    assert_eq!(api.complete(&asked.id, body).await.status, 204);
    api.closed(&asked.id).await;

    for path in [
        "/trigger-subscriptions/v1",
        "/callbacks/v1",
        &callback,
        "/trigger-invocations/v1/status",
        "/trigger-invocations/v1",
        "/api-clients/v1",
        "/metrics",
        "/topics/invocation-log/records?from=beginning",
        "/topics/completions/records?from=beginning",
        &format!("/trigger-subscriptions/v1/{first}"),
        &format!("/trigger-invocations/v1/{}", failing.id),
        &format!("/trigger-invocations/v1/{}", asked.id),
    ] {
        shown.push(api.get(path).await.expect(200).text());
    }
    let whsec = bare(&rotated);
    // user:basic-password-5be21d03, as a header carries it
    let encoded = "dXNlcjpiYXNpYy1wYXNzd29yZC01YmUyMWQwMw==".to_owned();
    let fixed = [CLIENT_SECRET, PASSWORD, BEARER, CALLBACK_TOKEN, MISTYPED].map(str::to_owned);
    let made = [
        failing.secret,
        asked.secret,
        whsec,
        signing_secret,
        encoded,
        api.token().await,
    ];
    Handed {
        everywhere: fixed.into_iter().chain(made).collect(),
        shown,
    }
}

/// Makes a callback with a credential and a signing secret; its path and that secret.
async fn callback_with_token(api: &Api, url: &str) -> (String, String) {
    let body = json!({"name": "c", "timing": "AFTER", "objectType": "app", "url": url,
        "authentication": {"type": "BEARER_TOKEN", "bearerToken": CALLBACK_TOKEN}});
    let made = api.post("/callbacks/v1", body.to_string()).await;
    let made = made.expect(201).json();
    let path = format!("/callbacks/v1/{}", made["id"].as_str().expect("an id"));
    let rotate = format!("{path}/rotate-signing-secret");
    let rotated = api.post(&rotate, "").await.expect(200).json();
    (path, bare(&rotated))
}

/// A signing secret that was just made, without its prefix.
fn bare(rotated: &Value) -> String {
    let whsec = rotated["secret"].as_str().expect("a secret");
    whsec.strip_prefix("whsec_").expect("the prefix").to_owned()
}

/// Requests with a secret in the wrong place; returns what was answered.
async fn badly(service: &Service, invocation: &str, subscription: &str) -> Vec<String> {
    let api = &service.api;
    let mut shown = Vec::new();
    for (method, path, body) in ill_formed(invocation, subscription) {
        let answer = api.call(method, &path, &[], body).await;
        assert!(answer.status >= 400, "{path}: {}", answer.text());
        shown.push(answer.text());
    }
    let form = format!("grant_type=client_credentials&client_id=tests&client_secret={MISTYPED}");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let refused = api.call(Method::POST, "/oauth/token", &headers, form).await;
    assert!(refused.status >= 400, "{}", refused.text());
    shown.push(refused.text());
    let http = triggerfish_tests::api::http();
    let request = http.get(api.url("/triggers/v1")).bearer_auth(MISTYPED);
    let refused = eventually("an answer", async || {
        triggerfish_tests::api::answer(request.try_clone().expect("no body")).await
    });
    shown.push(refused.await.expect(401).text());
    shown
}

/// Method, path and body of requests that are to be refused.
fn ill_formed(invocation: &str, subscription: &str) -> Vec<(Method, String, String)> {
    let complete = format!("/beta/trigger-invocations/{invocation}/complete");
    let path = format!("/trigger-subscriptions/v1/{subscription}");
    let subscriptions = "/trigger-subscriptions/v1".to_owned();
    let http = |password| {
        json!({"url": MISTYPED, "httpDispatchMode": MISTYPED,
        "basicAuthConfig": {"userName": "u", "password": password}})
    };
    let subscription = |password| {
        json!({"name": "x", "triggerId": TRIGGER, "type": "HTTP",
        "httpConfig": http(password)})
    };
    let cut = format!("{{\"secret\":\"{MISTYPED}\",");
    vec![
        (
            Method::POST,
            complete.clone(),
            json!({"secret": MISTYPED, "output": {}}).to_string(),
        ),
        (Method::POST, complete.clone(), cut),
        (
            Method::POST,
            subscriptions.clone(),
            subscription(json!([MISTYPED])).to_string(),
        ),
        (
            Method::POST,
            subscriptions.clone(),
            subscription(json!(MISTYPED)).to_string(),
        ),
        (
            Method::PUT,
            path.clone(),
            json!({"name": {"a": MISTYPED}}).to_string(),
        ),
        (
            Method::PATCH,
            path.clone(),
            json!([{"op": MISTYPED, "path": "/name", "value": MISTYPED}]).to_string(),
        ),
        (
            Method::PATCH,
            path.clone(),
            json!([{"op": "replace", "path": "/httpConfig/basicAuthConfig",
            "value": {"password": MISTYPED}}])
            .to_string(),
        ),
        (
            Method::POST,
            "/callbacks/v1".into(),
            json!({"name": "x", "timing": "AFTER", "objectType": "app", "url": MISTYPED,
            "authentication": {"type": "NO_AUTH", "password": MISTYPED},
            "requestHeaders": {"authorization": MISTYPED}})
            .to_string(),
        ),
        (
            Method::POST,
            "/callbacks/v1".into(),
            json!({"authentication": {"bearerToken": [MISTYPED]}}).to_string(),
        ),
        (
            Method::POST,
            "/api-clients/v1".into(),
            json!({"name": [MISTYPED], "scopes": [MISTYPED]}).to_string(),
        ),
    ]
}

/// The first file below `folder` that has these bytes.
fn holds_bytes(folder: &Path, wanted: &[u8]) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder)
        .expect("a folder")
        .filter_map(Result::ok)
    {
        let path = entry.path();
        let found = if path.is_dir() {
            holds_bytes(&path, wanted)
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            bytes
                .windows(wanted.len())
                .any(|window| window == wanted)
                .then_some(path)
        };
        if found.is_some() {
            return found;
        }
    }
    None
}
