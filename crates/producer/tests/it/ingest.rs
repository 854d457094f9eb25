//! Events by HTTP.

use std::collections::BTreeSet;

use triggerfish_api::ports::{Ingest as _, Start, StartError, StartIdentity, StartInput};
use triggerfish_core::{Origin, SubscriptionId};
use triggerfish_log::LogError;

use crate::world::{DEPTH_MAX, EVENT_BYTES_MAX, World, keys, start};

type Check<'a> = &'a dyn Fn(&StartError) -> bool;

const GOOD: &str = r#"{"a":1}"#;

#[tokio::test]
async fn what_can_not_be_is_refused_and_starts_nothing() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let ingest = world.ingest().await;
    let stranger = SubscriptionId(uuid::Uuid::from_u128(7));
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(EVENT_BYTES_MAX));
    let unknown = |error: &StartError| *error == StartError::UnknownSubscription(stranger);
    let invalid = |error: &StartError| matches!(error, StartError::InvalidInput(_));
    let table: Vec<(&str, Start, Check<'_>)> = vec![
        (
            "unknown trigger",
            Start {
                trigger_id: "acme:never".to_owned(),
                ..start(GOOD)
            },
            &|error| matches!(error, StartError::UnknownTrigger(id) if id == "acme:never"),
        ),
        ("not JSON", start("{"), &invalid),
        ("against the schema", start(r#"{"b":1}"#), &invalid),
        ("another type", start("[]"), &invalid),
        (
            "too deep",
            Start {
                depth: DEPTH_MAX + 1,
                ..start(GOOD)
            },
            &|error| {
                *error
                    == StartError::TooDeep {
                        depth: DEPTH_MAX + 1,
                        limit: DEPTH_MAX,
                    }
            },
        ),
        ("too large", start(&large), &|error| {
            *error
                == StartError::TooLarge {
                    limit: EVENT_BYTES_MAX,
                }
        }),
        (
            "unknown subscription",
            Start {
                subscription_ids: Some(vec![stranger]),
                ..start(GOOD)
            },
            &unknown,
        ),
    ];
    for (what, start, check) in table {
        let error = ingest.start(start).await.unwrap_err();
        assert!(check(&error), "{what}: {error:?}");
    }
    let reason = "the test says so".to_owned();
    world
        .appender
        .errors
        .lock()
        .unwrap()
        .push_back(LogError::Unavailable { reason });
    let error = ingest.start(start(GOOD)).await.unwrap_err();
    assert!(matches!(error, StartError::Unavailable { .. }));
    assert!(world.requests().await.is_empty());
    let deepest = Start {
        depth: DEPTH_MAX,
        ..start(GOOD)
    };
    assert_eq!(ingest.start(deepest).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_event_reaches_those_whose_filter_lets_it_through() {
    let world = World::new().await;
    let all = world.subscribe(None, true).await;
    let ones = world.subscribe(Some("$[?($.a == 1)]"), true).await;
    let off = world.subscribe(None, false).await;
    let broken = world.subscribe(Some("$[?($.a == 1)]"), true).await;
    world.spoil_filter(broken).await;
    let ingest = world.ingest().await;
    let reached = async |start: Start| {
        let started = ingest.start(start).await.unwrap();
        let ids = started.iter().map(|started| started.subscription_id);
        ids.collect::<BTreeSet<_>>()
    };
    assert_eq!(reached(start(GOOD)).await, [all, ones].into());
    assert_eq!(reached(start(r#"{"a":2}"#)).await, [all].into());
    let test = || Start {
        origin: Origin::Test,
        ..start(GOOD)
    };
    assert_eq!(reached(test()).await, [all, ones, off].into());
    let some = |ids: Vec<_>| Start {
        subscription_ids: Some(ids),
        ..test()
    };
    assert_eq!(reached(some(vec![off])).await, [off].into());
    assert_eq!(
        reached(some(vec![broken])).await,
        [].into(),
        "it fails closed"
    );
    let real = Start {
        origin: Origin::RealTime,
        ..some(vec![off])
    };
    assert_eq!(reached(real).await, [].into(), "it is off");
    let example = Start {
        input: StartInput::Example,
        ..test()
    };
    let started = ingest.start(example).await.unwrap();
    let requests = world.requests().await;
    for started in &started {
        let found = requests.iter().find(|(id, _)| *id == started.id);
        let (id, request) = found.expect("it is durable");
        assert_eq!(request.input, r#"{"a":"example"}"#);
        assert_eq!(request.content_json, started.content_json);
        assert_eq!(started.secret, keys().invocation_secret(*id));
    }
}

#[tokio::test]
async fn a_key_starts_its_invocations_once() {
    let world = World::new().await;
    for _ in 0..3 {
        world.subscribe(None, true).await;
    }
    let ingest = world.ingest().await;
    let keyed = |input: &str, scope: &str| Start {
        identity: StartIdentity::Key {
            scope: scope.to_owned(),
            key: "1".to_owned(),
        },
        ..start(input)
    };
    let first = ingest.start(keyed(GOOD, "me")).await.unwrap();
    assert_eq!(first.len(), 3);
    let again = ingest.start(keyed(GOOD, "me")).await.unwrap();
    assert_eq!(again, first, "the same ids and secrets");
    let (one, two) = tokio::join!(
        ingest.start(keyed(GOOD, "both")),
        ingest.start(keyed(GOOD, "both"))
    );
    assert_eq!(one, two);
    world.subscribe(None, true).await;
    let before = world.requests().await.len();
    let other = ingest.start(keyed(r#"{"a":2}"#, "me")).await;
    assert_eq!(other, Err(StartError::KeyReused));
    assert_eq!(
        world.requests().await.len(),
        before,
        "it starts nothing at all"
    );
    let wider = ingest.start(keyed(GOOD, "me")).await.unwrap();
    assert_eq!(
        wider.len(),
        4,
        "the new subscription has its own invocation"
    );
    assert!(first.iter().all(|started| wider.contains(started)));
    let elsewhere = ingest.start(keyed(r#"{"a":2}"#, "you")).await.unwrap();
    let ids = |all: &[triggerfish_api::ports::Started]| {
        all.iter()
            .map(|started| started.id)
            .collect::<BTreeSet<_>>()
    };
    assert!(ids(&elsewhere).is_disjoint(&ids(&wider)));
}
