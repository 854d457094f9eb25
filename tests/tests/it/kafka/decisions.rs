//! Decisions about actions, asked over HTTP and over `object-events`, while the
//! completion-consumers and dispatchers die.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use triggerfish_tests::kafka::{Event, Installation, Kind, Reader, Role, Upstream};
use triggerfish_tests::{Reply, Subscriber, eventually};

use super::scene::{add, installation};
use super::turn;

const ASKED: u64 = 40;
const DECIDED_WITHIN: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_action_gets_one_decision_whoever_dies() {
    let Some(_turn) = turn("decisions about actions").await else {
        return;
    };
    let mut installation = installation();
    add(&mut installation, Role::Producer, 1).await;
    let dispatchers = add(&mut installation, Role::Dispatcher, 2).await;
    let consumers = add(&mut installation, Role::CompletionConsumer, 2).await;
    let _receiver = set_up(&installation).await;
    let bootstrap = installation.brokers.bootstrap();
    let decisions = Reader::follow(&bootstrap, &installation.topic("decisions"));
    let mut upstream = Upstream::start(&bootstrap, |_| {});
    let topic = installation.topic("object-events");
    let mut told: BTreeMap<String, Value> = BTreeMap::new();
    for n in 1..=ASKED {
        let key = format!("key-{n}");
        if n % 2 == 0 {
            let value = question(n).to_string();
            let event = Event {
                topic: &topic,
                key: &key,
                value: &value,
                headers: &[],
            };
            upstream.send(n, &event);
        } else {
            told.insert(key, ask(&installation, n).await);
        }
        for (at, victim) in [(12, consumers[0]), (24, dispatchers[0])] {
            if n == at {
                let worker = &mut installation.workers[victim];
                installation.faults.note(Kind::Kill, worker);
                worker.kill();
                worker.launch();
            }
        }
    }
    assert!(upstream.end().is_empty(), "Kafka took every question");
    all_are_there(&mut installation, &decisions).await;
    installation.ready().await;
    installation.stop_all().await;
    check(&installation, &told);
    let differs = tokio::task::block_in_place(|| installation.verify());
    assert!(differs.is_empty(), "{differs:?}");
}

/// Waits until every action has its decision; says what it knows if that does not come.
async fn all_are_there(installation: &mut Installation, decisions: &Reader) {
    let until = Instant::now() + DECIDED_WITHIN;
    while (decisions.count() as u64) < ASKED && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if decisions.count() as u64 >= ASKED {
        return;
    }
    let bootstrap = installation.brokers.bootstrap();
    let topic = installation.topic("decisions");
    let all = tokio::task::block_in_place(|| Reader::all(&bootstrap, &topic));
    let keys: BTreeSet<&str> = all.iter().map(|record| record.key.as_str()).collect();
    panic!(
        "{} of {ASKED} decisions were followed, {} are there: {keys:?}\n{}",
        decisions.count(),
        all.len(),
        installation.explain().await
    );
}

/// A callback that refuses every third object, and its receiver.
async fn set_up(installation: &Installation) -> Subscriber {
    let receiver = Subscriber::start(|call| async move {
        let id = call.json()["AppToken"]["id"].as_u64().unwrap_or_default();
        Reply::status(if id % 3 == 0 { 403 } else { 200 })
    })
    .await;
    let callback = json!({
        "name": "gate", "timing": "BEFORE", "objectType": "app", "url": receiver.url(),
        "expectedStatus": 200,
    });
    let (path, body) = ("/callbacks/v1", callback.to_string());
    let made = installation.doors.sure(Method::POST, path, &body).await;
    drop(made.expect(201));
    receiver
}

fn question(n: u64) -> Value {
    json!({
        "timing": "BEFORE", "objectType": "app", "action": "CREATED", "entity": {"id": n},
        "id": format!("key-{n}"), "budgetMs": 10_000,
    })
}

/// Asks over HTTP, as often as it takes.
async fn ask(installation: &Installation, n: u64) -> Value {
    eventually("the decision is told", async || {
        let (path, body) = ("/object-events/v1/before", question(n).to_string());
        let url = installation.workers[0].url();
        let asked = installation.doors.call(&url, Method::POST, path, &[], body);
        let answer = asked.await.filter(|answer| answer.status == 200)?;
        (answer.json()["final"] == true).then(|| answer.json())
    })
    .await
}

/// One decision for each action, the right one, and what the platform was told.
fn check(installation: &Installation, told: &BTreeMap<String, Value>) {
    let bootstrap = installation.brokers.bootstrap();
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    for record in Reader::all(&bootstrap, &installation.topic("decisions")) {
        let decision = serde_json::from_str(&record.value).expect("a decision is JSON");
        let mut headers = record.headers.iter();
        assert!(headers.any(|(name, _)| name == "triggerfish-cause"));
        let before = found.insert(record.key.clone(), decision);
        assert!(before.is_none(), "two decisions under {}", record.key);
    }
    assert_eq!(found.len() as u64, ASKED);
    for n in 1..=ASKED {
        let decision = &found[&format!("key-{n}")];
        let expected = if n % 3 == 0 { "DENY" } else { "ALLOW" };
        assert_eq!(decision["decision"], expected, "{decision}");
        if let Some(told) = told.get(&format!("key-{n}")) {
            assert_eq!(told, decision, "the platform was told what is recorded");
        }
    }
}
