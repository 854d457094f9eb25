use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use triggerfish_core::{Secret, keys::ServerKeys};

use crate::harness::{ADMIN, BY_PERSON, BY_TIMER, CLIENT_SECRET, Setup, VIEWER};

#[tokio::test]
async fn any_process_takes_a_session_and_a_viewer_stays_one() {
    let setup = Setup::new().await;
    let (one, other) = (setup.process(), setup.process());
    let admin = one.cookie_of(ADMIN).await;
    let viewer = one.cookie_of(VIEWER).await;
    assert_eq!(
        other.caller(&admin).await["scopes"]
            .as_array()
            .unwrap()
            .len(),
        9
    );
    let reads = [
        "sp:trigger-service-subscriptions:read",
        "sp:trigger-service-invocation-status:read",
        "triggerfish:records:read",
    ];
    assert_eq!(other.caller(&viewer).await["scopes"], json!(reads));
}

#[tokio::test]
async fn the_cookie_is_for_browsers_only_and_for_the_host_over_tls() {
    let mut setup = Setup::new().await;
    let line = async |setup: &Setup| {
        let reply = setup.process().sign_in(json!({"password": ADMIN})).await;
        reply.headers["set-cookie"].to_str().unwrap().to_owned()
    };
    let plain = line(&setup).await;
    assert!(plain.starts_with("triggerfish-console="), "{plain}");
    assert!(
        plain.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=3600"),
        "{plain}"
    );
    setup.settings.public_url = "https://hooks.example.com".into();
    let secure = line(&setup).await;
    assert!(
        secure.starts_with("__Host-triggerfish-console="),
        "{secure}"
    );
    assert!(secure.ends_with("; Secure"), "{secure}");
}

#[tokio::test]
async fn use_keeps_it_alive_but_a_timer_does_not() {
    let setup = Setup::new().await;
    let process = setup.process();
    let mut used = process.cookie_of(ADMIN).await;
    let unused = process.cookie_of(ADMIN).await;
    for _ in 0..3 {
        setup.advance(Duration::from_mins(25));
        let reply = process.get("/api", &[BY_PERSON, ("cookie", &used)]).await;
        used = reply.cookie().expect("a new cookie");
        let reply = process.get("/api", &[BY_TIMER, ("cookie", &unused)]).await;
        assert_eq!(reply.cookie(), None);
    }
    assert_eq!(
        process.caller(&used).await["name"],
        "console:password:admin"
    );
    assert_eq!(process.caller(&unused).await, Value::Null);
}

#[tokio::test]
async fn it_ends_at_last_however_much_it_is_used() {
    let setup = Setup::new().await;
    let process = setup.process();
    let mut cookie = process.cookie_of(ADMIN).await;
    for _ in 0..23 {
        setup.advance(Duration::from_mins(30));
        let reply = process.get("/api", &[BY_PERSON, ("cookie", &cookie)]).await;
        cookie = reply.cookie().expect("a new cookie");
    }
    setup.advance(Duration::from_mins(29));
    assert_ne!(process.caller(&cookie).await, Value::Null);
    setup.advance(Duration::from_mins(1));
    assert_eq!(process.caller(&cookie).await, Value::Null);
}

#[tokio::test]
async fn signing_out_ends_it() {
    let setup = Setup::new().await;
    let process = setup.process();
    let (mine, other) = (
        process.cookie_of(ADMIN).await,
        process.cookie_of(ADMIN).await,
    );
    let headers = [BY_PERSON, ("cookie", &*mine)];
    let reply = process
        .send(Method::DELETE, "/console/session", &headers, None)
        .await;
    assert_eq!(reply.status, 204);
    let line = reply.headers["set-cookie"].to_str().unwrap();
    assert!(
        line.starts_with("triggerfish-console=;") && line.contains("Max-Age=0"),
        "{line}"
    );
    // Whoever has a copy of the cookie is out as well.
    assert_eq!(process.caller(&mine).await, Value::Null);
    assert_ne!(process.caller(&other).await, Value::Null);
}

#[tokio::test]
async fn who_loses_the_credentials_loses_the_session() {
    let mut setup = Setup::new().await;
    setup.client("hr", &["sp:scopes:all"]).await;
    let process = setup.process();
    let by_password = process.cookie_of(ADMIN).await;
    let credentials = json!({"clientId": "hr", "clientSecret": CLIENT_SECRET});
    let by_client = process.sign_in(credentials).await.cookie().unwrap();

    setup
        .client("hr", &["sp:trigger-service-subscriptions:read"])
        .await;
    let caller = process.caller(&by_client).await;
    assert_eq!(caller["name"], "console:client:hr");
    assert_eq!(
        caller["scopes"],
        json!(["sp:trigger-service-subscriptions:read"])
    );
    setup.registry.delete_client("hr").await.unwrap();
    assert_eq!(process.caller(&by_client).await, Value::Null);

    setup.settings.admin_password = Some(Secret::new("another-password"));
    assert_eq!(setup.process().caller(&by_password).await, Value::Null);
    setup.settings.admin_password = Some(Secret::new(ADMIN));
    assert_ne!(setup.process().caller(&by_password).await, Value::Null);
    setup.keys = ServerKeys::new(&[vec![8; 32]]).unwrap();
    assert_eq!(setup.process().caller(&by_password).await, Value::Null);
}
