//! Questions about actions, by HTTP and by topic.

use std::time::{Duration, Instant};

use bytes::Bytes;
use triggerfish_api::ports::{Ask, AskError, Asked, Gate as _, StartIdentity};
use triggerfish_core::{Action, ActionState, Origin, Timing, action::Verdict};
use triggerfish_log::LogError;
use triggerfish_producer::{Content, UpstreamSettings};

use crate::world::{EVENT_BYTES_MAX, World, eventually};

fn ask(timing: Timing, key: &str) -> Ask {
    let (scope, key) = ("client".to_owned(), key.to_owned());
    Ask {
        timing,
        object_type: "app".to_owned(),
        action: Action::Created,
        entity: Bytes::from_static(b"{\"id\":7}"),
        user: Some("jdoe".to_owned()),
        object_id: None,
        patience: None,
        identity: StartIdentity::Key { scope, key },
        correlation: None,
        decided_by: None,
        origin: Origin::RealTime,
        time: None,
        depth: 0,
        traceparent: None,
    }
}

fn known(asked: Asked) -> ActionState {
    match asked {
        Asked::Known(action) => ActionState::clone(&action),
        Asked::Untold { reason, .. } => panic!("not told: {reason}"),
    }
}

#[tokio::test]
async fn nobody_to_ask_allows_and_the_same_key_is_the_same_action() {
    let world = World::new().await;
    let gate = world.gate().await;
    let first = known(gate.ask(ask(Timing::Before, "a")).await.unwrap());
    let decision = first.decision.clone().unwrap();
    assert_eq!((decision.verdict, first.members.len()), (Verdict::Allow, 0));
    let again = known(gate.ask(ask(Timing::Before, "a")).await.unwrap());
    assert_eq!(again, first);
    assert_eq!(world.questions().await.len(), 1, "nothing is asked twice");
    let other = Ask {
        user: None,
        ..ask(Timing::Before, "a")
    };
    assert_eq!(gate.ask(other).await, Err(AskError::KeyReused));
    // After the action the same key is another question.
    let after = known(gate.ask(ask(Timing::After, "a")).await.unwrap());
    assert_ne!(after.id, first.id);
    assert_eq!(after.decision, None);
    let found = gate.action(first.id).await.unwrap().unwrap();
    assert_eq!(*found, first);

    world.grow(4).await;
    for key in ["a", "b", "c", "d", "e"] {
        let told = known(gate.ask(ask(Timing::Before, key)).await.unwrap());
        assert_eq!(told.id == first.id, key == "a", "{key} after a growth");
    }
}

#[tokio::test]
async fn a_growth_that_does_not_count_yet_refuses_no_question() {
    let world = World::new().await;
    let gate = world.gate().await;
    world.announce_growth(16).await;
    for key in 0..20 {
        let told = gate.ask(ask(Timing::Before, &key.to_string())).await;
        known(told.unwrap());
    }
}

#[tokio::test]
async fn what_can_not_be_is_refused_and_asks_nobody() {
    let world = World::new().await;
    let gate = world.gate().await;
    let good = || ask(Timing::Before, "a");
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(EVENT_BYTES_MAX));
    let table = [
        (
            "does not exist",
            Ask {
                object_type: "nope".to_owned(),
                ..good()
            },
        ),
        (
            "entity is not",
            Ask {
                entity: Bytes::from_static(b"[1]"),
                ..good()
            },
        ),
        (
            "larger than",
            Ask {
                entity: large.into(),
                ..good()
            },
        ),
        (
            "budgetMs must",
            Ask {
                patience: Some(Duration::ZERO),
                ..good()
            },
        ),
        (
            "budgetMs must",
            Ask {
                patience: Some(Duration::from_secs(11)),
                ..good()
            },
        ),
        (
            "user must",
            Ask {
                user: Some(String::new()),
                ..good()
            },
        ),
        (
            "objectId must",
            Ask {
                object_id: Some("x".repeat(300)),
                ..good()
            },
        ),
    ];
    for (fragment, ask) in table {
        let error = gate.ask(ask).await.unwrap_err().to_string();
        assert!(error.contains(fragment), "{fragment}: {error}");
    }
    let reason = "the test says so".to_owned();
    let errors = &world.appender.errors;
    errors
        .lock()
        .unwrap()
        .push_back(LogError::Unavailable { reason });
    let error = gate.ask(good()).await.unwrap_err();
    assert!(matches!(error, AskError::Unavailable { .. }), "{error:?}");
    assert!(world.questions().await.is_empty());
}

#[tokio::test]
async fn who_is_not_told_in_time_is_told_to_leave_it() {
    let world = World::new().await;
    world.call_back(Timing::Before).await;
    world.call_back(Timing::After).await;
    let gate = world.gate().await;
    let began = Instant::now();
    let budget = Some(Duration::from_millis(300));
    let asked = Ask {
        patience: budget,
        ..ask(Timing::Before, "a")
    };
    let told = gate.ask(asked).await.unwrap();
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(300) && took < Duration::from_secs(3),
        "{took:?}"
    );
    let Asked::Untold { action, .. } = told else {
        panic!("nobody can have decided: {told:?}");
    };
    let part = &action.request.parts[0];
    assert_eq!(
        (part.expected_status, part.timeout),
        (Some(200), Duration::from_millis(700))
    );
    let found = gate.action(action.id).await.unwrap().unwrap();
    assert_eq!((&found.decision, found.members.len()), (&None, 1));

    let told = known(gate.ask(ask(Timing::After, "a")).await.unwrap());
    assert_eq!((told.finished, told.members.len()), (None, 1));
    let asked = Ask {
        patience: budget,
        ..ask(Timing::After, "b")
    };
    assert_eq!(known(gate.ask(asked).await.unwrap()).finished, None);
}

#[tokio::test]
async fn news_that_the_log_has_not_taken_are_not_acknowledged() {
    let world = World::new().await;
    world.call_back(Timing::After).await;
    let gate = world.gate().await;
    world.appender.open.send_replace(false);
    let asked = Ask {
        patience: Some(Duration::from_millis(300)),
        ..ask(Timing::After, "a")
    };
    let refused = gate.ask(asked.clone()).await;
    assert!(
        matches!(refused, Err(AskError::Unavailable { .. })),
        "{refused:?}"
    );
    assert!(world.questions().await.is_empty());
    world.appender.open.send_replace(true);
    assert_eq!(known(gate.ask(asked).await.unwrap()).finished, None);
    assert_eq!(world.questions().await.len(), 1);
}

#[tokio::test]
async fn questions_come_by_topic_and_what_is_none_goes_to_dead_letters() {
    let world = World::new().await;
    world.call_back(Timing::Before).await;
    let topic = world.topics.object_events.clone();
    let good = r#"{"timing":"BEFORE","objectType":"app","action":"CREATED","entity":{"id" : 7},"user":"jdoe","budgetMs":900,"id":"a-1"}"#;
    let unknown = good.replace("\"app\"", "\"nope\"");
    let waits = good.replace("900", "90000");
    for (key, value) in [
        (Some(&b"order-1"[..]), good),
        (None, "nonsense"),
        (None, &unknown),
        (None, &waits),
    ] {
        world.produce_to(&topic, key, value.to_owned(), &[]).await;
    }
    for group in ["one", "two"] {
        let settings = UpstreamSettings {
            group: group.into(),
            topic: topic.clone(),
            content: Content::Actions,
            ..world.settings()
        };
        let reading = world.upstream_on(world.log.clone(), settings).await;
        let (questions, letters) = if group == "one" { (1, 3) } else { (2, 6) };
        eventually("all is read", async || {
            let letters_found = world.letters().await.len();
            world.questions().await.len() == questions && letters_found == letters
        })
        .await;
        reading.end().await;
    }
    let questions = world.questions().await;
    let (id, request) = &questions[0];
    assert_eq!(*id, questions[1].0, "read twice it is the same action");
    assert_eq!(request.correlation.as_deref(), Some("order-1"));
    assert_eq!(
        request.input,
        r#"{"AppToken":{"id" : 7},"action":"CREATED","user":"jdoe"}"#
    );
    assert_eq!(
        request.asked.until(request.deadline),
        Duration::from_millis(900)
    );
    assert_eq!(request.parts.len(), 1);
    let letters = world.letters().await;
    let reasons: Vec<&str> = letters
        .iter()
        .map(|letter| letter.reason.as_str())
        .collect();
    for fragment in ["not an object event", "\"nope\" does not exist", "budgetMs"] {
        assert!(
            reasons.iter().any(|reason| reason.contains(fragment)),
            "{reasons:?}"
        );
    }
}
