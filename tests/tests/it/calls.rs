//! What a subscriber sees of a call, and which calls are never made.

use serde_json::json;
use triggerfish_tests::{Reply, Setup, Subscriber, signature};

use crate::scene::{Scene, TRIGGER, error_of};

async fn answers() -> Subscriber {
    Subscriber::always(Reply::json(200, "{}")).await
}

#[tokio::test]
async fn calls_are_signed_and_a_rotation_overlaps() {
    let scene = Scene::new("SYNC", answers().await).await;
    let path = format!(
        "/trigger-subscriptions/v1/{}/rotate-signing-secret",
        scene.subscription
    );
    let rotate = async || {
        let answer = scene.service.api.post(&path, "").await.expect(200);
        answer.json()["secret"]
            .as_str()
            .expect("a secret")
            .to_owned()
    };
    let first = rotate().await;
    let second = rotate().await;
    assert_ne!(first, second);
    let found = scene.run().await;
    let call = scene.subscriber.calls().pop().expect("a call");
    assert_eq!(call.id(), found["id"]);
    assert_eq!(
        signature::made_by(&second, &call),
        1,
        "{}",
        call.header("webhook-signature")
    );
    assert_eq!(
        signature::made_by(&first, &call),
        1,
        "the old secret is still good"
    );
    let third = rotate().await;
    scene.run().await;
    let call = scene.subscriber.calls().pop().expect("a call");
    assert_eq!(signature::made_by(&third, &call), 1);
    assert_eq!(signature::made_by(&first, &call), 0, "two rotations ago");
}

#[tokio::test]
async fn credentials_arrive_and_are_never_shown() {
    let basic = json!({"httpConfig": {
        "httpAuthenticationType": "BASIC_AUTH",
        "basicAuthConfig": {"userName": "user@example.com", "password": "pa:ss wörd"},
    }});
    let scene = Scene::with(Setup::new(), "SYNC", answers().await, basic).await;
    let api = &scene.service.api;
    scene.run().await;
    let path = format!("/trigger-subscriptions/v1/{}", scene.subscription);
    let shown = api.get(&path).await.expect(200).json();
    assert_eq!(
        shown["httpConfig"]["basicAuthConfig"]["password"],
        json!(null)
    );
    let changes = json!([
        {"op": "replace", "path": "/httpConfig", "value": {
            "url": scene.subscriber.url(), "httpDispatchMode": "SYNC",
            "httpAuthenticationType": "BEARER_TOKEN",
            "bearerTokenAuthConfig": {"bearerToken": "t0ken"},
        }},
    ]);
    let headers = [("content-type", "application/json-patch+json")];
    let patched = api
        .call(reqwest::Method::PATCH, &path, &headers, changes.to_string())
        .await;
    assert!(!patched.expect(200).text().contains("t0ken"));
    scene.run().await;
    let sent: Vec<_> = scene
        .subscriber
        .calls()
        .iter()
        .map(|c| c.header("authorization").to_owned())
        .collect();
    // user@example.com:pa:ss wörd
    assert_eq!(
        sent,
        [
            "Basic dXNlckBleGFtcGxlLmNvbTpwYTpzcyB3w7ZyZA==",
            "Bearer t0ken"
        ]
    );
}

#[tokio::test]
async fn private_addresses_are_not_called_unless_allowed() {
    let setup = Setup::new().set("delivery.allow_networks", "");
    let subscriber = answers().await;
    let service = setup.start().await;
    let api = &service.api;
    api.put_trigger(TRIGGER, "REQUEST_RESPONSE").await;
    let forbidden = [
        subscriber.url(),
        subscriber.url().replace("127.0.0.1", "localhost"),
    ];
    for url in &forbidden {
        let body = json!({
            "name": "private", "triggerId": TRIGGER, "type": "HTTP",
            "httpConfig": {"url": url, "httpDispatchMode": "SYNC"},
        });
        let refused = api
            .post("/trigger-subscriptions/v1", body.to_string())
            .await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(
            refused.message().contains("allow_networks"),
            "{}",
            refused.message()
        );
    }

    // One that was allowed when it was made, and no longer is.
    let allowed = service
        .stop()
        .await
        .set("delivery.allow_networks", "127.0.0.0/8");
    let service = allowed.start().await;
    service
        .api
        .subscribe(TRIGGER, &subscriber.url(), "SYNC", json!({}))
        .await;
    let service = service
        .stop()
        .await
        .set("delivery.allow_networks", "")
        .start()
        .await;
    let started = service.api.start_one(TRIGGER, "{}", "{}").await;
    let found = service.api.closed(&started.id).await;
    assert_eq!(found["outcome"], "FAILED");
    assert!(
        error_of(&found).contains("allow_networks"),
        "{}",
        error_of(&found)
    );
    assert_eq!(subscriber.count(), 0);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = answers().await;
    let location = elsewhere.url();
    let reply = Reply::status(307).with("location", &location);
    let scene = Scene::new("SYNC", Subscriber::always(reply).await).await;
    let found = scene.run().await;
    assert_eq!(found["outcome"], "FAILED");
    assert!(error_of(&found).contains("307") && error_of(&found).contains("redirect"));
    assert_eq!((scene.subscriber.count(), elsewhere.count()), (1, 0));
}

#[tokio::test]
async fn a_deleted_subscription_ends_what_waits_for_it() {
    let setup = Setup::new().set("delivery.call_timeout", "PT2S");
    let subscriber = Subscriber::always(Reply::Silence).await;
    let extra = json!({"delivery": {"maxInFlight": 1}});
    let scene = Scene::with(setup, "SYNC", subscriber, extra).await;
    let api = &scene.service.api;
    let mut started = Vec::new();
    for n in 0..4 {
        started.push(scene.start(&format!("{{\"n\":{n}}}"), "{}").await);
    }
    let calls = scene.subscriber.called(1).await;
    let path = format!("/trigger-subscriptions/v1/{}", scene.subscription);
    let deleted = api.call(reqwest::Method::DELETE, &path, &[], "").await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    let mut errors = Vec::new();
    for started in &started {
        let found = api.closed(&started.id).await;
        assert_eq!(found["outcome"], "FAILED");
        errors.push((found["id"] == calls[0].id(), error_of(&found).to_owned()));
    }
    let queued: Vec<_> = errors.iter().filter(|(in_flight, _)| !in_flight).collect();
    assert_eq!(queued.len(), 3);
    assert!(
        queued.iter().all(|(_, error)| error.contains("deleted")),
        "{errors:?}"
    );
    assert_eq!(scene.subscriber.count(), 1, "no call after the deletion");
    assert_eq!(scene.service.completions().await.len(), 4);
}
