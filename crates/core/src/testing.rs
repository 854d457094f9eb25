//! Strategies for property tests: requests, observations, logs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*};
use uuid::Uuid;

use crate::{
    Action, ActionRequest, AttemptReport, CompletionReport, Failure, FailureKind, FailurePolicy,
    InvocationId, InvocationKey, Mode, Observation, Origin, Part, Reply, Request, RetryPolicy,
    SubscriptionId, Timestamp, Timing, TriggerType,
};

/// One record of a log as the strategies make it: id, time, observation.
pub type Entry = (InvocationId, Timestamp, Observation);

/// JSON text of a small object.
pub fn json() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        Just("{}"),
        Just("{\"a\": 1}"),
        Just("{ \"approved\" : true }")
    ]
    .prop_map(|text| Bytes::from_static(text.as_bytes()))
}

/// A time within some minutes, so that deadlines fall among the observations.
pub fn timestamp() -> impl Strategy<Value = Timestamp> {
    (0_u64..600_000).prop_map(|ms| Timestamp::from_millis(1_700_000_000_000 + ms))
}

/// A retry policy of up to four calls.
pub fn retry_policy() -> impl Strategy<Value = RetryPolicy> {
    (1_u32..5, 0_u64..10_000, 0_u64..100_000).prop_map(
        |(max_attempts, initial_delay_ms, max_delay_ms)| RetryPolicy {
            max_attempts,
            initial_delay_ms,
            max_delay_ms,
        },
    )
}

/// A failure of any kind.
pub fn failure() -> impl Strategy<Value = Failure> {
    let kind = prop_oneof![
        Just(FailureKind::Timeout),
        Just(FailureKind::Status),
        Just(FailureKind::Schema),
        Just(FailureKind::Blocked),
    ];
    (kind, "[a-z ]{0,12}").prop_map(|(kind, message)| Failure {
        kind,
        message: message.into(),
    })
}

/// A reply of any class.
pub fn reply() -> impl Strategy<Value = Reply> {
    let wait = option::of((0_u64..100_000).prop_map(Duration::from_millis));
    prop_oneof![
        Just(Reply::Acknowledged),
        Just(Reply::Delivered),
        json().prop_map(Reply::Answered),
        failure().prop_map(Reply::Refused),
        (failure(), wait).prop_map(|(failure, retry_after)| Reply::Unavailable {
            failure,
            retry_after
        }),
    ]
}

/// A request for one of a few subscriptions, with or without an ordering key.
pub fn request() -> impl Strategy<Value = Request> {
    let mode = prop_oneof![
        Just(Mode::Sync),
        Just(Mode::Async),
        Just(Mode::Dynamic),
        Just(Mode::FireAndForget),
    ];
    let origin = prop_oneof![Just(Origin::Test), Just(Origin::RealTime)];
    (
        mode,
        origin,
        timestamp(),
        1_u64..300_000,
        retry_policy(),
        0_u128..4,
        json(),
        option::of("[ab]"),
    )
        .prop_map(
            |(mode, origin, created, lifetime_ms, retry, subscription, input, key)| Request {
                trigger_id: "test:trigger".into(),
                trigger_type: if mode == Mode::FireAndForget {
                    TriggerType::FireAndForget
                } else {
                    TriggerType::RequestResponse
                },
                subscription_id: SubscriptionId(Uuid::from_u128(subscription)),
                subscription_name: "subscriber".into(),
                origin,
                mode,
                created,
                deadline: created.after(Duration::from_millis(lifetime_ms)),
                retry,
                ordering_key: key.map(Into::into),
                content_json: input.clone(),
                input,
                depth: 0,
                traceparent: None,
                event_id: None,
                member: None,
            },
        )
}

/// Any observation.
pub fn observation() -> impl Strategy<Value = Observation> {
    let attempt = (
        1_u32..5,
        timestamp(),
        0_u64..9_000_000,
        option::of(100_u16..600),
        reply(),
    )
        .prop_map(|(attempt, started, took, status, reply)| {
            let took = Duration::from_micros(took);
            Observation::AttemptReported(AttemptReport {
                attempt,
                started,
                took,
                status,
                reply,
                body: None,
            })
        });
    let completion = (option::of(json()), option::of("[a-z]{1,8}")).prop_map(|(output, error)| {
        Observation::CompletionReported(CompletionReport {
            output,
            error: error.map(Into::into),
        })
    });
    prop_oneof![
        2 => request().prop_map(|request| Observation::Requested(Arc::new(request))),
        4 => attempt,
        1 => completion,
        1 => Just(Observation::DeadlinePassed),
    ]
}

/// A log about a few invocations, in any order and with any repetition.
pub fn log(len_max: usize) -> impl Strategy<Value = Vec<Entry>> {
    let id = (0_u64..6, 0_u64..2).prop_map(|(key, ms)| {
        InvocationId::new(
            Timestamp::from_millis(1_700_000_000_000 + ms),
            3,
            InvocationKey(key),
        )
    });
    vec((id, timestamp(), observation()), 0..len_max)
}

/// What a platform asks before an action, or tells after one, of up to five callbacks; one
/// in a few is a loop.
pub fn action_request() -> impl Strategy<Value = ActionRequest> {
    let timing = prop_oneof![2 => Just(Timing::Before), 1 => Just(Timing::After)];
    let part = (
        prop_oneof![
            Just(FailurePolicy::Deny),
            Just(FailurePolicy::Allow),
            Just(FailurePolicy::Audit)
        ],
        100_u16..600,
        1_u64..10_000,
    );
    (
        timing,
        timestamp(),
        vec(part, 0..6),
        json(),
        0_u32..6,
        option::of("[a-z]{1,4}"),
    )
        .prop_map(|(timing, asked, parts, input, depth, text)| ActionRequest {
            timing,
            object_type: "app".into(),
            action: Action::Updated,
            object_id: text.clone().map(Into::into),
            user: text.clone().map(Into::into),
            origin: Origin::RealTime,
            input,
            asked,
            deadline: asked.after(Duration::from_secs(5)),
            depth,
            depth_max: 4,
            correlation: text.map(Into::into),
            decided_by: None,
            traceparent: None,
            parts: (1..)
                .zip(parts)
                .map(|(n, part)| part_of(timing, n, part))
                .collect(),
        })
}

fn part_of(
    timing: Timing,
    number: u128,
    (policy, status, timeout): (FailurePolicy, u16, u64),
) -> Part {
    Part {
        callback: SubscriptionId(Uuid::from_u128(number)),
        name: format!("callback {number}").into(),
        expected_status: (timing == Timing::Before).then_some(status),
        timeout: Duration::from_millis(timeout),
        policy,
    }
}
