//! What is written into the registry and what a writer may say.

use serde::{Deserialize, Serialize};
use triggerfish_core::{
    Secret, Timestamp,
    subscription::{DeliveryOptions, EventBridgeConfig, HttpConfig, SubscriptionType},
};

/// A subscription to be made. Its id is chosen by the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubscription {
    /// The trigger to subscribe to; never changes afterwards.
    pub trigger_id: String,
    /// Everything else.
    pub settings: Settings,
}

/// A whole new text for a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The trigger, if the writer named it; must be the one it has.
    pub trigger_id: Option<String>,
    /// Everything else. A credential that is left out keeps its value, as long
    /// as the type of authentication stays the same.
    pub settings: Settings,
}

/// What a client may choose about a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Display name; need not be unique.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// How the subscriber is reached.
    pub subscription_type: SubscriptionType,
    /// ISO 8601; `None` is the reference's default of one hour.
    pub response_deadline: Option<String>,
    /// For [`SubscriptionType::Http`].
    pub http_config: Option<HttpConfig>,
    /// For [`SubscriptionType::Eventbridge`].
    pub event_bridge_config: Option<EventBridgeConfig>,
    /// Whether real events start invocations.
    pub enabled: bool,
    /// A `JSONPath` expression; `None` or empty lets every event through.
    pub filter: Option<String>,
    /// `None` keeps what a replaced subscription has, else the defaults.
    pub delivery: Option<DeliveryOptions>,
}

/// Someone who may call the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    /// The `client_id` of `OAuth2`.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Argon2id hash of the `client_secret`, in PHC form.
    pub secret_hash: Secret,
    /// Scopes a token for it may carry.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
}

/// From when on how many partitions the invocation log is cut into.
///
/// Ids of invocations are derived with the count in force at the time of their
/// event, so that a replay across a growth finds the ids it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Growth {
    /// The first instant at which `partitions` counts.
    pub since: Timestamp,
    /// The number of partitions.
    pub partitions: u16,
}
