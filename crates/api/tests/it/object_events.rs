//! Asking before actions, telling after them, and the history of callbacks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use triggerfish_api::ports::{AskError, Asked, StartIdentity};
use triggerfish_core::{
    Action, ActionRequest, ActionState, AttemptReport, Excerpt, Failure, FailureKind,
    FailurePolicy, Invocation, InvocationId, InvocationKey, Observation, Origin, Part, Reply, Seen,
    SubscriptionId, Timestamp, Timing, action::expand, apply,
};

use crate::harness::Api;

const BEFORE: &str = "/object-events/v1/before";
const AFTER: &str = "/object-events/v1/after";

fn id() -> InvocationId {
    InvocationId::new(
        Timestamp::from_millis(1_700_000_000_000),
        1,
        InvocationKey(5),
    )
}

fn callback() -> SubscriptionId {
    SubscriptionId(uuid::Uuid::from_u128(9))
}

/// An action with one callback, which answered with this status.
fn action(timing: Timing, status: Option<u16>) -> (ActionState, Invocation) {
    let asked = id().time();
    let request = ActionRequest {
        timing,
        object_type: "app".into(),
        action: Action::Created,
        object_id: Some("7".into()),
        user: Some("jdoe".into()),
        origin: Origin::Test,
        input: Bytes::from_static(b"{\"AppToken\":{\"code\":\"c-1\"},\"action\":\"CREATED\"}"),
        asked,
        deadline: asked.after(Duration::from_secs(2)),
        depth: 1,
        depth_max: 4,
        correlation: None,
        decided_by: None,
        traceparent: None,
        parts: vec![Part {
            callback: callback(),
            name: "quota".into(),
            expected_status: (timing == Timing::Before).then_some(200),
            timeout: Duration::from_secs(1),
            policy: FailurePolicy::Deny,
        }],
    };
    let seen = Seen {
        id: id(),
        offset: 3,
        at: asked,
    };
    let expansion = expand(seen, Arc::new(request));
    let (mut action, mut member) = (
        expansion.action,
        expansion.members[0].state.clone().unwrap(),
    );
    if let Some(status) = status {
        let refused = Reply::Refused(Failure {
            kind: FailureKind::Status,
            message: format!("status {status}").into(),
        });
        let report = AttemptReport {
            attempt: 1,
            started: asked,
            took: Duration::from_millis(12),
            status: Some(status),
            reply: if status == 200 {
                Reply::Delivered
            } else {
                refused
            },
            body: Some(Excerpt {
                text: "{\"token\":\"t-1\"}".into(),
                truncated: true,
            }),
        };
        let seen = Seen {
            id: member.id,
            offset: 4,
            at: asked.after(Duration::from_millis(13)),
        };
        member = apply(Some(member), seen, Observation::AttemptReported(report))
            .state
            .unwrap();
        let _ = action.told(&member, 4);
    }
    (action, member)
}

fn body(extra: &Value) -> Value {
    let mut body = json!({
        "objectType": "app", "action": "CREATED", "entity": {"id": 7}, "user": "jdoe",
    });
    let fields = extra.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(fields);
    body
}

#[tokio::test]
async fn the_question_is_passed_on_as_it_came() {
    let api = Api::new().await;
    let (state, _) = action(Timing::Before, Some(200));
    api.gate
        .answers
        .lock()
        .push(Ok(Asked::Known(Arc::new(state))));
    let extra = json!({"budgetMs": 700, "id": "a-1", "test": true});
    let reply = api.post(BEFORE, body(&extra)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let told = reply.json();
    assert_eq!(
        (&told["decision"], &told["final"]),
        (&json!("ALLOW"), &json!(true))
    );
    assert_eq!(told["callbacks"][0]["durationMs"], 12);
    let asked = api.gate.asked.lock()[0].clone();
    assert_eq!(asked.entity, r#"{"id":7}"#);
    assert_eq!(asked.patience, Some(Duration::from_millis(700)));
    assert_eq!(asked.origin, Origin::Test);
    let StartIdentity::Key { key, .. } = asked.identity else {
        panic!("it has a key");
    };
    assert_eq!(
        (key.as_str(), asked.correlation.as_deref()),
        ("a-1", Some("a-1"))
    );
}

#[tokio::test]
async fn answers_say_who_said_what() {
    let api = Api::new().await;
    let (denied, _) = action(Timing::Before, Some(403));
    api.gate
        .answers
        .lock()
        .push(Ok(Asked::Known(Arc::new(denied))));
    let told = api.post(BEFORE, body(&json!({}))).await.json();
    assert_eq!(
        (&told["decision"], &told["reason"]),
        (&json!("DENY"), &json!("quota: status 403"))
    );
    assert_eq!(told["callbacks"][0]["verdict"], "DENY");

    let (open, _) = action(Timing::Before, None);
    let (reason, open) = ("its owner is away".to_owned(), Box::new(open));
    api.gate.answers.lock().push(Ok(Asked::Untold {
        action: open,
        reason,
    }));
    let told = api.post(BEFORE, body(&json!({}))).await.json();
    assert_eq!(
        (&told["decision"], &told["final"]),
        (&json!("DENY"), &json!(false))
    );
    assert_eq!(
        (&told["reason"], &told["decided"]),
        (&json!("its owner is away"), &Value::Null)
    );

    let (failed, _) = action(Timing::After, Some(500));
    api.gate
        .answers
        .lock()
        .push(Ok(Asked::Known(Arc::new(failed.clone()))));
    let report = api.post(AFTER, body(&json!({"waitMs": 100}))).await.json();
    assert_eq!(report["warnings"], json!(["quota: status 500"]));
    assert_eq!(report["callbacks"][0]["outcome"], "FAILED");
    api.gate.actions.lock().insert(id(), Arc::new(failed));
    let path = format!("/object-events/v1/{}", id());
    assert_eq!(api.get(&path).await.json(), report);
    assert_eq!(api.get("/object-events/v1/x").await.status, 404);
}

#[tokio::test]
async fn errors_have_their_status() {
    let api = Api::new().await;
    let retry_after = Duration::from_secs(1);
    for (error, status) in [
        (AskError::KeyReused, 409),
        (AskError::UnknownObjectType("x".to_owned()), 400),
        (AskError::TooLarge { limit: 7 }, 413),
        (AskError::Unavailable { retry_after }, 503),
    ] {
        api.gate.answers.lock().push(Err(error));
        assert_eq!(api.post(BEFORE, body(&json!({}))).await.status, status);
    }
    for bad in [
        json!({"action": "MOVED"}),
        json!({"entity": 7}),
        json!({"budgetMs": -1}),
        json!({"id": ""}),
        json!({"actionId": "x"}),
    ] {
        let reply = api.post(BEFORE, body(&bad)).await;
        assert_eq!(reply.status, 400, "{bad}: {}", reply.text);
    }
}

#[tokio::test]
async fn the_history_masks_secrets() {
    let api = Api::with(|settings| {
        settings.secret_fields = triggerfish_api::SecretFields::new(["code", "token"]);
    })
    .await;
    let path = format!("/callbacks/v1/{}/activations", callback().0);
    assert_eq!(api.get(&path).await.status, 404);
    let (_, member) = action(Timing::Before, Some(403));
    let invocation = format!("/trigger-invocations/v1/{}", member.id);
    api.archive.add(member);
    let story = api.get(&format!("{invocation}/timeline")).await.json();
    assert_eq!(
        story["entries"][0]["observation"]["input"],
        json!({"AppToken": {"code": "***"}, "action": "CREATED"})
    );
    let resent = api.post(&format!("{invocation}/resend"), json!({})).await;
    let error = resent.error(400);
    assert!(error.contains("belong to an action"), "{error}");
    let rows = api.get(&path).await.json();
    let row = &rows[0];
    assert_eq!(
        (&row["outcome"], &row["httpStatus"]),
        (&json!("DENIED"), &json!(403))
    );
    assert_eq!(
        row["requestBody"],
        r#"{"AppToken":{"code":"***"},"action":"CREATED"}"#
    );
    assert_eq!(row["responseBody"], r#"{"token":"***"}"#);
    assert_eq!(
        (&row["truncated"], &row["test"]),
        (&json!(true), &json!(true))
    );
    let none = format!("{path}?filters=outcome%20eq%20%22ALLOWED%22");
    let none = api.get(&none).await;
    assert_eq!(none.json(), json!([]));
}
