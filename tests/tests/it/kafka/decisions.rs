//! Decisions about actions, asked over HTTP and over `object-events`, while the
//! completion-consumers and dispatchers die.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use triggerfish_tests::kafka::{Event, Kind, Reader, Role, Upstream};
use triggerfish_tests::{Reply, Subscriber, eventually};

use super::scene::{add, installation};
use super::turn;

const ASKED: u64 = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_action_gets_one_decision_whoever_dies() {
    let Some(_turn) = turn("decisions about actions").await else {
        return;
    };
    let mut installation = installation();
    let producers = add(&mut installation, Role::Producer, 1).await;
    let dispatchers = add(&mut installation, Role::Dispatcher, 2).await;
    let consumers = add(&mut installation, Role::CompletionConsumer, 2).await;
    // Refuses every third object.
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
    drop(
        installation
            .doors
            .sure(Method::POST, path, &body)
            .await
            .expect(201),
    );
    let bootstrap = installation.brokers.bootstrap();
    let decisions = Reader::follow(&bootstrap, &installation.topic("decisions"));
    let mut upstream = Upstream::start(&bootstrap, |_| {});
    let topic = installation.topic("object-events");
    let mut told: BTreeMap<String, Value> = BTreeMap::new();
    for n in 1..=ASKED {
        let key = format!("key-{n}");
        let mut question = json!({
            "objectType": "app", "action": "CREATED", "entity": {"id": n}, "id": key,
            "budgetMs": 10_000,
        });
        if n % 2 == 0 {
            question["timing"] = json!("BEFORE");
            let value = question.to_string();
            let event = Event {
                topic: &topic,
                key: &key,
                value: &value,
                headers: &[],
            };
            upstream.send(n, &event);
        } else {
            let url = installation.workers[producers[0]].url();
            let answer = eventually("the decision is told", async || {
                let (path, body) = ("/object-events/v1/before", question.to_string());
                let asked = installation.doors.call(&url, Method::POST, path, &[], body);
                let answer = asked.await.filter(|answer| answer.status == 200)?;
                (answer.json()["final"] == true).then(|| answer.json())
            });
            told.insert(key, answer.await);
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
    eventually("all decisions are there", async || {
        (decisions.count() >= ASKED as usize).then_some(())
    })
    .await;
    installation.ready().await;
    installation.stop_all().await;
    let all = Reader::all(&bootstrap, &installation.topic("decisions"));
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    for record in &all {
        let decision = serde_json::from_str(&record.value).expect("a decision is JSON");
        assert!(
            record
                .headers
                .iter()
                .any(|(name, _)| name == "triggerfish-cause")
        );
        let before = found.insert(record.key.clone(), decision);
        assert!(before.is_none(), "two decisions under {}", record.key);
    }
    assert_eq!(found.len() as u64, ASKED);
    for n in 1..=ASKED {
        let (key, expected) = (
            format!("key-{n}"),
            if n % 3 == 0 { "DENY" } else { "ALLOW" },
        );
        assert_eq!(found[&key]["decision"], expected, "{}", found[&key]);
        if let Some(told) = told.get(&key) {
            assert_eq!(*told, found[&key], "the platform was told what is recorded");
        }
    }
    let differs = tokio::task::block_in_place(|| installation.verify());
    assert!(differs.is_empty(), "{differs:?}");
}
