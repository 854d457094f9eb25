//! `kill -9` in the middle: one decision, and it is the recorded one.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use triggerfish_tests::{Reply, Setup, Subscriber, completions};

use super::platform::Platform;

#[tokio::test]
async fn a_kill_in_the_middle_gives_one_decision() {
    let setup = Setup::new();
    let platform = Platform::with(setup.clone()).await;
    let receiver = Subscriber::start(|_| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Reply::status(200)
    })
    .await;
    let id = platform
        .before_callback("slow", &receiver.url(), json!({}))
        .await;
    let body = json!({
        "objectType": "app", "action": "CREATED", "entity": {"id": 7}, "id": "a-1",
        "budgetMs": 10_000,
    });
    let path = "/object-events/v1/before";
    let asking = platform
        .api()
        .try_call(Method::POST, path, &[], body.to_string());
    let killed = async {
        receiver.called(1).await;
        platform.service.signal("KILL");
    };
    // The answer is lost with the process.
    let (_, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(1), asking), killed);
    drop(platform);

    let platform = Platform::with(setup).await;
    let told = platform
        .ask(json!({"id": "a-1", "budgetMs": 10_000, "entity": {"id": 7}, "user": null}))
        .await
        .json;
    assert_eq!(
        (&told["decision"], &told["final"]),
        (&json!("ALLOW"), &json!(true))
    );
    assert_eq!(receiver.count(), 2, "what was in flight is called again");
    let calls = receiver.calls();
    assert_eq!(calls[0].id(), calls[1].id());
    assert_eq!(platform.history(&id).await.len(), 1);
    let setup = platform.service.stop().await;
    let decisions = completions::records(&setup.data(), "decisions").await;
    assert_eq!(decisions.len(), 1);
    let decision: Value = serde_json::from_slice(decisions[0].value.as_ref().unwrap()).unwrap();
    assert_eq!(decision, told);
    assert_eq!(completions::read(&setup.data()).await.len(), 1);
    let (is_content, compared) = setup.verify();
    assert!(is_content, "{compared}");
}
