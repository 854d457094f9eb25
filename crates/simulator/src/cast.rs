//! Who is subscribed to what in every world, as records of the registry's topic.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use triggerfish_core::{
    Origin, Secret, Subscription, SubscriptionId,
    keys::ServerKeys,
    subscription::{BasicAuthConfig, BearerTokenAuthConfig},
};
use triggerfish_log::{NewRecord, Partition, Topic};
use triggerfish_registry::{Limits, Registry};
use triggerfish_runtime::Topics;
use uuid::Uuid;

use crate::{
    chance::Chance,
    life::Life,
    log::{NoWitness, SimLog, Weather},
    process::IN_FLIGHT_OF_SUBSCRIPTION,
};

/// Partitions of every topic that has several.
pub(crate) const PARTITIONS: u16 = 2;
/// The callback that is switched off.
const OFF: u128 = 13;
/// Begins every credential of a subscriber, so that one is found wherever it turns up.
pub(crate) const CREDENTIAL: &str = "credential-that-nobody-may-see";
/// The header in which callbacks get one.
pub(crate) const KEY_HEADER: &str = "x-key";
/// The object type that platforms ask about.
pub(crate) const OBJECT_TYPE: &str = "app";

/// A trigger of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answered at once.
    Sync,
    /// Answered by callback.
    Async,
    /// Answered either way.
    Dynamic,
    /// Told to several.
    Told,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sync, Self::Async, Self::Dynamic, Self::Told];

    /// The id of the trigger.
    #[must_use]
    pub const fn trigger(self) -> &'static str {
        match self {
            Self::Sync => "sim:sync",
            Self::Async => "sim:async",
            Self::Dynamic => "sim:dynamic",
            Self::Told => "sim:told",
        }
    }

    /// Who is to be told of an event with this number, if he is switched on.
    #[must_use]
    pub fn told(self, number: u32) -> Vec<SubscriptionId> {
        let told: &[u128] = match self {
            Self::Sync => &[1],
            Self::Async => &[2],
            Self::Dynamic => &[3],
            Self::Told => &[4, 5, 6, 11, 12],
        };
        let wants = |told: &&u128| **told != 6 || color(number) == "red";
        let told = told.iter().filter(wants);
        told.map(|number| subscription(*number)).collect()
    }
}

/// Those that are switched on and off: two as they are meant to be, one by its filter.
pub(crate) const SWITCHED: [u32; 3] = [6, 11, 12];

/// Whether a subscription is switched by its filter, which is for tests as well.
#[must_use]
pub(crate) fn is_selective(of: SubscriptionId) -> bool {
    of == subscription(11)
}

/// A filter that lets everything through or nothing.
#[must_use]
pub(crate) const fn filter(on: bool) -> &'static str {
    if on {
        "$[?($.n > -1)]"
    } else {
        "$[?($.n > 1000)]"
    }
}

/// Whether a subscription is switched on in the beginning.
#[must_use]
pub(crate) fn was_on(of: SubscriptionId) -> bool {
    of != subscription(12) && !is_selective(of)
}

/// Whether it is switched on.
#[must_use]
pub(crate) fn is_on(of: &Subscription) -> bool {
    if is_selective(of.id) {
        of.filter.as_deref() == Some(filter(true))
    } else {
        of.enabled
    }
}

/// What the filter of one subscription goes by.
#[must_use]
pub(crate) const fn color(number: u32) -> &'static str {
    if number.is_multiple_of(2) {
        "red"
    } else {
        "blue"
    }
}

/// What an event of this number is about.
#[must_use]
pub(crate) fn input(number: u32) -> Value {
    json!({ "n": number, "color": color(number) })
}

/// What the order of events is kept by.
#[must_use]
pub(crate) fn ordering_key(number: u32) -> String {
    format!("key-{}", number % 3)
}

/// The longest chain of causes that is allowed.
pub(crate) const DEPTH_MAX: u32 = 4;

/// How many calls are behind an event in its chain of causes.
#[must_use]
pub(crate) const fn depth(number: u32) -> u32 {
    number % (DEPTH_MAX + 1)
}

/// The same of an action. Some chains are too long: nobody is asked, and it is denied.
#[must_use]
pub(crate) const fn depth_of_action(number: u32) -> u32 {
    if number % 7 == 5 {
        DEPTH_MAX + 1
    } else {
        depth(number)
    }
}

/// An event that can't be taken, each for another reason.
#[must_use]
pub(crate) fn bad_event(number: u32) -> String {
    let event = json!({ "triggerId": Kind::Told.trigger(), "input": input(number) });
    let with = |field: &str, value: Value| {
        let mut event = event.clone();
        event[field] = value;
        event.to_string()
    };
    match number % 5 {
        0 => format!("{{ neither this nor that {number}"),
        1 => with("triggerId", json!("sim:unknown")),
        2 => with("input", json!({ "color": "red" })),
        3 => with("depth", json!(DEPTH_MAX + 1)),
        _ => with("contentJson", json!([number])),
    }
}

/// Some of the events that are posted are tests.
#[must_use]
pub(crate) const fn origin(number: u32, is_posted: bool) -> Origin {
    if is_posted && number.is_multiple_of(5) {
        Origin::Test
    } else {
        Origin::RealTime
    }
}

/// Calls of a subscription that may be in flight.
#[must_use]
pub(crate) fn most_in_flight(of: SubscriptionId) -> usize {
    if of == subscription(4) {
        1
    } else {
        IN_FLIGHT_OF_SUBSCRIPTION
    }
}

/// The subscription of this number.
#[must_use]
pub(crate) const fn subscription(number: u128) -> SubscriptionId {
    SubscriptionId(Uuid::from_u128(number))
}

/// The keys of the installation.
#[must_use]
pub(crate) fn keys() -> ServerKeys {
    ServerKeys::new(&[vec![7; 32]]).expect("32 bytes are a key")
}

/// What the registry takes.
#[must_use]
pub(crate) fn limits() -> Limits {
    Limits::new(Duration::from_hours(24), Arc::new(|_| Ok(())))
}

fn triggers() -> Vec<(String, Value)> {
    let all = Kind::ALL.into_iter().map(|kind| {
        let is_told = kind == Kind::Told;
        let trigger = json!({
            "id": kind.trigger(),
            "name": kind.trigger(),
            "type": if is_told { "FIRE_AND_FORGET" } else { "REQUEST_RESPONSE" },
            "inputSchema": r#"{"type":"object","required":["n"]}"#,
            "exampleInput": r#"{"n":1}"#,
            "outputSchema": (!is_told).then_some(r#"{"type":"object","required":["ok"]}"#),
            "exampleOutput": (!is_told).then_some(r#"{"ok":true}"#),
        });
        (format!("trigger/{}", kind.trigger()), trigger)
    });
    all.collect()
}

fn subscriptions() -> Vec<(String, Value)> {
    let of = |number: u128, kind: Kind, deadline: &str, mode: Option<&str>, more: Value| {
        let id = subscription(number);
        let mut one = json!({
            "id": id,
            "name": format!("subscription {number}"),
            "triggerId": kind.trigger(),
            "type": "HTTP",
            "responseDeadline": deadline,
            "httpConfig": { "url": url(number), "httpDispatchMode": mode },
            "enabled": was_on(id) || is_selective(id),
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            one[name] = value.clone();
        }
        (format!("subscription/{id}"), one)
    };
    let retry = json!({ "maxAttempts": 3, "initialDelayMs": 400, "maxDelayMs": 3_000 });
    let twice = json!({ "delivery": { "retry": retry } });
    let one_by_one = json!({ "delivery": { "maxInFlight": 1 } });
    let in_order = json!({ "delivery": { "ordering": "key", "retry": retry } });
    let filtered = json!({ "filter": r#"$[?($.color == "red")]"# });
    let selective = json!({ "filter": filter(false) });
    vec![
        of(1, Kind::Sync, "PT20S", Some("SYNC"), json!({})),
        of(2, Kind::Async, "PT25S", Some("ASYNC"), json!({})),
        of(3, Kind::Dynamic, "PT15S", Some("DYNAMIC"), twice),
        of(4, Kind::Told, "PT1H", None, one_by_one),
        of(5, Kind::Told, "PT1H", None, in_order),
        of(6, Kind::Told, "PT1H", None, filtered),
        of(11, Kind::Told, "PT1H", None, selective),
        of(12, Kind::Told, "PT1H", None, json!({})),
    ]
}

fn callbacks() -> Vec<(String, Value)> {
    let of = |number: u128, timing: &str, policy: &str, expected: Option<u16>| {
        let id = subscription(number);
        let one = json!({
            "id": id,
            "name": format!("callback {number}"),
            "timing": timing,
            "objectType": OBJECT_TYPE,
            "httpConfig": { "url": url(number) },
            "expectedStatus": expected,
            "requestHeaders": { KEY_HEADER: format!("{CREDENTIAL}-{number}") },
            "enabled": number != OFF,
            "timeoutMs": 2_000,
            "failurePolicy": policy,
            "created": 0,
            "modified": 0,
        });
        (format!("callback/{id}"), one)
    };
    vec![
        of(7, "BEFORE", "DENY", Some(200)),
        of(8, "BEFORE", "ALLOW", Some(200)),
        of(9, "BEFORE", "AUDIT", Some(200)),
        of(10, "AFTER", "DENY", None),
        of(OFF, "BEFORE", "DENY", Some(200)),
    ]
}

fn url(number: u128) -> String {
    format!("https://subscriber-{number}.example/hook?key={CREDENTIAL}-{number}")
}

/// The subscription with a credential in it, if it is one that has one.
fn with_credential(mut one: Subscription) -> Subscription {
    let secret = Some(Secret::new(format!("{CREDENTIAL}-{}", one.name)));
    if let Some(http) = &mut one.http_config {
        if one.id == subscription(1) {
            http.http_authentication_type = serde_json::from_value(json!("BEARER_TOKEN"))
                .expect("it is a type of authentication");
            http.bearer_token_auth_config = Some(BearerTokenAuthConfig {
                bearer_token: secret,
            });
        } else {
            http.http_authentication_type = serde_json::from_value(json!("BASIC_AUTH"))
                .expect("it is a type of authentication");
            http.basic_auth_config = Some(BasicAuthConfig {
                user_name: "sim".to_owned(),
                password: secret,
            });
        }
    }
    one
}

/// The records of the registry. Made once: sealing draws random numbers, and takes a while.
#[must_use]
pub(crate) fn registry() -> &'static [NewRecord] {
    static MADE: OnceLock<Vec<NewRecord>> = OnceLock::new();
    MADE.get_or_init(|| {
        // Not within the time of a world.
        let making = thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime can be made");
            runtime.block_on(make())
        });
        making
            .join()
            .expect("the registry of the worlds can be made")
    })
}

async fn make() -> Vec<NewRecord> {
    let topics = Topics::with_prefix("");
    let weather = Weather::fine(Chance::new(0), Duration::from_secs(5));
    let log = SimLog::new(Life::new("cast", 0), weather, Arc::new(NoWitness), || 0);
    let opened = Registry::open(&log, topics.registry.clone(), keys(), limits());
    let registry = opened.await.expect("the registry opens");
    let growths = (
        "growths".to_owned(),
        json!([{ "since": 0, "partitions": PARTITIONS }]),
    );
    let all = [triggers(), subscriptions(), callbacks(), vec![growths]].concat();
    let records: Vec<NewRecord> = all
        .iter()
        .map(|(key, value)| record(&topics.registry, key, value))
        .collect();
    log.put(&records).expect("the topic is there");
    for number in [1, 2] {
        let sealed =
            registry.update_subscription(subscription(number), |one| Ok(with_credential(one)));
        sealed.await.expect("a credential can be given");
    }
    let kept = log.records(&topics.registry, Partition(0)).into_iter();
    kept.map(|record| NewRecord {
        topic: record.topic,
        partition: record.partition,
        key: record.key,
        value: record.value,
        headers: record.headers,
    })
    .collect()
}

fn record(topic: &Topic, key: &str, value: &Value) -> NewRecord {
    NewRecord {
        topic: topic.clone(),
        partition: Partition(0),
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::from(value.to_string())),
        headers: Vec::new(),
    }
}
