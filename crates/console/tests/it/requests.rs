use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{ADMIN, BY_PERSON, Setup};

#[tokio::test]
async fn a_cookie_alone_does_nothing() {
    let setup = Setup::new().await;
    let process = setup.process();
    let cookie = process.cookie_of(ADMIN).await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let headers = [("cookie", &*cookie)];
        let reply = process.send(method, "/api", &headers, None).await;
        assert_eq!(reply.json(), Value::Null);
    }
    let headers = [("cookie", &*cookie), ("triggerfish-console", "x")];
    assert_eq!(process.get("/api", &headers).await.json(), Value::Null);
}

#[tokio::test]
async fn other_sites_are_refused() {
    let setup = Setup::new().await;
    let process = setup.process();
    let cookie = process.cookie_of(ADMIN).await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "http://127.0.0.1:9999"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let headers = [BY_PERSON, ("cookie", &*cookie), (name, value)];
        for (method, path) in [
            (Method::GET, "/api"),
            (Method::POST, "/api"),
            (Method::POST, "/console/session"),
            (Method::DELETE, "/console/session"),
        ] {
            let body = Some(json!({"password": ADMIN}));
            let reply = process.send(method, path, &headers, body).await;
            assert_eq!(reply.status, 403, "{name}: {value}");
            assert!(reply.text.contains("api.public_url"), "{}", reply.text);
            assert_eq!(reply.cookie(), None);
        }
    }
    assert_ne!(process.caller(&cookie).await, Value::Null);
}

#[tokio::test]
async fn forms_of_other_sites_sign_nobody_in_or_out() {
    let setup = Setup::new().await;
    let process = setup.process();
    let cookie = process.cookie_of(ADMIN).await;
    for method in [Method::POST, Method::DELETE] {
        let body = Some(json!({"password": ADMIN}));
        let headers = [("cookie", &*cookie)];
        let reply = process
            .send(method, "/console/session", &headers, body)
            .await;
        assert_eq!(reply.status, 403);
    }
    assert_ne!(process.caller(&cookie).await, Value::Null);
}

#[tokio::test]
async fn a_token_is_judged_by_the_api_alone() {
    let setup = Setup::new().await;
    let process = setup.process();
    let cookie = process.cookie_of(ADMIN).await;
    let headers = [
        BY_PERSON,
        ("cookie", &*cookie),
        ("authorization", "Bearer x"),
        ("origin", "https://elsewhere.example"),
    ];
    let reply = process.get("/api", &headers).await;
    assert_eq!((reply.status.as_u16(), reply.json()), (200, Value::Null));
    assert_eq!(reply.cookie(), None);
}
