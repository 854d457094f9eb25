//! How the installation is doing, at one look.

use serde::Serialize;
use triggerfish_core::{Invocation, InvocationId, SubscriptionId, Timestamp};
use utoipa::ToSchema;

use super::{status::optional_text, text};
use crate::ports::Load;

/// How the installation is doing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Overview {
    /// When this was found; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    /// How much there was to do lately, the oldest first.
    pub(crate) load: Vec<Load>,
    /// Processes that were heard of lately.
    pub(crate) processes: usize,
    /// Subscriptions that are enabled.
    pub(crate) subscriptions_enabled: usize,
    /// All subscriptions.
    pub(crate) subscriptions: usize,
    /// Why the rest is `null`, if a part of the installation can't be asked now.
    pub(crate) unavailable: Option<String>,
    /// Open invocations whose deadlines come first.
    pub(crate) deadlines: Option<Vec<DeadlineRow>>,
    /// Subscriptions that fail or that the service has disabled.
    pub(crate) failing: Option<Vec<FailingRow>>,
}

/// An open invocation whose deadline is near.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadlineRow {
    /// Its id.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = "uuid")]
    id: InvocationId,
    /// The trigger.
    trigger_id: String,
    /// The subscription.
    #[schema(value_type = String, format = "uuid")]
    subscription_id: SubscriptionId,
    /// The name that the subscription had when it started.
    subscription_name: String,
    /// When it expires; UTC.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    deadline: Timestamp,
}

impl From<&Invocation> for DeadlineRow {
    fn from(invocation: &Invocation) -> Self {
        let request = &invocation.request;
        Self {
            id: invocation.id,
            trigger_id: request.trigger_id.to_string(),
            subscription_id: request.subscription_id,
            subscription_name: request.subscription_name.to_string(),
            deadline: request.deadline,
        }
    }
}

/// A subscription that fails.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailingRow {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) subscription_id: SubscriptionId,
    /// Its name.
    pub(crate) subscription_name: String,
    /// The trigger.
    pub(crate) trigger_id: String,
    /// Whether real events start invocations.
    pub(crate) enabled: bool,
    /// Why the service itself disabled it.
    pub(crate) disabled_reason: Option<String>,
    /// Its invocations that failed, expired or wait for another try, among the newest.
    pub(crate) failed: usize,
    /// All its invocations among the newest.
    pub(crate) of: usize,
    /// What went wrong last.
    pub(crate) last_error: Option<String>,
    /// When the last one that failed was started; UTC.
    #[serde(serialize_with = "optional_text")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_failed: Option<Timestamp>,
}
