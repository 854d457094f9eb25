//! Events from the topic.

use std::collections::BTreeSet;

use bytes::Bytes;
use triggerfish_core::Timestamp;
use triggerfish_log::LogError;
use triggerfish_wire::event::{self, TriggerEvent};

use crate::world::{EVENT_BYTES_MAX, TRIGGER, World, eventually};

fn plain(more: &str) -> Bytes {
    format!(r#"{{"triggerId":"{TRIGGER}","input":{{"a": 1}}{more}}}"#).into()
}

fn protobuf() -> TriggerEvent {
    TriggerEvent {
        trigger_id: TRIGGER.to_owned(),
        input: Bytes::from_static(b"{\"a\":2}"),
        content_json: Bytes::new(),
        id: "p-1".to_owned(),
        source: "tests".to_owned(),
        time: Some(Timestamp::from_millis(1_600_000_000_000)),
        ordering_key: "k".to_owned(),
        depth: 1,
        traceparent: String::new(),
    }
}

#[tokio::test]
async fn events_in_json_and_protobuf_start_invocations() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let reading = world.upstream().await;
    let time = "2020-01-01T00:00:00Z";
    let full = format!(r#","id":"j-1","source":"s","time":"{time}","contentJson":{{"c": 1}}"#);
    world.produce(None, plain(&full), false).await;
    world.produce(None, event::encode(&protobuf()), true).await;
    world.produce(None, plain(""), false).await;
    eventually("all are started", async || {
        world.requests().await.len() == 3
    })
    .await;
    let requests = world.requests().await;
    let by_event = |id: Option<&str>| {
        let mut all = requests.iter();
        all.find(|(_, request)| request.event_id.as_deref() == id)
            .unwrap()
    };
    let (id, json) = by_event(Some("j-1"));
    assert_eq!(json.input, r#"{"a": 1}"#, "byte for byte");
    assert_eq!(json.content_json, r#"{"c": 1}"#);
    assert_eq!(id.time(), Timestamp::parse(time).unwrap());
    let (id, proto) = by_event(Some("p-1"));
    assert_eq!((&proto.input[..], proto.depth), (&b"{\"a\":2}"[..], 1));
    assert_eq!(proto.content_json, "{}");
    assert_eq!(id.time(), protobuf().time.unwrap());
    let (_, anonymous) = by_event(None);
    assert_eq!(anonymous.content_json, "{}");
    reading.abort();
}

#[tokio::test]
async fn what_is_no_event_goes_to_dead_letters_and_the_rest_moves_on() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let reading = world.upstream().await;
    let mut bad_content = protobuf();
    bad_content.content_json = Bytes::from_static(b"[]");
    let long = format!(r#","x":"{}""#, "y".repeat(EVENT_BYTES_MAX));
    let bad = [
        (Bytes::from_static(b"nonsense"), false),
        (Bytes::from_static(b"{\"input\":{}}"), false),
        (plain(r#","contentJson":3"#), false),
        (plain(r#","time":"yesterday""#), false),
        (plain(r#","depth":99"#), false),
        (plain("").slice(1..), false),
        (Bytes::from_static(b"\xff\xff"), true),
        (event::encode(&bad_content), true),
        (
            Bytes::from(format!(r#"{{"triggerId":"{TRIGGER}","input":{{"b":1}}}}"#)),
            false,
        ),
        (
            Bytes::from(format!(
                r#"{{"triggerId":"{TRIGGER}","input":{{"a":1{long}}}}}"#
            )),
            false,
        ),
        (
            Bytes::from_static(b"{\"triggerId\":\"nope\",\"input\":{}}"),
            false,
        ),
        // With its headers it is more than a record may have.
        (Bytes::from(vec![b'x'; 64 << 10]), false),
    ];
    for (value, protobuf) in &bad {
        world.produce(None, value.clone(), *protobuf).await;
    }
    world.produce(None, plain(""), false).await;
    eventually("the good one is started", async || {
        world.requests().await.len() == 1
    })
    .await;
    let letters = world.read_all(&world.topics.dead_letters, 1).await;
    assert_eq!(letters.len(), bad.len());
    let (whole, cut) = letters.split_at(bad.len() - 1);
    for (letter, (value, _)) in whole.iter().zip(&bad) {
        assert_eq!(letter.value.as_ref(), Some(value));
        let has_reason = letter
            .headers
            .iter()
            .any(|(name, _)| name == "triggerfish-reason");
        assert!(has_reason);
    }
    let is_cut =
        |(name, value): &(String, Bytes)| name == "triggerfish-cut-from" && value == "65536";
    assert!(cut[0].headers.iter().any(is_cut));
    reading.abort();
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
    world.produce(None, plain(""), false).await;
    world
        .produce(Some("k"), plain(r#","id":"1","source":"s""#), false)
        .await;
    eventually("an append is under way", async || {
        world.appender.open.receiver_count() > 0
    })
    .await;
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
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
    world
        .produce(None, plain(r#","id":"2","source":"s""#), false)
        .await;
    eventually("the next one too", async || {
        world.requests().await.len() == 6
    })
    .await;
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
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
        world.produce(Some("key"), plain(&id), false).await;
    }
    let reading = world.upstream().await;
    eventually("all are started", async || {
        world.requests().await.len() >= 5
    })
    .await;
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
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
    again.abort();
    let all: BTreeSet<_> = world
        .requests()
        .await
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(all, first);
}
