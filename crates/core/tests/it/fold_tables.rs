//! What each observation does to each phase and mode.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use triggerfish_core::{
    AttemptReport, CompletionReport, Effect, Failure, FailureKind, Ignored, Invocation,
    InvocationId, InvocationKey, Mode, Observation, Origin, Outcome, Phase, Reply, Request,
    RetryPolicy, Seen, Step, SubscriptionId, Timestamp, TriggerType, apply,
};

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + second * 1000)
}

fn id() -> InvocationId {
    InvocationId::new(at(0), 0, InvocationKey(1))
}

fn request(mode: Mode, max_attempts: u32) -> Observation {
    let fire_and_forget = mode == Mode::FireAndForget;
    Observation::Requested(Arc::new(Request {
        trigger_id: "test:x".into(),
        trigger_type: if fire_and_forget {
            TriggerType::FireAndForget
        } else {
            TriggerType::RequestResponse
        },
        subscription_id: SubscriptionId(uuid::Uuid::nil()),
        subscription_name: "s".into(),
        origin: Origin::RealTime,
        mode,
        created: at(0),
        deadline: at(100),
        retry: RetryPolicy {
            max_attempts,
            initial_delay_ms: 1000,
            max_delay_ms: 8000,
        },
        ordering_key: None,
        input: Bytes::from_static(b"{}"),
        content_json: Bytes::from_static(b"{}"),
        depth: 0,
        traceparent: None,
        event_id: None,
        member: None,
    }))
}

fn reported(attempt: u32, reply: Reply) -> Observation {
    let took = Duration::from_millis(5);
    Observation::AttemptReported(AttemptReport {
        attempt,
        started: at(1),
        took,
        status: None,
        reply,
        body: None,
    })
}

fn completed(output: &'static str, error: Option<&str>) -> Observation {
    Observation::CompletionReported(CompletionReport {
        output: Some(Bytes::from_static(output.as_bytes())),
        error: error.map(Into::into),
    })
}

fn broken() -> Failure {
    Failure {
        kind: FailureKind::Status,
        message: "status 503".into(),
    }
}

fn unavailable() -> Reply {
    Reply::Unavailable {
        failure: broken(),
        retry_after: None,
    }
}

/// Applies `observations`, each with the second it was made at.
fn run(observations: Vec<(u64, Observation)>) -> Step {
    let mut step = Step {
        state: None,
        effects: vec![],
        ignored: None,
    };
    for (offset, (second, observation)) in observations.into_iter().enumerate() {
        let seen = Seen {
            id: id(),
            offset: offset as u64,
            at: at(second),
        };
        step = apply(step.state, seen, observation);
    }
    step
}

fn outcome(step: &Step) -> Option<&Outcome> {
    step.state
        .as_ref()
        .and_then(Invocation::closing)
        .map(|closing| &closing.outcome)
}

fn output(text: &'static str) -> Outcome {
    Outcome::Completed(Some(Bytes::from_static(text.as_bytes())))
}

#[test]
fn a_request_owes_a_call_and_a_deadline() {
    let step = run(vec![(0, request(Mode::Sync, 1))]);
    let call = Effect::Call {
        attempt: 1,
        due: at(0),
    };
    assert_eq!(step.effects, [call, Effect::WatchDeadline { at: at(100) }]);
}

#[test]
fn right_answers_close_by_mode() {
    let answered = || Reply::Answered(Bytes::from_static(b"1"));
    for (mode, reply, expected) in [
        (Mode::Sync, answered(), Some(output("1"))),
        (Mode::Dynamic, answered(), Some(output("1"))),
        (Mode::Dynamic, Reply::Acknowledged, None),
        (Mode::Async, Reply::Acknowledged, None),
        (
            Mode::FireAndForget,
            Reply::Delivered,
            Some(Outcome::Completed(None)),
        ),
    ] {
        let step = run(vec![(0, request(mode, 1)), (1, reported(1, reply))]);
        assert_eq!(outcome(&step), expected.as_ref(), "{mode:?}");
    }
}

#[test]
fn answers_that_do_not_fit_the_mode_fail() {
    let answered = Reply::Answered(Bytes::from_static(b"1"));
    for (mode, reply) in [
        (Mode::Sync, Reply::Acknowledged),
        (Mode::Sync, Reply::Delivered),
        (Mode::Async, answered.clone()),
        (Mode::FireAndForget, answered),
    ] {
        let step = run(vec![(0, request(mode, 3)), (1, reported(1, reply))]);
        assert!(
            matches!(outcome(&step), Some(Outcome::Failed { .. })),
            "{mode:?}"
        );
    }
}

#[test]
fn failures_are_retried_until_the_policy_ends() {
    let mut observations = vec![(0, request(Mode::FireAndForget, 3))];
    for attempt in 1..=2 {
        observations.push((u64::from(attempt), reported(attempt, unavailable())));
        let step = run(observations.clone());
        assert!(
            matches!(step.effects[..], [Effect::Call { attempt: next, .. }] if next == attempt + 1)
        );
    }
    observations.push((9, reported(3, unavailable())));
    let step = run(observations);
    let failed = Outcome::Failed {
        error: "status 503".into(),
        output: None,
    };
    assert_eq!(outcome(&step), Some(&failed));
    assert_eq!(step.state.unwrap().attempts, 3);
}

#[test]
fn a_refusal_ends_it_whatever_the_policy() {
    let refused = reported(1, Reply::Refused(broken()));
    let step = run(vec![(0, request(Mode::FireAndForget, 9)), (1, refused)]);
    assert_eq!(step.effects, [Effect::EmitCompletion]);
}

#[test]
fn no_call_is_scheduled_past_the_deadline() {
    let step = run(vec![
        (0, request(Mode::FireAndForget, 9)),
        (100, reported(1, unavailable())),
    ]);
    assert!(matches!(outcome(&step), Some(Outcome::Failed { .. })));
}

#[test]
fn a_callback_may_overtake_its_acknowledgement() {
    let mut log = vec![(0, request(Mode::Async, 1)), (1, completed("7", None))];
    assert_eq!(outcome(&run(log.clone())), Some(&output("7")));
    log.push((2, reported(1, Reply::Acknowledged)));
    let step = run(log);
    assert_eq!(
        (step.ignored, outcome(&step)),
        (Some(Ignored::AlreadyClosed), Some(&output("7")))
    );
}

#[test]
fn a_callback_with_an_error_fails_and_keeps_its_output() {
    let step = run(vec![
        (0, request(Mode::Async, 1)),
        (1, reported(1, Reply::Acknowledged)),
        (2, completed("{}", Some("no"))),
    ]);
    let failed = Outcome::Failed {
        error: "no".into(),
        output: Some(Bytes::from_static(b"{}")),
    };
    assert_eq!(outcome(&step), Some(&failed));
}

#[test]
fn what_is_ignored_and_why() {
    let ack = || reported(1, Reply::Acknowledged);
    for (log, why) in [
        (vec![(0, ack())], Ignored::UnknownInvocation),
        (
            vec![(0, request(Mode::Async, 1)), (1, request(Mode::Sync, 1))],
            Ignored::AlreadyRequested,
        ),
        (
            vec![(0, request(Mode::Async, 1)), (1, ack()), (1, ack())],
            Ignored::StaleAttempt,
        ),
        (
            vec![
                (0, request(Mode::Async, 1)),
                (1, reported(2, unavailable())),
            ],
            Ignored::StaleAttempt,
        ),
        (
            vec![(0, request(Mode::Async, 1)), (101, completed("1", None))],
            Ignored::AfterDeadline,
        ),
        (
            vec![
                (0, request(Mode::Async, 1)),
                (99, Observation::DeadlinePassed),
            ],
            Ignored::BeforeDeadline,
        ),
        (
            vec![
                (0, request(Mode::FireAndForget, 1)),
                (1, completed("1", None)),
            ],
            Ignored::NothingOwed,
        ),
    ] {
        let step = run(log.clone());
        assert_eq!(step.ignored, Some(why), "{log:?}");
        assert_eq!(step.effects, [], "{why:?}");
    }
}

#[test]
fn the_deadline_expires_what_is_open_and_says_what_happened_last() {
    let log = vec![
        (0, request(Mode::FireAndForget, 9)),
        (1, reported(1, unavailable())),
        (100, Observation::DeadlinePassed),
    ];
    let step = run(log);
    let Some(Outcome::Expired { error }) = outcome(&step) else {
        panic!("{step:?}")
    };
    assert!(
        error.contains("status 503") && error.contains(&at(100).to_string()),
        "{error}"
    );
}

#[test]
fn the_same_key_with_another_time_is_not_the_same_id() {
    let opened = run(vec![(0, request(Mode::Async, 1))]);
    let other = InvocationId::new(at(50), 0, InvocationKey(1));
    let seen = Seen {
        id: other,
        offset: 1,
        at: at(51),
    };
    let step = apply(opened.state.clone(), seen, request(Mode::Async, 1));
    assert_eq!(step.ignored, Some(Ignored::AlreadyRequested));
    let step = apply(opened.state, seen, completed("1", None));
    assert_eq!(step.ignored, Some(Ignored::UnknownInvocation));
    assert!(matches!(step.state.unwrap().phase, Phase::Due { .. }));
}
