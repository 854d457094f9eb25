//! From the record that asks about an action to the calls that follow.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::{ActionRequest, ActionState, Member, MemberState, PARTS_MAX, Part};
use crate::{
    apply::{Seen, Step, close, open},
    callback::Timing,
    effect::Effect,
    id::InvocationId,
    invocation::{Called, Outcome},
    observation::{FailureKind, Request},
    retry::RetryPolicy,
    trigger::TriggerType,
};

/// What follows from an action being asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// The state of the action.
    pub action: ActionState,
    /// The first step of each member, in the order of the parts.
    pub members: Vec<Step>,
    /// [`Effect::EmitDecision`] if nobody is waited for.
    pub effect: Option<Effect>,
}

/// The action that `seen` asks about, and its members. The same for every reader of the
/// log. Members beyond the depth limit close at once, without a call.
#[must_use]
pub fn expand(seen: Seen, request: Arc<ActionRequest>) -> Expansion {
    let is_loop = request.is_loop();
    let parts = request.parts.iter().take(PARTS_MAX).zip(1..);
    let members: Vec<Step> = parts
        .map(|(part, number)| {
            let (id, asked) = member(seen.id, &request, part, number);
            let step = open(Seen { id, ..seen }, Arc::new(asked));
            if is_loop { stop(step, seen) } else { step }
        })
        .collect();
    let state_of = |step: &Step| {
        let invocation = step.state.as_ref()?.id;
        Some(MemberState {
            invocation,
            closed: None,
        })
    };
    let mut action = ActionState {
        id: seen.id,
        offset: seen.offset,
        members: members.iter().filter_map(state_of).collect(),
        decision: None,
        finished: None,
        request,
    };
    let mut effect = action.settle(seen.offset);
    for step in members.iter().filter_map(|step| step.state.as_ref()) {
        effect = effect.or(action.told(step, seen.offset).effect);
    }
    Expansion {
        action,
        members,
        effect,
    }
}

/// The invocation that calls one callback of an action.
fn member(
    action_id: InvocationId,
    action: &Arc<ActionRequest>,
    part: &Part,
    number: u16,
) -> (InvocationId, Request) {
    let key = action_id.key().of_member(part.callback);
    let id = InvocationId::new(action_id.time(), action_id.partition(), key);
    let timing = match action.timing {
        Timing::Before => "before",
        Timing::After => "after",
    };
    let request = Request {
        trigger_id: format!("callback:{timing}:{}", action.object_type).into(),
        // Nothing can be posted for it later: its status says it all.
        trigger_type: TriggerType::FireAndForget,
        subscription_id: part.callback,
        subscription_name: Arc::clone(&part.name),
        origin: action.origin,
        mode: action.timing.mode(),
        created: action.asked,
        deadline: action.deadline,
        retry: RetryPolicy::ONCE,
        ordering_key: None,
        input: action.input.clone(),
        content_json: content_json(action_id, action),
        depth: action.depth,
        traceparent: action.traceparent.clone(),
        event_id: action.correlation.clone(),
        member: Some(Arc::new(Member {
            action_id,
            part: number,
            expected_status: part.expected_status,
            timeout: part.timeout,
            object_type: Arc::clone(&action.object_type),
            action: action.action,
            object_id: action.object_id.clone(),
            user: action.user.clone(),
        })),
    };
    (id, request)
}

/// What the completion of a member says of its action.
fn content_json(id: InvocationId, action: &ActionRequest) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ContentJson<'a> {
        action_id: String,
        timing: Timing,
        object_type: &'a str,
        action: &'a str,
        object_id: Option<&'a str>,
        user: Option<&'a str>,
    }
    let content = ContentJson {
        action_id: id.to_string(),
        timing: action.timing,
        object_type: &action.object_type,
        action: action.action.as_str(),
        object_id: action.object_id.as_deref(),
        user: action.user.as_deref(),
    };
    let json = serde_json::to_vec(&content).expect("strings always serialise");
    json.into()
}

/// Closes a member that must not be called.
fn stop(step: Step, seen: Seen) -> Step {
    let Some(mut state) = step.state else {
        return step;
    };
    let depth = state.request.depth;
    state.called = Some(Arc::new(Called {
        started: state.request.created,
        took: std::time::Duration::ZERO,
        status: None,
        failure: Some(FailureKind::LoopGuard),
        body: None,
    }));
    let error = format!(
        "loop guard: {depth} calls are behind this action, more than allowed; it was not called. Look for a callback whose own calls raise the same event"
    );
    let outcome = Outcome::Failed {
        error: error.into(),
        output: None,
    };
    close(state, seen, outcome)
}
