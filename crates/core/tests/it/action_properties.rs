//! Whatever its callbacks do and in whatever order it is heard of, an action gets one
//! decision, which never changes.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use triggerfish_core::{
    ActionRequest, ActionState, AttemptReport, Effect, Excerpt, Failure, FailureKind,
    FailurePolicy, Invocation, InvocationId, InvocationKey, Observation, Reply, Seen, Timestamp,
    Timing,
    action::{Activation, Verdict, expand},
    apply,
    invariant::{check_decision, check_step},
    testing::action_request,
};

/// What a receiver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Allows,
    AnswersWith(u16),
    Breaks,
    Hangs,
}

fn does() -> impl Strategy<Value = Does> {
    prop_oneof![
        Just(Does::Allows),
        (100_u16..600).prop_map(Does::AnswersWith),
        Just(Does::Breaks),
        Just(Does::Hangs)
    ]
}

fn id() -> InvocationId {
    InvocationId::new(
        Timestamp::from_millis(1_700_000_000_000),
        3,
        InvocationKey(7),
    )
}

fn observation(does: Does, member: &Invocation) -> (Timestamp, Observation) {
    let started = member.request.created;
    let refused = |kind, message: &str| {
        let message = message.into();
        Reply::Refused(Failure { kind, message })
    };
    let (status, reply) = match does {
        Does::Allows => (Some(200), Reply::Delivered),
        Does::AnswersWith(status) => (Some(status), refused(FailureKind::Status, "wrong status")),
        Does::Breaks => (None, refused(FailureKind::Connect, "nobody there")),
        Does::Hangs => return (member.request.deadline, Observation::DeadlinePassed),
    };
    let report = AttemptReport {
        attempt: 1,
        started,
        took: Duration::from_millis(3),
        status,
        reply,
        body: Some(Excerpt {
            text: "answer".into(),
            truncated: false,
        }),
    };
    (
        started.after(Duration::from_millis(4)),
        Observation::AttemptReported(report),
    )
}

/// Folds an action whose members are heard of in `order`; counts decisions.
fn run(request: &ActionRequest, doings: &[Does], order: &[usize]) -> (ActionState, usize) {
    let seen = Seen {
        id: id(),
        offset: 10,
        at: request.asked,
    };
    let expansion = expand(seen, Arc::new(request.clone()));
    check_decision(None, &expansion.action, expansion.effect).expect("an invariant is broken");
    let mut decisions = usize::from(expansion.effect == Some(Effect::EmitDecision));
    let mut action = expansion.action;
    let mut members: Vec<Invocation> = Vec::new();
    for step in expansion.members {
        check_step(None, &step).expect("an invariant is broken");
        members.extend(step.state);
    }
    for (offset, index) in (11..).zip(order) {
        let Some(member) = members.get_mut(*index) else {
            continue;
        };
        let (at, observation) = observation(doings[*index], member);
        let seen = Seen {
            id: member.id,
            offset,
            at,
        };
        let step = apply(Some(member.clone()), seen, observation);
        check_step(Some(member), &step).expect("an invariant is broken");
        *member = step.state.expect("a member stays");
        let before = action.clone();
        let told = action.told(member, offset);
        check_decision(Some(&before), &action, told.effect).expect("an invariant is broken");
        assert_eq!(told.changed, action != before);
        decisions += usize::from(told.effect.is_some());
    }
    (action, decisions)
}

/// What the contract says, worked out another way.
fn expected(request: &ActionRequest, doings: &[Does]) -> Verdict {
    let denies = |(part, does): (&triggerfish_core::Part, &Does)| match part.policy {
        _ if request.depth > request.depth_max => true,
        FailurePolicy::Audit => false,
        FailurePolicy::Deny => *does != Does::Allows,
        FailurePolicy::Allow => matches!(does, Does::AnswersWith(_)),
    };
    if request.parts.iter().zip(doings).any(denies) {
        Verdict::Deny
    } else {
        Verdict::Allow
    }
}

proptest! {
    #[test]
    fn any_order_with_any_repetition_leads_to_one_decision(
        request in action_request(),
        doings in proptest::collection::vec(does(), 6),
        noise in proptest::collection::vec(0_usize..6, 0..12),
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let heard = [noise, order.clone(), order].concat();
        let (action, decisions) = run(&request, &doings, &heard);
        prop_assert!(action.finished.is_some());
        if request.timing == Timing::After {
            prop_assert_eq!((decisions, action.decision.clone()), (0, None));
        } else {
            let decision = action.decision.clone().expect("everybody was heard");
            prop_assert_eq!(decisions, 1);
            prop_assert_eq!(decision.verdict, expected(&request, &doings));
            prop_assert_eq!(decision.verdict == Verdict::Deny, decision.reason.is_some());
        }
        let in_order: Vec<usize> = (0..6).collect();
        let (other, _) = run(&request, &doings, &in_order);
        prop_assert_eq!(
            action.decision.map(|d| (d.verdict, d.reason, d.at)),
            other.decision.map(|d| (d.verdict, d.reason, d.at)),
        );
        prop_assert_eq!(action.members, other.members);
    }

    #[test]
    fn nothing_is_decided_while_somebody_is_waited_for(
        request in action_request(),
        doings in proptest::collection::vec(does(), 6),
    ) {
        let waited: Vec<usize> = (0..request.parts.len())
            .filter(|index| request.parts[*index].policy != FailurePolicy::Audit)
            .collect();
        let is_loop = request.depth > request.depth_max;
        if let Some((_, but_one)) = waited.split_last()
            && request.timing == Timing::Before
            && !is_loop
        {
            prop_assert_eq!(run(&request, &doings, but_one).0.decision, None);
            prop_assert_eq!(run(&request, &doings, &waited).1, 1);
        }
    }

    #[test]
    fn a_loop_is_stopped_without_a_call(mut request in action_request()) {
        request.depth = request.depth_max + 1;
        let (action, decisions) = run(&request, &[Does::Allows; 6], &[]);
        for member in &action.members {
            let closed = member.closed.as_ref().expect("closed at once");
            prop_assert_eq!((closed.outcome, closed.took), (Activation::Stopped, None));
            prop_assert!(closed.error.as_deref().unwrap().contains("loop guard"));
        }
        prop_assert_eq!(decisions, usize::from(request.timing == Timing::Before));
        let verdict = action.decision.map(|decision| decision.verdict);
        let denies = !request.parts.is_empty() && request.timing == Timing::Before;
        prop_assert_eq!(verdict == Some(Verdict::Deny), denies);
    }
}
