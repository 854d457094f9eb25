//! The formats of events on topics.

use std::collections::BTreeSet;

use bytes::Bytes;
use triggerfish_core::{Request, Timestamp, id::partition_of_key};
use triggerfish_log::{EventLog as _, NewRecord, Topic, TopicSpec};
use triggerfish_producer::{Content, UpstreamSettings};
use triggerfish_wire::event::{self, TriggerEvent};

use crate::world::{PARTITIONS, Reading, TRIGGER, World, eventually};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TIME: &str = "2020-01-01T00:00:00Z";

async fn requests(world: &World, count: usize) -> Vec<(Timestamp, Request)> {
    eventually("all are started", async || {
        world.requests().await.len() >= count || !world.letters().await.is_empty()
    })
    .await;
    let letters = world.letters().await;
    assert!(letters.is_empty(), "{letters:#?}");
    let requests = world.requests().await.into_iter();
    requests
        .map(|(id, request)| (id.time(), Request::clone(&request)))
        .collect()
}

/// The one that was started for this event.
fn of<'a>(requests: &'a [(Timestamp, Request)], event: &str) -> &'a (Timestamp, Request) {
    let mut all = requests.iter();
    all.find(|(_, request)| request.event_id.as_deref() == Some(event))
        .unwrap()
}

/// A topic of others that stands for the trigger.
async fn mapped(world: &World) -> (Topic, Reading) {
    let topic = Topic::from("orders");
    let spec = TopicSpec {
        name: topic.clone(),
        partitions: 1,
        retention: None,
        compacted: false,
    };
    world.log.ensure_topics(&[spec]).await.unwrap();
    let settings = UpstreamSettings {
        group: "producers-orders".into(),
        topic: topic.clone(),
        content: Content::Events {
            trigger: Some(TRIGGER.into()),
        },
        ..world.settings()
    };
    let reading = world.upstream_on(world.log.clone(), settings).await;
    (topic, reading)
}

#[tokio::test]
async fn json_and_protobuf() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let reading = world.upstream().await;
    let json = format!(
        r#"{{"triggerId":"{TRIGGER}","input":{{"a": 1}},"id":"j-1","source":"s","time":"{TIME}","contentJson":{{"c": 1}}}}"#
    );
    world
        .produce(
            json,
            &[
                ("triggerfish-content-json", r#"{"not":1}"#),
                ("triggerfish-depth", "0"),
            ],
        )
        .await;
    let bare = format!(r#"{{"triggerId":"{TRIGGER}","input":{{"a":3}},"id":"j-2"}}"#);
    world
        .produce(
            bare,
            &[
                ("traceparent", TRACE),
                ("triggerfish-content-json", r#"{"h": 1}"#),
            ],
        )
        .await;
    let protobuf = TriggerEvent {
        trigger_id: TRIGGER.to_owned(),
        input: Bytes::from_static(b"{\"a\":2}"),
        content_json: Bytes::new(),
        id: "p-1".to_owned(),
        source: "tests".to_owned(),
        time: Timestamp::parse(TIME),
        ordering_key: "k".to_owned(),
        depth: 2,
        traceparent: TRACE.to_owned(),
    };
    let headers = [("content-type", "application/x-protobuf; v=1")];
    world.produce(event::encode(&protobuf), &headers).await;
    let requests = requests(&world, 3).await;
    let (time, json) = of(&requests, "j-1");
    assert_eq!(json.input, r#"{"a": 1}"#, "byte for byte");
    assert_eq!(json.content_json, r#"{"c": 1}"#);
    assert_eq!((Some(*time), json.depth), (Timestamp::parse(TIME), 1));
    let (_, bare) = of(&requests, "j-2");
    assert_eq!(bare.content_json, r#"{"h": 1}"#);
    assert_eq!(bare.traceparent.as_deref(), Some(TRACE));
    let (time, protobuf) = of(&requests, "p-1");
    assert_eq!(protobuf.input, r#"{"a":2}"#);
    assert_eq!(protobuf.content_json, "{}");
    assert_eq!((Some(*time), protobuf.depth), (Timestamp::parse(TIME), 2));
    assert_eq!(protobuf.traceparent.as_deref(), Some(TRACE));
    reading.end().await;
}

#[tokio::test]
async fn cloud_events() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let reading = world.upstream().await;
    let structured = format!(
        r#"{{"specversion":"1.0","id":"c-1","source":"/s","type":"{TRIGGER}","time":"{TIME}","triggerfishdepth":1,"traceparent":"{TRACE}","data":{{"a": 1}}}}"#
    );
    let content_type = (
        "Content-Type",
        "application/cloudevents+json; charset=utf-8",
    );
    world.produce(structured, &[content_type]).await;
    let binary = [
        ("ce_specversion", "1.0"),
        ("ce_id", "c-2"),
        ("ce_source", "/s"),
        ("ce_type", TRIGGER),
        ("ce_time", TIME),
        ("ce_contentjson", r#"{"c": 2}"#),
        ("content-type", "application/json"),
        ("triggerfish-depth", "1"),
    ];
    world.produce(r#"{"a": 2}"#, &binary).await;
    // A type of its sender's own, and the trigger beside it.
    let foreign = [
        ("ce_specversion", "1.0"),
        ("ce_id", "c-3"),
        ("ce_source", "/s"),
        ("ce_type", "com.acme.order.cancelled.v1"),
        ("triggerfish-trigger", TRIGGER),
        ("triggerfish-content-json", r#"{"h": 3}"#),
    ];
    world.produce(r#"{"a": 3}"#, &foreign).await;
    let requests = requests(&world, 3).await;
    let (time, one) = of(&requests, "c-1");
    assert_eq!(one.input, r#"{"a": 1}"#);
    assert_eq!((Some(*time), one.depth), (Timestamp::parse(TIME), 1));
    assert_eq!(one.traceparent.as_deref(), Some(TRACE));
    assert_eq!(
        one.content_json,
        format!(
            r#"{{"specversion":"1.0","id":"c-1","source":"/s","type":"{TRIGGER}","time":"{TIME}"}}"#
        )
    );
    let (_, two) = of(&requests, "c-2");
    assert_eq!(
        (&*two.input, &*two.content_json),
        (&br#"{"a": 2}"#[..], &br#"{"c": 2}"#[..])
    );
    assert_eq!(two.depth, 2);
    let (_, three) = of(&requests, "c-3");
    assert_eq!(
        (&*three.input, &*three.content_json),
        (&br#"{"a": 3}"#[..], &br#"{"h": 3}"#[..])
    );
    reading.end().await;
}

#[tokio::test]
async fn a_topic_of_others_stands_for_a_trigger() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let (topic, reading) = mapped(&world).await;
    world
        .produce_to(&topic, Some(b"key"), r#" {"a": 1}"#, &[])
        .await;
    let event = r#"{"input":{"a": 2},"id":"e-2","contentJson":{"c":2}}"#;
    world.produce_to(&topic, None, event, &[]).await;
    let foreign =
        r#"{"specversion":"1.0","id":"e-3","source":"/s","type":"com.acme.x","data":{"a": 3}}"#;
    let content_type = ("content-type", "application/cloudevents+json");
    world
        .produce_to(&topic, None, foreign, &[content_type])
        .await;
    // Somebody else's event on the topic.
    let other = r#"{"triggerId":"idn:identity-created","input":{"a": 4}}"#;
    let letters = async || world.letters().await.len();
    let requests = requests(&world, 3).await;
    let of_input = |input: &str| {
        let mut all = requests.iter().map(|(_, request)| request);
        all.find(|request| request.input == *input).unwrap()
    };
    assert_eq!(of_input(r#" {"a": 1}"#).content_json, "{}");
    assert_eq!(of_input(r#"{"a": 2}"#).content_json, r#"{"c":2}"#);
    assert_eq!(of_input(r#"{"a": 3}"#).event_id.as_deref(), Some("e-3"));
    world.produce_to(&topic, None, other, &[]).await;
    eventually("it is refused", async || letters().await == 1).await;
    let reason = &world.letters().await[0].reason;
    assert!(reason.contains("upstream.topics names"), "{reason}");
    reading.end().await;
}

#[tokio::test]
async fn the_order_is_kept_by_the_key() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let reading = world.upstream().await;
    let topic = &world.topics.trigger_events;
    let mut count = 0;
    for (key, more, expected) in [
        (Some(&b"one"[..]), "", "one"),
        (None, r#","orderingKey":"one""#, "one"),
        (Some(b"other"), r#","orderingKey":"one""#, "one"),
        (Some(b"\xff\xfe"), "", "//4="),
        (Some(b"two"), "", "two"),
        (Some(b"three"), "", "three"),
    ] {
        let source = format!(r#","source":"{count}""#);
        let value = |n: u32| {
            format!(r#"{{"triggerId":"{TRIGGER}","id":"{n}","input":{{"a":1}}{more}{source}}}"#)
        };
        let known = world.requests().await;
        for n in 0..5 {
            world.produce_to(topic, key, value(n), &[]).await;
        }
        count += 5;
        requests(&world, count).await;
        let all = world.requests().await;
        let new = all.iter().filter(|request| !known.contains(request));
        let partitions: BTreeSet<u16> = new.map(|(id, _)| id.partition()).collect();
        assert_eq!(
            partitions,
            [partition_of_key(expected, PARTITIONS)].into(),
            "{expected}"
        );
    }
    reading.end().await;
}

#[tokio::test]
async fn a_letter_that_is_put_back_twice_starts_one_invocation() {
    let world = World::new().await;
    world.subscribe(None, true).await;
    let reading = world.upstream().await;
    world.produce(r#"{"a":1}"#, &[]).await;
    eventually("it is refused", async || world.letters().await.len() == 1).await;
    let letter = world.letters().await.remove(0);
    let mut back = letter.redriven();
    let trigger = ("triggerfish-trigger".to_owned(), Bytes::from(TRIGGER));
    back.headers.push(trigger);
    for _ in 0..2 {
        world.append(NewRecord::clone(&back)).await;
    }
    eventually("both are read", async || world.requests().await.len() == 2).await;
    let requests = world.requests().await;
    assert_eq!(requests[0].0, requests[1].0, "the same invocation");
    assert_eq!(
        requests[0].0.time().as_millis(),
        letter.timestamp.as_millis()
    );
    reading.end().await;
}
