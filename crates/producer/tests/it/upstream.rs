//! Events from topics: what is read, what is refused, what survives.

use std::collections::BTreeSet;

use bytes::Bytes;
use triggerfish_log::LogError;
use triggerfish_wire::event::{self, TriggerEvent};

use crate::world::{EVENT_BYTES_MAX, TRIGGER, World, eventually};

fn plain(more: &str) -> Bytes {
    format!(r#"{{"triggerId":"{TRIGGER}","input":{{"a": 1}}{more}}}"#).into()
}

/// A header that counts, if there is one.
type Header = Option<(&'static str, &'static str)>;

/// What is no event, and what is said about it.
fn bad() -> Vec<(Bytes, Header, &'static str)> {
    let long = "y".repeat(EVENT_BYTES_MAX);
    let bad_content = event::encode(&TriggerEvent {
        trigger_id: TRIGGER.to_owned(),
        input: Bytes::from_static(b"{\"a\":2}"),
        content_json: Bytes::from_static(b"[]"),
        ..TriggerEvent::default()
    });
    let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let protobuf = ("content-type", "application/protobuf");
    let structured = ("content-type", "application/cloudevents+json");
    let batched = ("content-type", "application/cloudevents-batch+json");
    let avro = ("content-type", "application/cloudevents+avro");
    let binary = ("ce_id", "1");
    let trigger = ("triggerfish-trigger", "acme:other");
    let depth = ("triggerfish-depth", "x");
    let identity = ("triggerfish-identity", "there");
    let deep = ("triggerfish-depth", "3");
    let content = ("triggerfish-content-json", "[]");
    vec![
        (text("nonsense"), None, "not an event"),
        (text("{\"input\":{}}"), None, "no trigger is named"),
        (plain(r#","contentJson":3"#), None, "contentJson is not"),
        (plain(r#","time":"yesterday""#), None, "time is not"),
        (plain(r#","depth":99"#), None, "99 triggers deep"),
        (plain(""), Some(deep), "4 triggers deep"),
        (plain(""), Some(depth), "triggerfish-depth must be"),
        (plain(""), Some(content), "contentJson is not"),
        (plain(""), Some(identity), "topic/partition@offset"),
        (plain(""), Some(trigger), "triggerfish-trigger names"),
        (plain("").slice(1..), None, "not an event"),
        (text("\u{ff}"), Some(protobuf), "not a readable protobuf"),
        (bad_content, Some(protobuf), "contentJson is not"),
        (text("{}"), Some(structured), "\"data\" is missing"),
        (text("{}"), Some(binary), "\"specversion\" must be 1.0"),
        (text("[]"), Some(batched), "one record for each event"),
        (text("x"), Some(avro), "application/cloudevents+avro"),
        (
            text(&format!(r#"{{"triggerId":"{TRIGGER}","input":{{"b":1}}}}"#)),
            None,
            "input does not fit",
        ),
        (
            text(&format!(
                r#"{{"triggerId":"{TRIGGER}","input":{{"a":"{long}"}}}}"#
            )),
            None,
            "larger than",
        ),
        (
            text("{\"triggerId\":\"nope\",\"input\":{}}"),
            None,
            "\"nope\" does not exist",
        ),
        // With its headers it is more than a record may have.
        (text(&"x".repeat(64 << 10)), None, "not an event"),
    ]
}

#[tokio::test]
async fn what_is_no_event_goes_to_dead_letters_and_the_rest_moves_on() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let reading = world.upstream().await;
    let bad = bad();
    for (value, header, _) in &bad {
        world.produce(value.clone(), header.as_slice()).await;
    }
    world.produce(plain(""), &[]).await;
    eventually("the good one is started", async || {
        world.requests().await.len() == 1
    })
    .await;
    let letters = world.letters().await;
    assert_eq!(letters.len(), bad.len());
    for (offset, (letter, (value, header, reason))) in letters.iter().zip(&bad).enumerate() {
        assert!(letter.reason.contains(reason), "{reason}: {letter:?}");
        assert_eq!(letter.from.topic, world.topics.trigger_events);
        assert_eq!(letter.from.offset.0, offset as u64);
        let headers = header.iter().map(|(name, value)| {
            let value = Bytes::copy_from_slice(value.as_bytes());
            ((*name).to_owned(), value)
        });
        assert_eq!(letter.headers, headers.collect::<Vec<_>>());
        if offset + 1 < bad.len() {
            assert_eq!(letter.value.as_ref(), Some(value));
        } else {
            assert_eq!(letter.cut_from, Some(64 << 10));
        }
    }
    reading.end().await;
}

#[tokio::test]
async fn a_position_is_committed_after_what_it_stands_for_is_durable() {
    let world = World::new().await;
    for _ in 0..2 {
        world.subscribe(None, true).await;
    }
    // The first one is killed while its append is under way.
    world.appender.open.send_replace(false);
    let reading = world.upstream().await;
    world.produce(plain(""), &[]).await;
    world.produce(plain(r#","id":"1","source":"s""#), &[]).await;
    eventually("an append is under way", async || {
        world.appender.open.receiver_count() > 0
    })
    .await;
    reading.kill().await;
    assert!(world.requests().await.is_empty());

    // The second one reads the same again, and is told to try once more.
    world.appender.open.send_replace(true);
    let reason = "the test says so".to_owned();
    world
        .appender
        .errors
        .lock()
        .unwrap()
        .push_back(LogError::Unavailable { reason });
    let reading = world.upstream().await;
    eventually("all are started", async || {
        world.requests().await.len() == 4
    })
    .await;
    world.produce(plain(r#","id":"2","source":"s""#), &[]).await;
    eventually("the next one too", async || {
        world.requests().await.len() == 6
    })
    .await;
    reading.kill().await;
}

#[tokio::test]
async fn a_record_that_is_read_twice_makes_the_same_invocations() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    for n in 0..5 {
        let id = if n % 2 == 0 {
            String::new()
        } else {
            format!(r#","id":"{n}""#)
        };
        world.produce(plain(&id), &[]).await;
    }
    let reading = world.upstream().await;
    eventually("all are started", async || {
        world.requests().await.len() >= 5
    })
    .await;
    reading.kill().await;
    let first: BTreeSet<_> = world
        .requests()
        .await
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(first.len(), 5);

    // Another group reads all of it again.
    let again = world.upstream_of("others").await;
    eventually("all are asked for again", async || {
        world.requests().await.len() >= 10
    })
    .await;
    again.kill().await;
    let all: BTreeSet<_> = world
        .requests()
        .await
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(all, first);
}
