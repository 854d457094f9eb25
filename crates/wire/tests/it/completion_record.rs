//! The completion record: its fields, and payloads byte for byte.

use bytes::Bytes;
use triggerfish_core::{
    Closing, Invocation, InvocationId, InvocationKey, Mode, Origin, Outcome, Phase, Request,
    RetryPolicy, SubscriptionId, Timestamp, TriggerType,
};
use triggerfish_wire::completion;

fn closed(outcome: Outcome) -> Invocation {
    let created = Timestamp::from_micros(1_700_000_000_000_001);
    let request = Request {
        trigger_id: "test:request-response".into(),
        trigger_type: TriggerType::RequestResponse,
        subscription_id: SubscriptionId(uuid::Uuid::from_u128(7)),
        subscription_name: "s".into(),
        origin: Origin::Test,
        mode: Mode::Sync,
        created,
        deadline: created,
        retry: RetryPolicy::ONCE,
        ordering_key: None,
        input: Bytes::from_static(b"{}"),
        content_json: Bytes::from_static(b"{ \"n\":1.50, \"n\":2 }"),
        depth: 0,
        traceparent: Some("00-a-b-01".into()),
        event_id: None,
        member: None,
    };
    Invocation {
        id: InvocationId::new(created, 1, InvocationKey(9)),
        request: request.into(),
        offset: 4,
        attempts: 1,
        last_failure: None,
        phase: Phase::Closed(Closing {
            outcome,
            at: created,
            offset: 6,
        }),
        called: None,
    }
}

#[test]
fn carries_payloads_byte_for_byte() {
    let output = Bytes::from_static(b"{\"approved\" :true}");
    let value = completion::value(&closed(Outcome::Completed(Some(output)))).unwrap();
    assert_eq!(
        std::str::from_utf8(&value).unwrap(),
        concat!(
            r#"{"id":"018bcfe5-6800-8001-8000-000000000009","type":"TEST","#,
            r#""triggerId":"test:request-response","#,
            r#""subscriptionId":"00000000-0000-0000-0000-000000000007","#,
            r#""contentJson":{ "n":1.50, "n":2 },"outcome":"COMPLETED","#,
            r#""output":{"approved" :true},"error":null,"#,
            r#""created":"2023-11-14T22:13:20.000001Z","#,
            r#""completed":"2023-11-14T22:13:20.000001Z","attempts":1}"#
        )
    );
}

#[test]
fn failures_carry_the_error() {
    for (outcome, name) in [
        (
            Outcome::Failed {
                error: "status 500".into(),
                output: None,
            },
            "FAILED",
        ),
        (
            Outcome::Expired {
                error: "status 500".into(),
            },
            "EXPIRED",
        ),
    ] {
        let value = completion::value(&closed(outcome)).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&value).unwrap();
        assert_eq!(value["outcome"], name);
        assert_eq!(value["error"], "status 500");
        assert!(value["output"].is_null());
    }
}

#[test]
fn an_open_invocation_has_none() {
    let mut open = closed(Outcome::Completed(None));
    open.phase = Phase::Waiting;
    assert_eq!(completion::value(&open), None);
}

#[test]
fn headers_are_cloudevents_in_binary_mode() {
    let closed = closed(Outcome::Completed(None));
    let closing = closed.closing().unwrap();
    let headers = completion::headers(&closed, closing);
    let get = |name: &str| {
        headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.clone())
    };
    assert_eq!(get("ce_id").unwrap(), closed.id.to_string());
    assert_eq!(get("ce_specversion").unwrap(), "1.0");
    assert_eq!(completion::cause(&headers), Some(closing.offset));
    assert_eq!(completion::cause(&headers[..1]), None);
    assert_eq!(get("traceparent").unwrap(), "00-a-b-01");
}
