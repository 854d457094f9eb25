//! What is decided, by whom, and how fast.

use std::time::Duration;

use serde_json::{Value, json};
use triggerfish_tests::{Reply, Subscriber, completions};

use super::platform::{Platform, SLACK, answering, nobody, post, silent};

#[tokio::test]
async fn exactly_the_expected_status_allows() {
    let platform = Platform::new().await;
    let receiver = answering(200).await;
    let id = platform
        .before_callback("gate", &receiver.url(), json!({}))
        .await;
    let told = platform.ask(json!({"budgetMs": 3000})).await.json;
    assert_eq!(
        (&told["decision"], &told["final"]),
        (&json!("ALLOW"), &json!(true))
    );
    assert_eq!(told["reason"], json!(null));
    assert_eq!(
        (&told["objectId"], &told["budgetMs"]),
        (&json!("7"), &json!(3000))
    );
    let answer = &told["callbacks"][0];
    assert_eq!(answer["callbackId"], json!(id));
    assert_eq!(
        (&answer["verdict"], &answer["httpStatus"]),
        (&json!("ALLOW"), &json!(200))
    );
    let call = receiver.calls().remove(0);
    assert_eq!(
        call.body,
        r#"{"AppToken":{"id":7,"name":"Store","secret":"app-secret-4711"},"action":"CREATED","user":"jdoe"}"#
    );
    assert_eq!(call.header("triggerfish-timing"), "BEFORE");
    assert_eq!(call.header("triggerfish-depth"), "0");
    assert_eq!(call.id(), answer["invocationId"].as_str().unwrap());
    assert!(call.header("webhook-signature").starts_with("v1,"));

    let path = format!("/object-events/v1/{}", told["id"].as_str().unwrap());
    assert_eq!(platform.api().get(&path).await.expect(200).json(), told);
    let unknown = platform.api().get("/object-events/v1/nonsense").await;
    drop(unknown.expect(404));
}

#[tokio::test]
async fn everything_else_denies_with_the_reason() {
    let platform = Platform::new().await;
    let wrong = answering(204).await;
    let hangs = silent().await;
    let cases = [
        (
            wrong.url(),
            json!({"objectType": "app"}),
            "status 204 instead of the expected 200",
        ),
        (
            nobody(),
            json!({"objectType": "plan"}),
            "connection refused",
        ),
        (
            "http://nowhere.invalid/hook".to_owned(),
            json!({"objectType": "api"}),
            "nowhere.invalid",
        ),
        (
            hangs.url(),
            json!({"objectType": "developer"}),
            "no answer within 300 ms",
        ),
    ];
    for (url, about, reason) in cases {
        let name = format!("of {}", about["objectType"]);
        let mut extra = about.clone();
        extra["timeoutMs"] = json!(300);
        platform.before_callback(&name, &url, extra).await;
        let told = platform.ask(about).await.json;
        assert_eq!(told["decision"], "DENY", "{told}");
        let found = told["reason"].as_str().unwrap();
        assert!(found.contains(reason) && found.contains(&name), "{found}");
    }
}

#[tokio::test]
async fn the_budget_bounds_all_together() {
    let platform = Platform::new().await;
    let (hangs, allows) = (silent().await, answering(200).await);
    for number in 0..3 {
        platform
            .before_callback(&format!("silent {number}"), &hangs.url(), json!({}))
            .await;
    }
    platform
        .before_callback("prompt", &allows.url(), json!({}))
        .await;
    let told = platform.ask(json!({"budgetMs": 400})).await;
    assert!(told.took >= Duration::from_millis(350), "{:?}", told.took);
    assert!(
        told.took < Duration::from_millis(400) + SLACK,
        "{:?}",
        told.took
    );
    assert_eq!(told.json["decision"], "DENY");
    let recorded = platform.decided(&told.json).await;
    let verdicts = recorded["callbacks"].as_array().unwrap().iter();
    let denied = verdicts.filter(|answer| answer["verdict"] == "DENY");
    assert_eq!(denied.count(), 3, "{recorded}");
    // One that is not there at all does not cost the budget.
    let told = platform
        .ask(json!({"objectType": "plan", "budgetMs": 10_000}))
        .await;
    assert_eq!(told.json["decision"], "ALLOW");
    assert!(told.took < Duration::from_secs(5), "{:?}", told.took);
}

#[tokio::test]
async fn policies_say_what_a_missing_yes_means() {
    let platform = Platform::new().await;
    let (refuses, hangs) = (answering(403).await, silent().await);
    let cases = [
        ("app", "ALLOW", nobody(), "ALLOW"),
        ("plan", "ALLOW", hangs.url(), "ALLOW"),
        ("api", "ALLOW", refuses.url(), "DENY"),
        ("developer", "AUDIT", refuses.url(), "ALLOW"),
        ("access-token", "DENY", hangs.url(), "DENY"),
    ];
    for (object_type, policy, url, expected) in cases {
        let extra = json!({"objectType": object_type, "failurePolicy": policy, "timeoutMs": 300});
        let id = platform.before_callback(object_type, &url, extra).await;
        let told = platform.ask(json!({"objectType": object_type})).await.json;
        assert_eq!(told["decision"], expected, "{told}");
        assert_eq!(told["callbacks"][0]["failurePolicy"], policy);
        // What was forgiven is in the history all the same.
        let history = platform.history(&id).await;
        assert_eq!(history[0]["outcome"], "DENIED", "{history:?}");
        assert!(history[0]["error"].is_string(), "{history:?}");
    }
}

#[tokio::test]
async fn actions_restrict_and_both_kinds_have_their_turn() {
    let platform = Platform::new().await;
    let (before, after) = (answering(200).await, answering(500).await);
    let only = json!({"requestHeaders": {"action": "UPDATED, DELETED", "x-tenant": "blue"}});
    platform.before_callback("gate", &before.url(), only).await;
    let id = platform
        .after_callback("news", &after.url(), json!({}))
        .await;
    assert_eq!(platform.ask(json!({})).await.json["callbacks"], json!([]));
    let told = platform.ask(json!({"action": "DELETED"})).await.json;
    assert_eq!(told["decision"], "ALLOW");
    let call = before.calls().remove(0);
    assert_eq!(
        (call.header("x-tenant"), call.header("action")),
        ("blue", "")
    );
    assert_eq!(after.count(), 0, "nothing has happened yet");

    let report = platform
        .tell(json!({"action": "DELETED", "actionId": told["id"]}))
        .await
        .json;
    assert_eq!(report["actionId"], told["id"]);
    assert_eq!(report["warnings"], json!(["news: status 500"]));
    assert_eq!(report["callbacks"][0]["outcome"], "FAILED");
    assert_eq!(report["callbacks"][0]["failurePolicy"], Value::Null);
    assert_eq!(after.count(), 1, "one attempt");
    let history = platform.history(&id).await;
    assert_eq!(history[0]["outcome"], "FAILED");
    // Who does not wait is told at once.
    let report = platform.tell(json!({"waitMs": 0})).await.json;
    assert_eq!(report["callbacks"][0]["outcome"], "PENDING");
    let calls = after.called(2).await;
    assert_eq!(calls[1].header("triggerfish-timing"), "AFTER");
}

#[tokio::test]
async fn the_same_key_gets_the_same_decision() {
    let platform = Platform::new().await;
    let receiver = Subscriber::start(|call| async move {
        let status = if call.number == 1 { 200 } else { 403 };
        Reply::status(status)
    })
    .await;
    platform
        .before_callback("moody", &receiver.url(), json!({}))
        .await;
    let first = platform.ask(json!({"id": "create-7"})).await.json;
    let again = platform.ask(json!({"id": "create-7"})).await.json;
    assert_eq!((&first["decision"], &first), (&json!("ALLOW"), &again));
    let other = post(
        platform.api(),
        "before",
        json!({"id": "create-7", "user": "other"}),
    )
    .await;
    assert!(other.expect(409).message().contains("idempotency key"));
    let another = platform.ask(json!({"id": "create-8"})).await.json;
    assert_eq!(another["decision"], "DENY");
    assert_eq!(receiver.count(), 2);
    let setup = platform.service.stop().await;
    let decisions = completions::records(&setup.data(), "decisions").await;
    assert_eq!(decisions.len(), 2);
    let record = decisions
        .iter()
        .find(|record| record.key.as_deref() == Some(b"create-7"))
        .expect("the key correlates");
    let value: serde_json::Value = serde_json::from_slice(record.value.as_ref().unwrap()).unwrap();
    assert_eq!(value, first, "the record says what the platform was told");
}

#[tokio::test]
async fn bad_fields_are_named() {
    let platform = Platform::new().await;
    let cases = [
        (
            json!({"objectType": "nope"}),
            "object type \"nope\" does not exist",
        ),
        (json!({"action": "MOVED"}), "\"action\""),
        (json!({"entity": [1]}), "\"entity\""),
        (json!({"budgetMs": 0}), "budgetMs must be from 1 to 10000"),
        (json!({"budgetMs": 10_001}), "budgetMs"),
        (json!({"user": ""}), "user"),
        (json!({"id": ""}), "id must have"),
        (json!({"actionId": "x"}), "actionId"),
    ];
    for (extra, named) in cases {
        let answer = post(platform.api(), "before", extra.clone()).await;
        let message = answer.expect(400).message();
        assert!(message.contains(named), "{extra}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_stay_within_the_budget() {
    const BUDGET: Duration = Duration::from_secs(1);
    let platform = Platform::new().await;
    let (prompt, hangs) = (answering(200).await, silent().await);
    for number in 0..7 {
        let name = format!("prompt {number}");
        platform
            .before_callback(&name, &prompt.url(), json!({}))
            .await;
    }
    for number in 0..3 {
        let name = format!("silent {number}");
        platform
            .before_callback(&name, &hangs.url(), json!({}))
            .await;
    }
    let budget = json!({"budgetMs": 1000});
    let asked = (0..100).map(|_| platform.ask(budget.clone()));
    let told = futures::future::join_all(asked).await;
    for told in &told {
        assert_eq!(told.json["decision"], "DENY");
        // The figure itself is measured where nothing else runs: `bench decisions`.
        assert!(told.took < BUDGET + SLACK * 4, "{:?}", told.took);
    }
}
