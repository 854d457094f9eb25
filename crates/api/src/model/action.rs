//! Actions of a platform: what it says about them and what it is told.

use serde::{Deserialize, Serialize};
use triggerfish_core::{
    Action, ActionState, InvocationId, SubscriptionId, Timestamp, Timing,
    action::{Activation, MemberState, Verdict},
};
use utoipa::ToSchema;

use super::{names, raw::RawObject, status::optional_text, text};

/// An action that is about to happen, or has happened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "objectType": "app",
    "action": "CREATED",
    "entity": {"id": 7, "name": "Store", "status": "PENDING"},
    "user": "jdoe",
    "budgetMs": 2000
}))]
pub(crate) struct ObjectEvent {
    /// The id of the object type.
    pub(crate) object_type: String,
    /// What happens to the object.
    #[schema(value_type = names::Action)]
    pub(crate) action: Action,
    /// The object; receivers get it byte for byte.
    #[schema(value_type = Object)]
    pub(crate) entity: RawObject,
    /// Who does it.
    pub(crate) user: Option<String>,
    /// The id of the object; the `id` in it if left out.
    pub(crate) object_id: Option<String>,
    /// Before: how long all callbacks may take together, in milliseconds.
    pub(crate) budget_ms: Option<u32>,
    /// After: how long to wait for the callbacks, in milliseconds; 0 if left out.
    pub(crate) wait_ms: Option<u32>,
    /// Unique per action and client, in place of the header `Idempotency-Key`.
    pub(crate) id: Option<String>,
    /// After: the id of the decision that was reached before.
    pub(crate) action_id: Option<String>,
    /// Marks it in the history; callbacks are called all the same.
    #[serde(default)]
    pub(crate) test: bool,
}

/// How an action stands: what was decided before it, or what came of telling it after.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ActionView {
    /// Before.
    Decision(DecisionView),
    /// After.
    Report(ReportView),
}

/// What was decided about an action.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Decision)]
pub(crate) struct DecisionView {
    /// The id of the action.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = "uuid")]
    id: InvocationId,
    /// Whether it may be carried out; `PENDING` while callbacks are waited for.
    #[schema(value_type = names::Decision)]
    decision: &'static str,
    /// Who denied it and why; `null` if nobody did.
    reason: Option<String>,
    /// The id of the object type.
    object_type: String,
    /// What happens to the object.
    #[schema(value_type = names::Action)]
    action: Action,
    /// The id of the object.
    object_id: Option<String>,
    /// Who does it.
    user: Option<String>,
    /// When the platform asked; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    asked: Timestamp,
    /// When the decision fell; UTC.
    #[serde(serialize_with = "optional_text")]
    #[schema(value_type = Option<String>, format = DateTime)]
    decided: Option<Timestamp>,
    /// How long all callbacks might take together, in milliseconds.
    budget_ms: u64,
    /// How many calls are behind the action in its chain of causes.
    depth: u32,
    /// One for each callback that was asked.
    callbacks: Vec<CallbackAnswer>,
    /// Whether it will stay so. If not, the action must not be carried out; asking again
    /// under the same key tells what came of it.
    r#final: bool,
}

/// What came of telling callbacks after an action.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ActionReport)]
pub(crate) struct ReportView {
    /// The id of this report.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = "uuid")]
    id: InvocationId,
    /// The decision that was reached before, if the platform named it.
    #[serde(serialize_with = "optional_text")]
    #[schema(value_type = Option<String>, format = "uuid")]
    action_id: Option<InvocationId>,
    /// The id of the object type.
    object_type: String,
    /// What happened to the object.
    #[schema(value_type = names::Action)]
    action: Action,
    /// The id of the object.
    object_id: Option<String>,
    /// Who did it.
    user: Option<String>,
    /// When the platform told; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    asked: Timestamp,
    /// When the last call ended; `null` while one is under way. UTC.
    #[serde(serialize_with = "optional_text")]
    #[schema(value_type = Option<String>, format = DateTime)]
    finished: Option<Timestamp>,
    /// How many calls are behind the action in its chain of causes.
    depth: u32,
    /// One for each callback that is told.
    callbacks: Vec<CallbackAnswer>,
    /// What went wrong, for people. It changes nothing about the action.
    warnings: Vec<String>,
}

/// What one callback answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallbackAnswer {
    /// The callback.
    #[schema(value_type = String, format = "uuid")]
    callback_id: SubscriptionId,
    /// The name that it had then.
    name: String,
    /// The invocation that calls it.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = "uuid")]
    invocation_id: InvocationId,
    /// What it means for the action under the callback's failure policy; `PENDING` while
    /// there is no answer.
    #[schema(value_type = names::Decision)]
    verdict: &'static str,
    /// What came of the call; `PENDING` while it is under way.
    #[schema(value_type = names::Activation)]
    outcome: &'static str,
    /// The HTTP status, if there was an answer.
    http_status: Option<u16>,
    /// How long the call took, in milliseconds, if there was one.
    duration_ms: Option<u64>,
    /// What it means for the action if it gives no yes.
    #[schema(value_type = names::FailurePolicy)]
    failure_policy: &'static str,
    /// What went wrong.
    error: Option<String>,
}

impl ActionView {
    /// The action as it is in the log.
    pub(crate) fn of(action: &ActionState) -> Self {
        match action.request.timing {
            Timing::Before => {
                let decision = action.decision.as_ref();
                let verdict = decision.map_or("PENDING", |decision| decision.verdict.as_str());
                let reason = decision.and_then(|decision| decision.reason.as_deref());
                let reason = reason.map(str::to_owned);
                Self::Decision(DecisionView::of(action, verdict, reason))
            }
            Timing::After => Self::Report(ReportView::of(action)),
        }
    }

    /// The action when its owner can't tell in time how it stands.
    pub(crate) fn untold(action: &ActionState, reason: String) -> Self {
        let deny = Verdict::Deny.as_str();
        Self::Decision(DecisionView {
            r#final: false,
            ..DecisionView::of(action, deny, Some(reason))
        })
    }
}

impl DecisionView {
    fn of(action: &ActionState, decision: &'static str, reason: Option<String>) -> Self {
        let request = &*action.request;
        let budget = request.asked.until(request.deadline);
        Self {
            id: action.id,
            decision,
            reason,
            object_type: request.object_type.as_ref().to_owned(),
            action: request.action,
            object_id: request.object_id.as_deref().map(str::to_owned),
            user: request.user.as_deref().map(str::to_owned),
            asked: request.asked,
            decided: action.decision.as_ref().map(|decision| decision.at),
            budget_ms: u64::try_from(budget.as_millis()).unwrap_or(u64::MAX),
            depth: request.depth,
            callbacks: answers(action),
            r#final: action.decision.is_some(),
        }
    }
}

impl ReportView {
    fn of(action: &ActionState) -> Self {
        let request = &*action.request;
        let callbacks = answers(action);
        let warnings = callbacks.iter().filter_map(|answer| {
            let error = answer.error.as_deref()?;
            Some(format!("{}: {error}", answer.name))
        });
        Self {
            id: action.id,
            action_id: request.decided_by,
            object_type: request.object_type.as_ref().to_owned(),
            action: request.action,
            object_id: request.object_id.as_deref().map(str::to_owned),
            user: request.user.as_deref().map(str::to_owned),
            asked: request.asked,
            finished: action.finished,
            depth: request.depth,
            warnings: warnings.collect(),
            callbacks,
        }
    }
}

fn answers(action: &ActionState) -> Vec<CallbackAnswer> {
    let pairs = action.request.parts.iter().zip(&action.members);
    let answers = pairs.map(|(part, MemberState { invocation, closed })| {
        let closed = closed.as_ref();
        let took = closed.and_then(|closed| closed.took);
        CallbackAnswer {
            callback_id: part.callback,
            name: part.name.as_ref().to_owned(),
            invocation_id: *invocation,
            verdict: closed.map_or("PENDING", |closed| closed.verdict.as_str()),
            outcome: closed.map_or("PENDING", |closed| Activation::as_str(closed.outcome)),
            http_status: closed.and_then(|closed| closed.status),
            duration_ms: took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            failure_policy: part.policy.as_str(),
            error: closed.and_then(|closed| closed.error.as_deref().map(str::to_owned)),
        }
    });
    answers.collect()
}
