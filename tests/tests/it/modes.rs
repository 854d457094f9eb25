//! The four response modes, from the event to the completion.

use std::time::Duration;

use serde_json::json;
use triggerfish_tests::{Reply, Service, Setup, Subscriber};

use crate::scene::{Scene, TRIGGER, error_of};

const INPUT: &str = r#"{"identityId":"7", "n": 1.50}"#;

#[tokio::test]
async fn sync_answer_is_the_output() {
    let service = Service::start().await;
    let subscriber = Subscriber::always(Reply::json(200, r#"{"approved": true}"#)).await;
    let api = &service.api;
    let trigger = "test:request-response";
    let subscription = api
        .subscribe(trigger, &subscriber.url(), "SYNC", json!({}))
        .await;
    let started = api.start_one(trigger, INPUT, r#"{"ticket":7}"#).await;
    let found = api.closed(&started.id).await;
    assert_eq!(found["outcome"], "COMPLETED");
    assert_eq!(
        found["completeInvocationInput"]["output"],
        json!({"approved": true})
    );
    let calls = subscriber.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        calls[0].body, INPUT,
        "the payload as it came, without _metadata"
    );
    assert_eq!(calls[0].header("content-type"), "application/json");

    let completions = service.completions().await;
    assert_eq!(completions.len(), 1);
    let completion = &completions[0];
    assert_eq!(completion.id, started.id);
    assert_eq!(completion.output, r#"{"approved": true}"#);
    let mut json = completion.json.clone();
    let (created, completed) = (json["created"].take(), json["completed"].take());
    assert!(
        created.as_str() <= completed.as_str(),
        "{created} {completed}"
    );
    let expected = json!({
        "id": started.id, "type": "REAL_TIME", "triggerId": trigger,
        "subscriptionId": subscription, "contentJson": {"ticket": 7}, "outcome": "COMPLETED",
        "output": {"approved": true}, "error": null, "created": null, "completed": null,
        "attempts": 1,
    });
    assert_eq!(json, expected);
    assert_eq!(completion.headers["ce_id"], started.id);
    assert_eq!(completion.headers["ce_specversion"], "1.0");
}

#[tokio::test]
async fn async_answer_comes_by_callback() {
    let subscriber = Subscriber::always(Reply::json(200, "{}")).await;
    let scene = Scene::new("ASYNC", subscriber).await;
    let api = &scene.service.api;
    let started = scene.start(INPUT, "{}").await;
    let waiting = api.in_phase(&started.id, "WAITING").await;
    assert_eq!(waiting["completed"], json!(null));

    let call = scene.subscriber.calls().remove(0);
    let mut body = call.json();
    let metadata = body["_metadata"].take();
    assert_eq!(
        body,
        json!({"identityId": "7", "n": 1.50, "_metadata": null})
    );
    let path = format!("/beta/trigger-invocations/{}/complete", started.id);
    let expected = json!({
        "callbackURL": api.url(&path), "secret": started.secret, "responseMode": "async",
        "triggerId": TRIGGER, "triggerType": "requestResponse",
    });
    assert_eq!(metadata, expected);

    let heard = call
        .call_back(&json!({"approver": "x"}))
        .await
        .expect("an answer");
    assert_eq!(heard.status, 204, "{}", heard.text());
    let found = api.closed(&started.id).await;
    assert_eq!(found["outcome"], "COMPLETED");
    assert_eq!(
        found["completeInvocationInput"]["output"],
        json!({"approver": "x"})
    );
    let completion = scene.completion().await;
    assert_eq!(
        (completion.id.as_str(), completion.outcome()),
        (&*started.id, "COMPLETED")
    );
    assert_eq!(completion.json["output"], json!({"approver": "x"}));
}

#[tokio::test]
async fn callback_may_overtake_the_acknowledgement() {
    let subscriber = Subscriber::start(|call| async move {
        let heard = call
            .call_back(&json!({"fast": true}))
            .await
            .expect("an answer");
        assert_eq!(heard.status, 204, "{}", heard.text());
        Reply::json(200, "{}")
    })
    .await;
    let scene = Scene::new("ASYNC", subscriber).await;
    let found = scene.run().await;
    assert_eq!(
        found["completeInvocationInput"]["output"],
        json!({"fast": true})
    );
    assert_eq!(
        scene.completion().await.json["output"],
        json!({"fast": true})
    );
}

#[tokio::test]
async fn dynamic_is_sync_by_200_and_async_by_202() {
    let subscriber = Subscriber::start(|call| async move {
        if call.json()["later"] == true {
            let acknowledged = call.clone();
            tokio::spawn(async move { acknowledged.call_back(&json!({"by": "callback"})).await });
            return Reply::json(202, "{}");
        }
        Reply::json(200, r#"{"by":"answer"}"#)
    })
    .await;
    let scene = Scene::new("DYNAMIC", subscriber).await;
    let api = &scene.service.api;
    for (input, by) in [
        (r#"{"later":false}"#, "answer"),
        (r#"{"later":true}"#, "callback"),
    ] {
        let started = scene.start(input, "{}").await;
        let found = api.closed(&started.id).await;
        assert_eq!(found["outcome"], "COMPLETED", "{}", error_of(&found));
        assert_eq!(
            found["completeInvocationInput"]["output"],
            json!({"by": by})
        );
    }
    let metadata = &scene.subscriber.calls()[0].json()["_metadata"];
    assert_eq!(metadata["responseMode"], "async", "as in the reference");
    assert_eq!(scene.service.completions().await.len(), 2);
}

#[tokio::test]
async fn fire_and_forget_is_done_when_it_has_arrived() {
    let subscriber = Subscriber::always(Reply::status(204)).await;
    let scene = Scene::new("FIRE_AND_FORGET", subscriber).await;
    let started = scene.start(INPUT, r#"{"k":1}"#).await;
    let found = scene.service.api.closed(&started.id).await;
    assert_eq!(
        found["completeInvocationInput"],
        json!({"localizedError": null, "output": null})
    );
    assert_eq!(scene.subscriber.calls()[0].body, INPUT);
    let completion = scene.completion().await;
    assert_eq!(completion.outcome(), "COMPLETED");
    assert_eq!(
        (completion.output.as_str(), completion.content_json.as_str()),
        ("null", r#"{"k":1}"#)
    );
}

#[tokio::test]
async fn fire_and_forget_is_repeated_as_policy_and_retry_after_say() {
    let subscriber = Subscriber::start(|call| async move {
        match call.attempt {
            1 => Reply::status(503).with("retry-after", "1"),
            2 => Reply::Reset,
            _ => Reply::status(200),
        }
    })
    .await;
    let retry = json!({"delivery": {"retry":
        {"maxAttempts": 5, "initialDelayMs": 20, "maxDelayMs": 2000}}});
    let scene = Scene::with(Setup::new(), "FIRE_AND_FORGET", subscriber, retry).await;
    let found = scene.run().await;
    assert_eq!(
        (&found["outcome"], &found["attempts"]),
        (&json!("COMPLETED"), &json!(3))
    );
    let calls = scene.subscriber.calls();
    assert_eq!(calls.len(), 3);
    assert!(
        calls.iter().all(|call| call.id() == found["id"]),
        "one webhook-id for all attempts"
    );
    let waits = [calls[1].at - calls[0].at, calls[2].at - calls[1].at];
    // The service counts from the end of the call that it heard.
    assert!(
        waits[0] >= Duration::from_millis(990),
        "Retry-After was 1 s: {waits:?}"
    );
    assert!(
        waits[1] < Duration::from_millis(900),
        "the policy's own wait is short: {waits:?}"
    );
    assert_eq!(scene.completion().await.json["attempts"], 3);
}

#[tokio::test]
async fn fire_and_forget_fails_after_its_last_attempt() {
    let subscriber = Subscriber::always(Reply::status(500)).await;
    let retry = json!({"delivery": {"retry":
        {"maxAttempts": 3, "initialDelayMs": 1, "maxDelayMs": 5}}});
    let scene = Scene::with(Setup::new(), "FIRE_AND_FORGET", subscriber, retry).await;
    let found = scene.run().await;
    assert_eq!(
        (&found["outcome"], error_of(&found)),
        (&json!("FAILED"), "status 500")
    );
    assert_eq!(scene.subscriber.count(), 3);
    let completion = scene.completion().await;
    assert_eq!(
        (completion.outcome(), completion.error()),
        ("FAILED", "status 500")
    );
    assert_eq!(completion.json["attempts"], 3);
}
