use axum::http::Request;
use serde_json::{Value, json};
use triggerfish_api::ports::Verdict;
use triggerfish_core::{CompletionReport, InvocationId, InvocationKey, Timestamp, TriggerType};

use crate::{
    harness::{Api, NOW, Reply, forms},
    status::invocation,
};

fn id() -> InvocationId {
    InvocationId::new(Timestamp::parse(NOW).unwrap(), 5, InvocationKey(1))
}

async fn api() -> Api {
    let api = Api::new().await;
    api.archive
        .add(invocation(id(), TriggerType::RequestResponse));
    api
}

/// Completes without any token.
async fn complete_at(api: &Api, path: &str, body: &str) -> Reply {
    let request = Request::post(path).header("content-type", "application/json");
    api.send(request.body(body.to_owned().into()).unwrap())
        .await
}

async fn complete(api: &Api, mut body: Value) -> Reply {
    body["secret"] = json!(api.keys.invocation_secret(id()).expose());
    let path = format!("/beta/trigger-invocations/{}/complete", id());
    complete_at(api, &path, &body.to_string()).await
}

#[tokio::test]
async fn the_secret_is_enough() {
    let api = api().await;
    let secret = api.keys.invocation_secret(id());
    for path in forms("trigger-invocations", &format!("/{}/complete", id())) {
        let body = format!(
            r#"{{"output": {{"approved" : true}} ,"secret":"{}"}}"#,
            secret.expose()
        );
        let reply = complete_at(&api, &path, &body).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
        let expected = CompletionReport {
            output: Some(r#"{"approved" : true}"#.into()),
            error: None,
        };
        assert_eq!(
            *api.archive.reports.lock().last().unwrap(),
            (id(), expected)
        );
    }
}

#[tokio::test]
async fn an_error_completes_too() {
    let api = api().await;
    for (body, output) in [
        (
            json!({"error": "no decision", "output": {}}),
            Some("{}".into()),
        ),
        (json!({"error": "no decision", "output": null}), None),
        (json!({"error": "no decision"}), None),
    ] {
        assert_eq!(complete(&api, body).await.status, 204);
        let expected = CompletionReport {
            output,
            error: Some("no decision".into()),
        };
        assert_eq!(api.archive.reports.lock().last().unwrap().1, expected);
    }
    let body = json!({"error": " ", "output": {"approved": false}});
    assert_eq!(complete(&api, body).await.status, 204);
    assert_eq!(api.archive.reports.lock().last().unwrap().1.error, None);
}

#[tokio::test]
async fn the_output_must_fit_the_schema() {
    let api = api().await;
    for (body, part) in [
        (json!({}), "output is missing"),
        (json!({"output": null}), "output schema"),
        (json!({"output": {"approved": "secret-value"}}), "/approved"),
        (json!({"output": {}}), "approved"),
        (
            json!({"output": {"approved": true}, "error": 7}),
            "\"error\"",
        ),
    ] {
        let reply = complete(&api, body).await;
        let error = reply.error(400);
        assert!(error.contains(part), "{error}");
        assert!(!reply.text.contains("secret-value"));
    }
    assert!(api.archive.reports.lock().is_empty());
}

#[tokio::test]
async fn verdicts_of_the_fold() {
    let api = api().await;
    let output = json!({"output": {"approved": true}});
    let deadline = Timestamp::parse("2026-05-01T13:00:00Z").unwrap();
    for (verdict, status, part) in [
        (Verdict::Repeated, 204, ""),
        (Verdict::Unknown, 400, "not known"),
        (Verdict::NothingOwed, 400, "FIRE_AND_FORGET"),
        (Verdict::AlreadyClosed { outcome: "FAILED" }, 400, "FAILED"),
        (
            Verdict::AfterDeadline { deadline },
            400,
            "2026-05-01T13:00:00",
        ),
    ] {
        api.archive.verdicts.lock().push(verdict);
        let reply = complete(&api, output.clone()).await;
        if status == 204 {
            assert_eq!(reply.status, 204);
        } else {
            let error = reply.error(status);
            assert!(error.contains(part), "{error}");
        }
    }
    *api.archive.away.lock() = true;
    let reply = complete(&api, output).await;
    reply.error(503);
    assert_eq!(reply.headers["retry-after"], "2");
}

#[tokio::test]
async fn fire_and_forget_and_forgotten_ones_are_refused() {
    let api = Api::new().await;
    let body = json!({"output": {"approved": true}});
    let error = complete(&api, body.clone()).await.error(400);
    assert!(error.contains("not known"), "{error}");
    api.archive
        .add(invocation(id(), TriggerType::FireAndForget));
    let error = complete(&api, body).await.error(400);
    assert!(error.contains("FIRE_AND_FORGET"), "{error}");
    assert!(api.archive.reports.lock().is_empty());
}

#[tokio::test]
async fn a_wrong_secret_and_a_wrong_id_look_alike() {
    let api = api().await;
    let other = InvocationId::new(Timestamp::EPOCH, 0, InvocationKey(9));
    let secret = api.keys.invocation_secret(id());
    let mut answers = Vec::new();
    for (id, secret) in [
        (id().to_string(), "0f11f2a4-7c94-4bf3-a2bd-742580fe3bde"),
        (id().to_string(), ""),
        (other.to_string(), secret.expose()),
        (
            "0f11f2a4-7c94-4bf3-a2bd-742580fe3bde".into(),
            secret.expose(),
        ),
        ("nope".into(), secret.expose()),
    ] {
        let path = format!("/v3/trigger-invocations/{id}/complete");
        let body = json!({"secret": secret, "output": {"approved": true}});
        let reply = complete_at(&api, &path, &body.to_string()).await;
        reply.error(403);
        assert!(secret.is_empty() || !reply.text.contains(secret));
        let mut body = reply.json();
        body["trackingId"] = Value::Null;
        answers.push(body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(api.archive.reports.lock().is_empty());
    let path = format!("/v3/trigger-invocations/{}/complete", id());
    let error = complete_at(&api, &path, r#"{"output":{}}"#)
        .await
        .error(400);
    assert!(error.contains("secret"), "{error}");
}
