//! Subscribers that break the rules: each breach is one failed completion with an error
//! that says what was wrong, and nobody else notices.

use bytes::Bytes;
use serde_json::json;
use triggerfish_tests::{Reply, Setup, Subscriber};

use crate::scene::error_of;

/// What it does, and what the error has to say.
fn breaches() -> Vec<(&'static str, Reply, &'static str)> {
    let json = |body: &'static [u8]| Reply::json(200, Bytes::from_static(body));
    let raw = |bytes: &'static str| Reply::Raw(Bytes::from_static(bytes.as_bytes()));
    vec![
        ("silent", Reply::Silence, "no answer within 2 s"),
        ("dripping", Reply::Drip, "not complete within 2 s"),
        ("reset", Reply::Reset, "connection to 127.0.0.1"),
        ("hangs up", raw(""), "closed the connection"),
        (
            "garbage",
            raw("\u{1}\u{2} no HTTP at all\r\n\r\n"),
            "is not HTTP",
        ),
        (
            "half a body",
            raw("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"),
            "broke off",
        ),
        (
            "html",
            Reply::status(200).with("content-type", "text/html"),
            "application/json",
        ),
        (
            "no type",
            Reply::Answer {
                status: 200,
                headers: vec![],
                body: "{}".into(),
            },
            "no content type",
        ),
        ("huge", Reply::json(200, vec![b' '; 100_000]), "50000 bytes"),
        ("not json", json(b"{"), "not JSON"),
        ("empty", json(b""), "empty"),
        ("not text", json(b"{\"a\":\"\xff\"}"), "not JSON"),
        ("array", json(b"[]"), "output schema"),
        ("error", Reply::json(500, "{}"), "status 500"),
        ("created", Reply::json(201, "{}"), "status 201"),
        ("accepted", Reply::json(202, "{}"), "status 202"),
    ]
}

#[tokio::test]
async fn every_breach_fails_alone() {
    let setup = Setup::new()
        .set("delivery.call_timeout", "PT2S")
        .set("delivery.response_limit_bytes", "50000");
    let service = setup.start().await;
    let api = &service.api;
    let healthy = Subscriber::always(Reply::json(200, r#"{"well":true}"#)).await;
    api.put_trigger("acme:healthy", "REQUEST_RESPONSE").await;
    api.subscribe("acme:healthy", &healthy.url(), "SYNC", json!({}))
        .await;

    let mut broken = Vec::new();
    for (index, (name, reply, expected)) in breaches().into_iter().enumerate() {
        let subscriber = Subscriber::always(reply).await;
        let trigger = format!("acme:broken-{index}");
        api.put_trigger(&trigger, "REQUEST_RESPONSE").await;
        api.subscribe(&trigger, &subscriber.url(), "SYNC", json!({}))
            .await;
        let started = api.start_one(&trigger, "{}", "{}").await;
        broken.push((name, expected, subscriber, started));
    }
    for _ in 0..30 {
        let started = api.start_one("acme:healthy", "{}", "{}").await;
        let found = api.closed(&started.id).await;
        assert_eq!(
            (&found["outcome"], &found["attempts"]),
            (&json!("COMPLETED"), &json!(1))
        );
    }
    for (name, expected, subscriber, started) in &broken {
        let found = api.closed(&started.id).await;
        assert_eq!(found["outcome"], "FAILED", "{name}");
        assert!(
            error_of(&found).contains(expected),
            "{name}: {}",
            error_of(&found)
        );
        assert_eq!(subscriber.count(), 1, "{name}: one try");
    }
    assert_eq!(healthy.count(), 30);

    let completions = service.completions().await;
    assert_eq!(completions.len(), 30 + broken.len());
    for (name, expected, _, started) in &broken {
        let own: Vec<_> = completions.iter().filter(|c| c.id == started.id).collect();
        assert_eq!(own.len(), 1, "{name}");
        assert_eq!(own[0].outcome(), "FAILED", "{name}");
        assert!(
            own[0].error().contains(expected),
            "{name}: {}",
            own[0].error()
        );
    }
}

#[tokio::test]
async fn one_that_hangs_delays_nobody() {
    let setup = Setup::new()
        .set("delivery.call_timeout", "PT30S")
        .set("delivery.max_in_flight", "16")
        .set("delivery.queue_in_memory", "32");
    let service = setup.start().await;
    let api = &service.api;
    let hanging = Subscriber::always(Reply::Silence).await;
    let healthy = Subscriber::always(Reply::json(200, "{}")).await;
    for (name, subscriber) in [("acme:hanging", &hanging), ("acme:healthy", &healthy)] {
        api.put_trigger(name, "REQUEST_RESPONSE").await;
        api.subscribe(name, &subscriber.url(), "SYNC", json!({}))
            .await;
    }
    // More than may be in flight of one subscription, and more than wait in memory.
    let mut waiting = Vec::new();
    for _ in 0..150 {
        waiting.push(api.start_one("acme:hanging", "{}", "{}").await);
    }
    hanging.called(16).await;
    for _ in 0..20 {
        let started = api.start_one("acme:healthy", "{}", "{}").await;
        api.closed(&started.id).await;
    }
    assert_eq!((hanging.count(), healthy.count()), (16, 20));
    for started in &waiting {
        assert_eq!(api.invocation(&started.id).await["outcome"], json!(null));
    }
}
