//! The bytes of the log format, pinned: old logs must stay readable.
//!
//! `UPDATE_GOLDEN=1` rewrites the files; a difference in them is a change of format
//! and needs a new version, unless it only adds a field.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use triggerfish_core::{
    Action, ActionRequest, AttemptReport, CompletionReport, Excerpt, Failure, FailureKind,
    FailurePolicy, InvocationId, InvocationKey, Member, Mode, Observation, Origin, Part, Reply,
    Request, RetryPolicy, SubscriptionId, Timestamp, Timing, TriggerType,
};
use triggerfish_wire::envelope;
use uuid::Uuid;

fn request() -> Request {
    Request {
        trigger_id: "idn:access-request-pre-approval".into(),
        trigger_type: TriggerType::RequestResponse,
        subscription_id: SubscriptionId(Uuid::from_u128(0x1234)),
        subscription_name: "approvals".into(),
        origin: Origin::RealTime,
        mode: Mode::Dynamic,
        created: Timestamp::from_micros(1_700_000_000_000_001),
        deadline: Timestamp::from_micros(1_700_003_600_000_001),
        retry: RetryPolicy {
            max_attempts: 3,
            initial_delay_ms: 500,
            max_delay_ms: 60_000,
        },
        ordering_key: Some("key".into()),
        input: Bytes::from_static(b"{\"accessRequestId\": \"1\"}"),
        content_json: Bytes::from_static(b"{\"n\": 1.50}"),
        depth: 2,
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        event_id: Some("evt-1".into()),
        member: None,
    }
}

fn attempt(reply: Reply) -> Observation {
    Observation::AttemptReported(AttemptReport {
        attempt: 2,
        started: Timestamp::from_micros(1_700_000_000_500_000),
        took: Duration::from_micros(1234),
        status: Some(503),
        reply,
        body: None,
    })
}

/// A call of a callback.
fn of_member() -> Observation {
    let action_id = InvocationId::new(Timestamp::EPOCH, 5, InvocationKey(41));
    Observation::Requested(Arc::new(Request {
        mode: Mode::Before,
        member: Some(Arc::new(Member {
            action_id,
            part: 2,
            expected_status: Some(204),
            timeout: Duration::from_millis(1500),
            object_type: "app".into(),
            action: Action::Deleted,
            object_id: Some("7".into()),
            user: Some("jdoe".into()),
        })),
        ..request()
    }))
}

fn action_asked() -> Observation {
    Observation::ActionAsked(Arc::new(ActionRequest {
        timing: Timing::Before,
        object_type: "app".into(),
        action: Action::Created,
        object_id: Some("7".into()),
        user: Some("jdoe".into()),
        origin: Origin::Test,
        input: Bytes::from_static(
            b"{\"AppToken\":{\"id\":7},\"action\":\"CREATED\",\"user\":\"jdoe\"}",
        ),
        asked: Timestamp::from_micros(1_700_000_000_000_001),
        deadline: Timestamp::from_micros(1_700_000_002_000_001),
        depth: 1,
        depth_max: 8,
        correlation: Some("create-7".into()),
        decided_by: Some(InvocationId::new(Timestamp::EPOCH, 5, InvocationKey(40))),
        traceparent: request().traceparent,
        parts: vec![Part {
            callback: SubscriptionId(Uuid::from_u128(0x99)),
            name: "quota".into(),
            expected_status: Some(200),
            timeout: Duration::from_secs(2),
            policy: FailurePolicy::Audit,
        }],
    }))
}

fn samples() -> Vec<(&'static str, Observation)> {
    let failure = Failure {
        kind: FailureKind::Status,
        message: "status 503".into(),
    };
    let retry_after = Some(Duration::from_secs(7));
    vec![
        ("requested", Observation::Requested(Arc::new(request()))),
        ("acknowledged", attempt(Reply::Acknowledged)),
        (
            "answered",
            attempt(Reply::Answered(Bytes::from_static(b"{\"approved\":true}"))),
        ),
        ("delivered", attempt(Reply::Delivered)),
        ("refused", attempt(Reply::Refused(failure.clone()))),
        (
            "unavailable",
            attempt(Reply::Unavailable {
                failure,
                retry_after,
            }),
        ),
        (
            "completion_reported",
            Observation::CompletionReported(CompletionReport {
                output: Some(Bytes::from_static(b"{}")),
                error: Some("no".into()),
            }),
        ),
        ("deadline_passed", Observation::DeadlinePassed),
        ("action_asked", action_asked()),
        ("requested_member", of_member()),
        (
            "with_body",
            Observation::AttemptReported(AttemptReport {
                attempt: 1,
                started: Timestamp::from_micros(1_700_000_000_500_000),
                took: Duration::from_micros(1234),
                status: Some(204),
                reply: Reply::Delivered,
                body: Some(Excerpt {
                    text: "fine".into(),
                    truncated: true,
                }),
            }),
        ),
    ]
}

#[test]
fn the_format_has_not_changed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let id = InvocationId::new(
        Timestamp::from_millis(1_700_000_000_000),
        5,
        InvocationKey(42),
    );
    let at = Timestamp::from_micros(1_700_000_000_999_999);
    for (name, observation) in samples() {
        let file = folder.join(format!("{name}.bin"));
        let bytes = envelope::encode(id, at, &observation);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, &bytes).unwrap();
        }
        let pinned = std::fs::read(&file).unwrap();
        assert_eq!(bytes, pinned, "{name}: the written bytes changed");
        let read = envelope::decode(pinned.into()).unwrap();
        assert_eq!(
            read,
            (id, at, observation),
            "{name}: old bytes read differently"
        );
    }
}
