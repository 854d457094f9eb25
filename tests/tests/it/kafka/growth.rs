//! The invocation log is given more partitions while everything runs.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;
use triggerfish_tests::api::start_body;
use triggerfish_tests::kafka::Reader;
use triggerfish_tests::{Reply, Subscriber, eventually, holds};

use super::scene::{claims, installation};
use super::turn;

const TRIGGER: &str = "acme:growing";

/// The partition that an id carries: the number between its time and its hash.
fn partition(id: &str) -> u64 {
    let hex: String = id.chars().filter(|one| *one != '-').collect();
    u64::from_str_radix(&hex[13..16], 16).expect("an id is hex")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_partitions_are_used_and_old_ids_are_found() {
    let Some(_turn) = turn("growth of the invocation log").await else {
        return;
    };
    let mut installation = installation().variable("WORKER__GROWTH_NOTICE", "PT6S");
    installation.start(1).await;
    let subscriber = Subscriber::always(Reply::json(200, "{}")).await;
    installation.put_trigger(TRIGGER, "REQUEST_RESPONSE").await;
    let subscription = json!({
        "name": "growing", "triggerId": TRIGGER, "type": "HTTP",
        "httpConfig": {"url": subscriber.url(), "httpDispatchMode": "SYNC"},
    });
    installation.subscribe(&subscription).await;
    let bootstrap = installation.brokers.bootstrap();
    let completions = Reader::follow(&bootstrap, &installation.topic("completions"));
    let asked = installation.workers[0].url();

    let start = async |key: String| {
        let body = start_body(TRIGGER, "{}", "{}");
        let path = "/trigger-invocations/v1/start";
        let headers = [("idempotency-key", &*key)];
        let call = installation
            .doors
            .call(&asked, Method::POST, path, &headers, body);
        let started = call.await.expect("it answers").started();
        started[0].id.clone()
    };
    let mut before = Vec::new();
    for n in 0..30 {
        before.push(start(format!("key-{n}")).await);
    }
    assert!(before.iter().all(|id| partition(id) < 6), "{before:?}");
    holds("completions from before", || completions.count() == 30).await;

    tokio::task::block_in_place(|| installation.grow("invocation-log", 9));
    let mut all = 30;
    let mut used = BTreeSet::new();
    eventually("new ids use the new partitions", async || {
        used.insert(partition(&start(format!("new-{all}")).await));
        all += 1;
        (6..9).all(|new| used.contains(&new)).then_some(())
    })
    .await;
    holds("completions of all", || completions.count() >= all).await;
    assert_eq!(completions.count(), all);
    eventually("the new partitions run", async || {
        (claims(&installation, &asked).await.len() == 9).then_some(())
    })
    .await;

    for (n, id) in before.iter().enumerate() {
        assert_eq!(
            start(format!("key-{n}")).await,
            *id,
            "a key from before is known"
        );
        let path = format!("/trigger-invocations/v1/{id}");
        let found = installation
            .doors
            .get(&asked, &path)
            .await
            .expect("it answers");
        assert_eq!(found.expect(200).json()["outcome"], "COMPLETED");
    }
    installation.stop_all().await;
    let differs = tokio::task::block_in_place(|| installation.verify());
    assert!(differs.is_empty(), "{differs:?}");
}
