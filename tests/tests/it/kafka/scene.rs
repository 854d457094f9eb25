//! Installations for tests that break no broker, and questions to their API.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use triggerfish_test_broker::shared;
use triggerfish_tests::api::start_body;
use triggerfish_tests::kafka::{Brokers, Installation, Role};
use triggerfish_tests::{Reply, Subscriber, eventually};

/// The trigger of every scene; nobody ever calls back, so its invocations stay open.
pub(super) const TRIGGER: &str = "acme:open";

/// Where a partition runs, and since when.
pub(super) type Claims = BTreeMap<u64, (String, String)>;

/// On the broker that all tests share.
pub(super) fn installation() -> Installation {
    let cluster = tokio::task::block_in_place(shared);
    Installation::new(Brokers::Shared(cluster))
}

/// Declares [`TRIGGER`], whose subscriber acknowledges.
pub(super) async fn subscribe(installation: &Installation) -> Subscriber {
    let subscriber = Subscriber::always(Reply::json(200, "{}")).await;
    installation.put_trigger(TRIGGER, "REQUEST_RESPONSE").await;
    let subscription = json!({
        "name": "open", "triggerId": TRIGGER, "type": "HTTP",
        "httpConfig": {"url": subscriber.url(), "httpDispatchMode": "ASYNC"},
    });
    installation.subscribe(&subscription).await;
    subscriber
}

/// Starts so many invocations and returns their ids.
pub(super) async fn start(installation: &Installation, count: u64) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for n in 0..count {
        let body = start_body(TRIGGER, &format!("{{\"n\":{n}}}"), "{}");
        let path = "/trigger-invocations/v1/start";
        let answer = installation.doors.sure(Method::POST, path, &body).await;
        ids.extend(answer.started().into_iter().map(|one| one.id));
    }
    assert_eq!(ids.len() as u64, count);
    ids
}

/// The processes as the one at `url` knows them; `None` if it does not answer.
pub(super) async fn processes(installation: &Installation, url: &str) -> Option<Vec<Value>> {
    let answer = installation.doors.get(url, "/workers/v1").await?;
    (answer.status == 200).then(|| answer.json().as_array().cloned().unwrap_or_default())
}

/// Where the partitions of the completion-consumers run; those that two claim are left
/// out, as those that nobody does.
pub(super) async fn claims(installation: &Installation, url: &str) -> Claims {
    let mut claims = Claims::new();
    let mut doubtful = BTreeSet::new();
    for process in processes(installation, url).await.unwrap_or_default() {
        let name = process["instance"].as_str().unwrap_or_default();
        for one in process["partitions"].as_array().into_iter().flatten() {
            let partition = one["partition"].as_u64().expect("a number");
            let since = one["since"].as_str().unwrap_or_default().to_owned();
            if claims.insert(partition, (name.to_owned(), since)).is_some() {
                doubtful.insert(partition);
            }
        }
    }
    claims.retain(|partition, _| !doubtful.contains(partition));
    claims
}

/// Waits until all partitions run, spread over so many processes.
pub(super) async fn spread(installation: &Installation, url: &str, over: usize) -> Claims {
    eventually(format!("partitions run in {over} processes"), async || {
        let claims = claims(installation, url).await;
        let owners: BTreeSet<&String> = claims.values().map(|(name, _)| name).collect();
        (claims.len() == 6 && owners.len() == over).then_some(claims)
    })
    .await
}

/// Adds and starts processes of one role.
pub(super) async fn add(installation: &mut Installation, role: Role, count: usize) -> Vec<usize> {
    let mut added = Vec::new();
    for _ in 0..count {
        let index = installation.add(role);
        installation.workers[index].launch();
        added.push(index);
    }
    installation.ready().await;
    installation.show();
    added
}
