//! Subscriptions (reference 5.2 to 5.5).

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Unexpected, Visitor},
};
use triggerfish_core::{
    RetryPolicy, Subscription, SubscriptionId,
    deadline::DEFAULT_RESPONSE_DEADLINE,
    subscription::{
        AuthenticationType, BasicAuthConfig, BearerTokenAuthConfig, DeliveryOptions, DispatchMode,
        EventBridgeConfig, HttpConfig, Ordering, SubscriptionType,
    },
};
use utoipa::ToSchema;

use super::names;

/// One consumer of one trigger, without credentials.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Subscription)]
pub(crate) struct SubscriptionView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: SubscriptionId,
    /// Its name.
    name: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The trigger.
    #[schema(example = "idn:access-request-pre-approval")]
    trigger_id: String,
    /// The name of the trigger.
    trigger_name: String,
    /// How the subscriber is reached.
    #[serde(rename = "type")]
    #[schema(value_type = names::SubscriptionType)]
    subscription_type: SubscriptionType,
    /// How long after its start an invocation expires; ISO 8601.
    #[schema(example = "PT1H")]
    response_deadline: String,
    /// Only for type `HTTP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HttpConfigBody>)]
    http_config: Option<HttpConfigView>,
    /// Only for type `EVENTBRIDGE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<EventBridgeConfigBody>)]
    event_bridge_config: Option<EventBridgeConfig>,
    /// Whether real events start invocations; tests always do.
    enabled: bool,
    /// Which events; a `JSONPath` expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// How calls are made; an addition to the reference.
    #[schema(value_type = DeliveryBody)]
    delivery: DeliveryOptions,
    /// Why the service itself disabled it; an addition to the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<String>,
}

/// [`HttpConfig`] as clients see it: all credentials `null`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpConfigView {
    url: String,
    http_dispatch_mode: DispatchMode,
    http_authentication_type: AuthenticationType,
    #[serde(skip_serializing_if = "Option::is_none")]
    basic_auth_config: Option<BasicAuthConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bearer_token_auth_config: Option<BearerTokenAuthConfig>,
}

impl From<HttpConfig> for HttpConfigView {
    fn from(http: HttpConfig) -> Self {
        Self {
            url: http.url,
            http_dispatch_mode: http.http_dispatch_mode.unwrap_or(DispatchMode::Sync),
            http_authentication_type: http.http_authentication_type,
            basic_auth_config: http.basic_auth_config.map(|basic| BasicAuthConfig {
                user_name: basic.user_name,
                password: None,
            }),
            bearer_token_auth_config: http
                .bearer_token_auth_config
                .map(|_| BearerTokenAuthConfig { bearer_token: None }),
        }
    }
}

impl SubscriptionView {
    /// What clients see of `subscription`, whose trigger has this name.
    pub(crate) fn new(subscription: Subscription, trigger_name: Option<&str>) -> Self {
        let trigger_name = trigger_name.unwrap_or(&subscription.trigger_id).to_owned();
        Self {
            id: subscription.id,
            name: subscription.name,
            description: subscription.description,
            trigger_id: subscription.trigger_id,
            trigger_name,
            subscription_type: subscription.subscription_type,
            response_deadline: subscription.response_deadline,
            http_config: subscription.http_config.map(HttpConfigView::from),
            event_bridge_config: subscription.event_bridge_config,
            enabled: subscription.enabled,
            filter: subscription.filter,
            delivery: subscription.delivery,
            disabled_reason: subscription.disabled_reason,
        }
    }

    pub(crate) fn id(&self) -> String {
        self.id.to_string()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn trigger_id(&self) -> &str {
        &self.trigger_id
    }

    pub(crate) fn trigger_name(&self) -> &str {
        &self.trigger_name
    }

    /// The type's name in the API.
    pub(crate) const fn type_name(&self) -> &'static str {
        match self.subscription_type {
            SubscriptionType::Http => "HTTP",
            SubscriptionType::Eventbridge => "EVENTBRIDGE",
        }
    }
}

/// A subscription to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "Access request subscription",
    "description": "Approves or denies",
    "triggerId": "idn:access-request-pre-approval",
    "type": "HTTP",
    "responseDeadline": "PT1H",
    "httpConfig": {
        "url": "https://subscriber.example.com/approve",
        "httpDispatchMode": "ASYNC",
        "httpAuthenticationType": "BASIC_AUTH",
        "basicAuthConfig": {"userName": "user@example.com", "password": "eRtg4%6yuI!"}
    },
    "enabled": true,
    "filter": "$[?($.identityId == \"201327fda1c44704ac01181e963d463c\")]"
}))]
pub(crate) struct SubscriptionPostRequest {
    /// Its name.
    pub(crate) name: String,
    /// Free text.
    pub(crate) description: Option<String>,
    /// The trigger to subscribe to.
    pub(crate) trigger_id: String,
    /// How the subscriber is reached.
    #[serde(rename = "type")]
    #[schema(value_type = names::SubscriptionType)]
    pub(crate) subscription_type: SubscriptionType,
    /// How long after its start an invocation expires; ISO 8601. `PT1H` if left out.
    pub(crate) response_deadline: Option<String>,
    /// Needed for type `HTTP`.
    #[schema(value_type = Option<HttpConfigBody>)]
    pub(crate) http_config: Option<HttpConfig>,
    /// Needed for type `EVENTBRIDGE`.
    #[schema(value_type = Option<EventBridgeConfigBody>)]
    pub(crate) event_bridge_config: Option<EventBridgeConfig>,
    /// Whether real events start invocations. True if left out.
    pub(crate) enabled: Option<bool>,
    /// Which events; a `JSONPath` expression.
    pub(crate) filter: Option<String>,
    /// How calls are made; an addition to the reference.
    #[schema(value_type = Option<DeliveryBody>)]
    pub(crate) delivery: Option<DeliveryOptions>,
}

/// The whole new text of a subscription.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionPutRequest {
    /// If given, the id in the path; it can't be changed.
    pub(crate) id: Option<String>,
    /// If given, the trigger that it has; it can't be changed.
    pub(crate) trigger_id: Option<String>,
    /// Its name; kept if left out.
    pub(crate) name: Option<String>,
    /// Free text; removed if left out.
    pub(crate) description: Option<String>,
    /// How the subscriber is reached; kept if left out.
    #[serde(rename = "type")]
    #[schema(value_type = Option<names::SubscriptionType>)]
    pub(crate) subscription_type: Option<SubscriptionType>,
    /// How long after its start an invocation expires; ISO 8601. `PT1H` if left out.
    pub(crate) response_deadline: Option<String>,
    /// Needed for type `HTTP`. A credential that is left out or `null` is kept.
    #[schema(value_type = Option<HttpConfigBody>)]
    pub(crate) http_config: Option<HttpConfig>,
    /// Needed for type `EVENTBRIDGE`.
    #[schema(value_type = Option<EventBridgeConfigBody>)]
    pub(crate) event_bridge_config: Option<EventBridgeConfig>,
    /// Whether real events start invocations. True if left out.
    pub(crate) enabled: Option<bool>,
    /// Which events; a `JSONPath` expression. Removed if left out.
    pub(crate) filter: Option<String>,
    /// How calls are made; kept if left out. An addition to the reference.
    #[schema(value_type = Option<DeliveryBody>)]
    pub(crate) delivery: Option<DeliveryOptions>,
}

/// What `PATCH` sees of a subscription. Credentials are `null`, so that no
/// operation can carry one to where it is shown.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Patchable {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(deserialize_with = "boolean_or_its_text")]
    pub(crate) enabled: bool,
    #[serde(rename = "type")]
    pub(crate) subscription_type: SubscriptionType,
    #[serde(default)]
    pub(crate) filter: Option<String>,
    #[serde(default = "default_deadline")]
    pub(crate) response_deadline: String,
    #[serde(default)]
    pub(crate) http_config: Option<HttpConfig>,
    #[serde(default)]
    pub(crate) event_bridge_config: Option<EventBridgeConfig>,
    #[serde(default)]
    pub(crate) delivery: DeliveryOptions,
}

fn default_deadline() -> String {
    DEFAULT_RESPONSE_DEADLINE.to_owned()
}

/// The reference's schema of a patch's value has no boolean (reference 3.5), so its official
/// clients can't send one; they can send `"true"`.
pub(super) fn boolean_or_its_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<bool, D::Error> {
    struct Boolean;

    impl Visitor<'_> for Boolean {
        type Value = bool;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a boolean")
        }

        fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
            Ok(value)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<bool, E> {
            text.parse()
                .map_err(|_| E::invalid_type(Unexpected::Other("text"), &self))
        }
    }

    deserializer.deserialize_any(Boolean)
}

impl From<Subscription> for Patchable {
    fn from(mut subscription: Subscription) -> Self {
        for secret in subscription.secrets_mut() {
            *secret = None;
        }
        Self {
            name: subscription.name,
            description: subscription.description,
            enabled: subscription.enabled,
            subscription_type: subscription.subscription_type,
            filter: subscription.filter,
            response_deadline: subscription.response_deadline,
            http_config: subscription.http_config,
            event_bridge_config: subscription.event_bridge_config,
            delivery: subscription.delivery,
        }
    }
}

/// Where and how to call.
#[derive(ToSchema)]
#[schema(as = HttpConfig, rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "describes the core's type for the API's description"
)]
pub(crate) struct HttpConfigBody {
    /// The subscriber's endpoint.
    #[schema(example = "https://subscriber.example.com/events")]
    url: String,
    /// How it answers; needed for `REQUEST_RESPONSE`.
    #[schema(value_type = Option<names::HttpDispatchMode>)]
    http_dispatch_mode: Option<DispatchMode>,
    /// How the service authenticates; `NO_AUTH` if left out.
    #[schema(value_type = Option<names::HttpAuthenticationType>)]
    http_authentication_type: Option<AuthenticationType>,
    /// Needed for `BASIC_AUTH`.
    basic_auth_config: Option<BasicAuthConfigBody>,
    /// Needed for `BEARER_TOKEN`.
    bearer_token_auth_config: Option<BearerTokenAuthConfigBody>,
}

/// Credentials for `BASIC_AUTH`.
#[derive(ToSchema)]
#[schema(as = BasicAuthConfig, rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "describes the core's type for the API's description"
)]
pub(crate) struct BasicAuthConfigBody {
    /// User name.
    user_name: String,
    /// Password; always `null` in answers.
    password: Option<String>,
}

/// Credentials for `BEARER_TOKEN`.
#[derive(ToSchema)]
#[schema(as = BearerTokenAuthConfig, rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "describes the core's type for the API's description"
)]
pub(crate) struct BearerTokenAuthConfigBody {
    /// Token; always `null` in answers.
    bearer_token: Option<String>,
}

/// An AWS partner event source.
#[derive(ToSchema)]
#[schema(as = EventBridgeConfig, rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "describes the core's type for the API's description"
)]
pub(crate) struct EventBridgeConfigBody {
    /// Twelve digits.
    #[schema(example = "123456789012")]
    aws_account: String,
    /// The region.
    #[schema(example = "us-west-1")]
    aws_region: String,
}

/// How calls are made; what is left out follows the settings of the service.
#[derive(ToSchema)]
#[schema(as = DeliveryOptions, rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "describes the core's type for the API's description"
)]
pub(crate) struct DeliveryBody {
    /// Order of calls: none, or one in flight per ordering key.
    #[schema(value_type = Option<names::Ordering>)]
    ordering: Option<Ordering>,
    /// Calls in flight at most.
    max_in_flight: Option<u32>,
    /// How calls are repeated.
    #[schema(value_type = Option<RetryBody>)]
    retry: Option<RetryPolicy>,
}

/// How calls are repeated.
#[derive(ToSchema)]
#[schema(as = RetryPolicy, rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "describes the core's type for the API's description"
)]
pub(crate) struct RetryBody {
    /// Calls in all; 1 means no retry.
    max_attempts: u32,
    /// Wait before the second call, in milliseconds; doubles from call to call.
    initial_delay_ms: u64,
    /// Longest wait between two calls, in milliseconds.
    max_delay_ms: u64,
}
