//! The end by signal: what is under way is finished, a second signal does not wait.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use triggerfish_tests::{Reply, Setup, Subscriber, completions, eventually, holds};

use crate::load::{Load, all_closed};
use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_under_load_repeats_and_loses_nothing() {
    let setup = Setup::new().set("shutdown.drain_timeout", "PT20S");
    let mut service = setup.start().await;
    let mut load = Load::begin(&setup, true).await;
    for round in 1..=3 {
        holds("some load", || load.acknowledged() >= round * 100).await;
        let asked = Instant::now();
        service.signal("TERM");
        let status = service.ended().await;
        assert!(status.success(), "ended with {status}");
        assert!(
            asked.elapsed() < Duration::from_secs(20),
            "drained for {:?}",
            asked.elapsed()
        );
        service = setup.start().await;
    }
    load.end().await;
    all_closed(&service.api).await;
    drop(service.stop().await);
    load.check_completions(&completions::read(&setup.data()).await);
    let repeated = load.check_repetitions(|_, _| false);
    assert_eq!(repeated, 0);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let setup = Setup::new()
        .set("delivery.call_timeout", "PT50S")
        .set("shutdown.drain_timeout", "PT50S");
    let subscriber = Subscriber::always(Reply::Silence).await;
    let mut scene = Scene::with(setup, "SYNC", subscriber, json!({})).await;
    scene.start("{}", "{}").await;
    scene.subscriber.called(1).await;
    scene.service.signal("TERM");
    eventually("the service is no longer ready", async || {
        let answer = scene.service.api.try_get("/health/ready").await;
        answer
            .is_none_or(|answer| answer.status == 503)
            .then_some(())
    })
    .await;
    assert!(scene.service.is_alive(), "it waits for the call");
    let asked = Instant::now();
    scene.service.signal("TERM");
    let status = scene.service.ended().await;
    assert_eq!(status.code(), Some(143), "{status}");
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn a_drain_has_a_limit_and_the_call_is_made_again() {
    let setup = Setup::new()
        .set("delivery.call_timeout", "PT50S")
        .set("shutdown.drain_timeout", "PT1S");
    let subscriber = Subscriber::start(|call| async move {
        if call.attempt == 1 {
            Reply::Silence
        } else {
            Reply::json(200, "{}")
        }
    })
    .await;
    let mut scene = Scene::with(setup, "SYNC", subscriber, json!({})).await;
    let started = scene.start("{}", "{}").await;
    scene.subscriber.called(1).await;
    scene.service.signal("TERM");
    let status = scene.service.ended().await;
    assert!(status.success(), "{status}");
    let again = scene.service.setup.start().await;
    let found = again.api.closed(&started.id).await;
    assert_eq!(found["outcome"], "COMPLETED");
    assert_eq!(scene.subscriber.count(), 2);
    assert_eq!(again.completions().await.len(), 1);
}

#[tokio::test]
async fn a_client_that_says_half_of_it_holds_nothing_up() {
    let setup = Setup::new().set("shutdown.drain_timeout", "PT1S");
    let mut service = setup.start().await;
    let url = service.api.url("");
    let address = url.trim_start_matches("http://");
    let mut client = TcpStream::connect(address).await.expect("it listens");
    let half = "POST /oauth/token HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\
                content-type: application/x-www-form-urlencoded\r\n\r\ng";
    client.write_all(half.as_bytes()).await.expect("it reads");
    service.signal("TERM");
    let status = service.ended().await;
    assert!(status.success(), "{status}");
}
