//! Subscriptions, in the shape in which clients write them and the registry
//! keeps them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    id::SubscriptionId,
    retry::RetryPolicy,
    secret::Secret,
    time::Timestamp,
    trigger::{Mode, TriggerType},
};

/// One consumer of one trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Display name.
    pub name: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The trigger; never changes.
    pub trigger_id: String,
    /// How the subscriber is reached.
    #[serde(rename = "type")]
    pub subscription_type: SubscriptionType,
    /// ISO 8601; how long after `created` an invocation expires.
    pub response_deadline: String,
    /// Set when the type is [`SubscriptionType::Http`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_config: Option<HttpConfig>,
    /// Set when the type is [`SubscriptionType::Eventbridge`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_bridge_config: Option<EventBridgeConfig>,
    /// Whether real events start invocations; tests always do.
    pub enabled: bool,
    /// Which events: a `JSONPath` expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// How calls are made; an addition to the reference.
    #[serde(default)]
    pub delivery: DeliveryOptions,
    /// State of the signing secret.
    #[serde(default)]
    pub signing: Signing,
    /// Why Triggerfish itself disabled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
}

/// How a subscriber is reached (reference 5.2). The reference's other types have
/// no public configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SubscriptionType {
    /// By HTTP POST.
    Http,
    /// As an AWS partner event; kept, not delivered.
    Eventbridge,
}

/// Where and how to call (reference 5.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpConfig {
    /// The subscriber's endpoint.
    pub url: String,
    /// How it answers; `None` only for fire and forget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_dispatch_mode: Option<DispatchMode>,
    /// How we authenticate.
    #[serde(default)]
    pub http_authentication_type: AuthenticationType,
    /// Set for [`AuthenticationType::BasicAuth`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic_auth_config: Option<BasicAuthConfig>,
    /// Set for [`AuthenticationType::BearerToken`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer_token_auth_config: Option<BearerTokenAuthConfig>,
}

/// Response mode of an HTTP subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DispatchMode {
    /// See [`Mode::Sync`].
    Sync,
    /// See [`Mode::Async`].
    Async,
    /// See [`Mode::Dynamic`].
    Dynamic,
}

/// How we authenticate at the subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthenticationType {
    /// Not at all.
    #[default]
    NoAuth,
    /// `Authorization: Basic`.
    BasicAuth,
    /// `Authorization: Bearer`.
    BearerToken,
}

/// Credentials for `Authorization: Basic`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BasicAuthConfig {
    /// User name.
    pub user_name: String,
    /// Password; `None` in what clients read.
    #[serde(default)]
    pub password: Option<Secret>,
}

/// Credentials for `Authorization: Bearer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BearerTokenAuthConfig {
    /// Token; `None` in what clients read.
    #[serde(default)]
    pub bearer_token: Option<Secret>,
}

/// An AWS partner event source (reference 5.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventBridgeConfig {
    /// Twelve digits.
    pub aws_account: String,
    /// E.g. `us-west-1`.
    pub aws_region: String,
}

/// Whether calls of one subscription keep an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ordering {
    /// No order.
    #[default]
    None,
    /// Per ordering key: one in flight, in log order.
    Key,
}

/// How calls are made. What is `None` follows the settings of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeliveryOptions {
    /// Order of calls.
    #[serde(default)]
    pub ordering: Ordering,
    /// Calls in flight at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<u32>,
    /// How calls are repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
}

/// Generation of the signing secret; the secret itself is derived, never stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signing {
    /// Counts rotations.
    pub generation: u32,
    /// Until then calls are also signed with the secret of the generation before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<Timestamp>,
}

impl Signing {
    /// The state after a rotation at `now`, with the secret before counting for
    /// `overlap` from then on.
    #[must_use]
    pub fn rotated(self, now: Timestamp, overlap: Duration) -> Self {
        Self {
            generation: self.generation.wrapping_add(1),
            previous_until: (!overlap.is_zero()).then(|| now.after(overlap)),
        }
    }
}

impl Subscription {
    /// How an invocation of this subscription is answered.
    #[must_use]
    pub fn mode(&self, trigger_type: TriggerType) -> Mode {
        if trigger_type == TriggerType::FireAndForget {
            return Mode::FireAndForget;
        }
        match self
            .http_config
            .as_ref()
            .and_then(|http| http.http_dispatch_mode)
        {
            Some(DispatchMode::Async) => Mode::Async,
            Some(DispatchMode::Dynamic) => Mode::Dynamic,
            Some(DispatchMode::Sync) | None => Mode::Sync,
        }
    }

    /// The credentials in it, for sealing, opening or blanking them in place.
    pub fn secrets_mut(&mut self) -> impl Iterator<Item = &mut Option<Secret>> {
        self.http_config
            .iter_mut()
            .flat_map(HttpConfig::secrets_mut)
    }
}

impl HttpConfig {
    /// The credentials in it, for sealing, opening or blanking them in place.
    pub fn secrets_mut(&mut self) -> impl Iterator<Item = &mut Option<Secret>> {
        let basic = self.basic_auth_config.as_mut();
        let bearer = self.bearer_token_auth_config.as_mut();
        let password = basic.map(|basic| &mut basic.password);
        let token = bearer.map(|bearer| &mut bearer.bearer_token);
        password.into_iter().chain(token)
    }

    /// The credential that its type of authentication uses.
    #[must_use]
    pub fn credential(&self) -> Option<&Secret> {
        match self.http_authentication_type {
            AuthenticationType::NoAuth => None,
            AuthenticationType::BasicAuth => self.basic_auth_config.as_ref()?.password.as_ref(),
            AuthenticationType::BearerToken => {
                let bearer = self.bearer_token_auth_config.as_ref()?;
                bearer.bearer_token.as_ref()
            }
        }
    }
}
