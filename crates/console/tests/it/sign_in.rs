use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use crate::harness::{ADMIN, BY_PERSON, CLIENT_SECRET, Setup, VIEWER};

#[tokio::test]
async fn by_password_and_by_client() {
    let setup = Setup::new().await;
    setup
        .client("hr", &["sp:trigger-service-subscriptions:read"])
        .await;
    setup.client("ops", &["sp:scopes:all"]).await;
    let process = setup.process();
    let by = |id: &str| json!({"clientId": id, "clientSecret": CLIENT_SECRET});
    for (credentials, name, role, scopes) in [
        (json!({"password": ADMIN}), "admin", "admin", 9),
        (json!({"password": VIEWER}), "viewer", "viewer", 3),
        (by("hr"), "hr", "viewer", 1),
        (by("ops"), "ops", "admin", 9),
    ] {
        let reply = process.sign_in(credentials).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.headers["cache-control"], "no-store");
        let said = reply.json();
        assert_eq!(said["signedIn"], true);
        assert_eq!((&said["name"], &said["role"]), (&json!(name), &json!(role)));
        assert_eq!(said["scopes"].as_array().unwrap().len(), scopes, "{name}");
        let cookie = reply.cookie().unwrap();
        let headers = [("cookie", &*cookie)];
        assert_eq!(process.get("/console/session", &headers).await.json(), said);
    }
}

#[tokio::test]
async fn wrong_credentials_open_nothing() {
    let setup = Setup::new().await;
    setup.client("hr", &["sp:scopes:all"]).await;
    let process = setup.process();
    for (credentials, status) in [
        (json!({"password": "wrong"}), 401),
        (json!({"password": ""}), 401),
        (json!({"clientId": "hr", "clientSecret": ADMIN}), 401),
        (
            json!({"clientId": "nobody", "clientSecret": CLIENT_SECRET}),
            401,
        ),
        (json!({"clientId": "hr"}), 400),
        (json!({"password": ADMIN, "role": "admin"}), 400),
        (json!([]), 400),
        (json!({"password": "x".repeat(9000)}), 413),
    ] {
        let reply = process.sign_in(credentials).await;
        assert_eq!(reply.status, status, "{}", reply.text);
        assert_eq!(reply.cookie(), None);
        assert!(!reply.text.contains(ADMIN) && !reply.text.contains(CLIENT_SECRET));
    }
    let nobody = process.get("/console/session", &[]).await.json();
    assert_eq!(nobody, json!({"signedIn": false, "hasPassword": true}));
}

#[tokio::test]
async fn without_a_password_none_opens() {
    let mut setup = Setup::new().await;
    setup.settings.admin_password = None;
    setup.settings.viewer_password = None;
    let process = setup.process();
    for password in ["", "null", ADMIN] {
        let reply = process.sign_in(json!({"password": password})).await;
        assert_eq!(reply.status, 401, "{password}");
    }
    let said = process.get("/console/session", &[]).await.json();
    assert_eq!(said["hasPassword"], false);
}

#[tokio::test]
async fn guessing_is_slow() {
    let setup = Setup::new().await;
    let process = setup.process();
    for _ in 0..10 {
        let reply = process.sign_in(json!({"password": "guess"})).await;
        assert_eq!(reply.status, 401);
    }
    let held = process.sign_in(json!({"password": ADMIN})).await;
    assert_eq!(held.status, 429, "{}", held.text);
    let wait: u64 = held.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    setup.advance(Duration::from_secs(wait));
    process.cookie_of(ADMIN).await;
}

#[tokio::test]
async fn a_session_that_is_brought_along_is_not_taken_over() {
    let setup = Setup::new().await;
    let process = setup.process();
    let planted = process.cookie_of(VIEWER).await;
    let headers = [BY_PERSON, ("cookie", &*planted)];
    let body = Some(json!({"password": ADMIN}));
    let reply = process
        .send(Method::POST, "/console/session", &headers, body)
        .await;
    let opened = reply.cookie().unwrap();
    assert_ne!(opened, planted);
    assert_eq!(
        process.caller(&opened).await["name"],
        "console:password:admin"
    );
    assert_eq!(
        process.caller(&planted).await["name"],
        "console:password:viewer"
    );
}
