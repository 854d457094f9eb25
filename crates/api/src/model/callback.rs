//! Callbacks: what clients send and what they see.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use triggerfish_core::{
    Callback, FailurePolicy, Invocation, Secret, SubscriptionId, Timestamp, Timing,
    subscription::{AuthenticationType, BasicAuthConfig, BearerTokenAuthConfig, HttpConfig},
};
use triggerfish_registry::{CallbackReplacement, CallbackSettings, NewCallback};
use utoipa::ToSchema;

use super::{activation::outcome, names, subscription::boolean_or_its_text};

/// Whom to call before or after actions on objects of one type, without
/// credentials.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Callback)]
pub(crate) struct CallbackView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: SubscriptionId,
    /// Its name.
    pub(crate) name: String,
    /// Free text.
    description: Option<String>,
    /// Before the action, which it can block, or after it.
    #[schema(value_type = names::CallbackTiming)]
    pub(crate) timing: Timing,
    /// The id of the object type.
    #[schema(example = "app")]
    pub(crate) object_type: String,
    /// The receiver's endpoint.
    url: String,
    /// How the service authenticates there.
    #[schema(value_type = AuthenticationBody)]
    authentication: AuthenticationView,
    /// The status that allows the action; only for `BEFORE`.
    #[schema(example = 200)]
    expected_status: Option<u16>,
    /// Sent with each call, but for `action`, which restricts to some actions.
    #[schema(example = json!({"action": "CREATED,UPDATED", "x-tenant": "acme"}))]
    request_headers: BTreeMap<String, String>,
    /// Whether it is called.
    pub(crate) enabled: bool,
    /// For one call, in milliseconds; `null` follows the settings of the service.
    #[schema(example = 2000)]
    timeout_ms: Option<u32>,
    /// What it means when it gives no yes; only for `BEFORE`.
    #[schema(value_type = Option<names::FailurePolicy>)]
    failure_policy: Option<FailurePolicy>,
    /// When it was made; UTC.
    #[serde(serialize_with = "super::text")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created: Timestamp,
    /// When it was last changed; UTC.
    #[serde(serialize_with = "super::text")]
    #[schema(value_type = String, format = DateTime)]
    modified: Timestamp,
    /// When it was called last; `null` if it never was, or if that can't be told at the
    /// moment. UTC.
    #[serde(serialize_with = "super::status::optional_text")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_triggered_on: Option<Timestamp>,
    /// What came of that.
    #[schema(value_type = Option<names::Activation>)]
    last_outcome: Option<&'static str>,
}

impl CallbackView {
    /// With what is known of its newest call.
    pub(crate) fn called_last(&mut self, newest: &Invocation) {
        let called = newest.called.as_deref();
        let begun = called.map_or(newest.request.created, |called| called.started);
        self.last_triggered_on = Some(begun);
        self.last_outcome = Some(outcome(newest));
    }
}

/// [`AuthenticationBody`] as clients see it: all credentials `null`.
#[derive(Debug, Serialize)]
#[serde(
    tag = "type",
    rename_all = "SCREAMING_SNAKE_CASE",
    rename_all_fields = "camelCase"
)]
enum AuthenticationView {
    NoAuth,
    BasicAuth { user_name: String, password: () },
    BearerToken { bearer_token: () },
}

impl From<HttpConfig> for AuthenticationView {
    fn from(http: HttpConfig) -> Self {
        match http.http_authentication_type {
            AuthenticationType::NoAuth => Self::NoAuth,
            AuthenticationType::BasicAuth => Self::BasicAuth {
                user_name: http
                    .basic_auth_config
                    .map_or_else(String::new, |basic| basic.user_name),
                password: (),
            },
            AuthenticationType::BearerToken => Self::BearerToken { bearer_token: () },
        }
    }
}

impl From<Callback> for CallbackView {
    fn from(callback: Callback) -> Self {
        let failure_policy = policy(&callback);
        Self {
            id: callback.id,
            name: callback.name,
            description: callback.description,
            timing: callback.timing,
            object_type: callback.object_type,
            url: callback.http_config.url.clone(),
            authentication: callback.http_config.into(),
            expected_status: callback.expected_status,
            request_headers: callback.request_headers,
            enabled: callback.enabled,
            timeout_ms: callback.timeout_ms,
            failure_policy,
            created: callback.created,
            modified: callback.modified,
            last_triggered_on: None,
            last_outcome: None,
        }
    }
}

fn policy(callback: &Callback) -> Option<FailurePolicy> {
    (callback.timing == Timing::Before).then_some(callback.failure_policy)
}

/// How the service authenticates at the receiver.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CallbackAuthentication)]
pub(crate) struct AuthenticationBody {
    /// The kind; `NO_AUTH` if left out.
    #[serde(rename = "type", default)]
    #[schema(value_type = Option<names::HttpAuthenticationType>)]
    kind: AuthenticationType,
    /// Needed for `BASIC_AUTH`.
    user_name: Option<String>,
    /// Needed for `BASIC_AUTH`; always `null` in answers.
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    /// Needed for `BEARER_TOKEN`; always `null` in answers.
    #[schema(value_type = Option<String>)]
    bearer_token: Option<Secret>,
}

impl AuthenticationBody {
    /// What the registry takes, credentials of another kind included, for it to
    /// refuse them.
    fn at(self, url: String) -> HttpConfig {
        let is_basic = self.kind == AuthenticationType::BasicAuth;
        let is_bearer = self.kind == AuthenticationType::BearerToken;
        let basic_auth_config = (is_basic || self.password.is_some()).then(|| BasicAuthConfig {
            user_name: self.user_name.unwrap_or_default(),
            password: self.password,
        });
        let bearer_token = self.bearer_token;
        HttpConfig {
            url,
            http_dispatch_mode: None,
            http_authentication_type: self.kind,
            basic_auth_config,
            bearer_token_auth_config: (is_bearer || bearer_token.is_some())
                .then_some(BearerTokenAuthConfig { bearer_token }),
        }
    }

    /// As it is, with credentials blank.
    fn blank(http: &HttpConfig) -> Self {
        let basic = http.basic_auth_config.as_ref();
        Self {
            kind: http.http_authentication_type,
            user_name: basic.map(|basic| basic.user_name.clone()),
            password: None,
            bearer_token: None,
        }
    }
}

/// A callback to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "Quota check",
    "timing": "BEFORE",
    "objectType": "app",
    "url": "https://receiver.example.com/quota",
    "authentication": {"type": "BEARER_TOKEN", "bearerToken": "eRtg4%6yuI!"},
    "expectedStatus": 200,
    "requestHeaders": {"action": "CREATED,UPDATED"},
    "timeoutMs": 2000,
    "failurePolicy": "DENY"
}))]
pub(crate) struct CallbackPostRequest {
    /// Before the action, which it can block, or after it; never changes.
    #[schema(value_type = names::CallbackTiming)]
    timing: Timing,
    /// The id of the object type; never changes.
    object_type: String,
    /// Its name.
    name: String,
    /// Free text.
    description: Option<String>,
    /// The receiver's endpoint.
    url: String,
    /// How the service authenticates there; `NO_AUTH` if left out.
    authentication: Option<AuthenticationBody>,
    /// The status that allows the action; needed for `BEFORE`, refused for `AFTER`.
    #[schema(minimum = 100, maximum = 599)]
    expected_status: Option<u16>,
    /// Sent with each call, but for `action`: that one names the actions, separated
    /// by commas, for which the callback is called. Without it that is all three.
    request_headers: Option<BTreeMap<String, String>>,
    /// Whether it is called. True if left out.
    enabled: Option<bool>,
    /// For one call, in milliseconds; the setting of the service if left out.
    #[schema(minimum = 1, maximum = 10000)]
    timeout_ms: Option<u32>,
    /// What it means when it gives no yes; `DENY` if left out. Refused for `AFTER`.
    #[schema(value_type = Option<names::FailurePolicy>)]
    failure_policy: Option<FailurePolicy>,
}

impl From<CallbackPostRequest> for NewCallback {
    fn from(body: CallbackPostRequest) -> Self {
        let authentication = body.authentication.unwrap_or_default();
        Self {
            timing: body.timing,
            object_type: body.object_type,
            settings: CallbackSettings {
                name: body.name,
                description: body.description,
                http_config: authentication.at(body.url),
                expected_status: body.expected_status,
                request_headers: body.request_headers.unwrap_or_default(),
                enabled: body.enabled.unwrap_or(true),
                timeout_ms: body.timeout_ms,
                failure_policy: body.failure_policy,
            },
        }
    }
}

/// The whole new text of a callback.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallbackPutRequest {
    /// If given, the id in the path; it can't be changed.
    pub(crate) id: Option<String>,
    /// If given, the timing that it has; it can't be changed.
    #[schema(value_type = Option<names::CallbackTiming>)]
    timing: Option<Timing>,
    /// If given, the object type that it has; it can't be changed.
    object_type: Option<String>,
    /// Its name.
    name: String,
    /// Free text.
    description: Option<String>,
    /// The receiver's endpoint.
    url: String,
    /// How the service authenticates there; kept if left out. A
    /// credential that is left out or `null` is kept too.
    authentication: Option<AuthenticationBody>,
    /// The status that allows the action; needed for `BEFORE`, refused for `AFTER`.
    #[schema(minimum = 100, maximum = 599)]
    expected_status: Option<u16>,
    /// Sent with each call, but for `action`: that one names the actions, separated
    /// by commas, for which the callback is called. Without it that is all three.
    request_headers: Option<BTreeMap<String, String>>,
    /// Whether it is called. True if left out.
    enabled: Option<bool>,
    /// For one call, in milliseconds; the setting of the service if left out.
    #[schema(minimum = 1, maximum = 10000)]
    timeout_ms: Option<u32>,
    /// What it means when it gives no yes; `DENY` if left out. Refused for `AFTER`.
    #[schema(value_type = Option<names::FailurePolicy>)]
    failure_policy: Option<FailurePolicy>,
}

impl CallbackPutRequest {
    /// What it makes of the callback that is there.
    pub(crate) fn replacement(self, present: &Callback) -> CallbackReplacement {
        let kept = || AuthenticationBody::blank(&present.http_config);
        let authentication = self.authentication.unwrap_or_else(kept);
        CallbackReplacement {
            timing: self.timing,
            object_type: self.object_type,
            settings: CallbackSettings {
                name: self.name,
                description: self.description,
                http_config: authentication.at(self.url),
                expected_status: self.expected_status,
                request_headers: self.request_headers.unwrap_or_default(),
                enabled: self.enabled.unwrap_or(true),
                timeout_ms: self.timeout_ms,
                failure_policy: self.failure_policy,
            },
        }
    }
}

/// What `PATCH` sees of a callback. Credentials are `null`, so that no operation can
/// carry one to where it is shown.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Patchable {
    name: String,
    #[serde(default)]
    description: Option<String>,
    url: String,
    #[serde(default)]
    authentication: AuthenticationBody,
    #[serde(default)]
    expected_status: Option<u16>,
    #[serde(default)]
    request_headers: BTreeMap<String, String>,
    #[serde(deserialize_with = "boolean_or_its_text")]
    enabled: bool,
    #[serde(default)]
    timeout_ms: Option<u32>,
    #[serde(default)]
    failure_policy: Option<FailurePolicy>,
}

impl Patchable {
    /// The fields that it has, for messages.
    pub(crate) const FIELDS: [&'static str; 9] = [
        "name",
        "description",
        "url",
        "authentication",
        "expectedStatus",
        "requestHeaders",
        "enabled",
        "timeoutMs",
        "failurePolicy",
    ];
}

impl From<Callback> for Patchable {
    fn from(callback: Callback) -> Self {
        let failure_policy = policy(&callback);
        Self {
            name: callback.name,
            description: callback.description,
            authentication: AuthenticationBody::blank(&callback.http_config),
            url: callback.http_config.url,
            expected_status: callback.expected_status,
            request_headers: callback.request_headers,
            enabled: callback.enabled,
            timeout_ms: callback.timeout_ms,
            failure_policy,
        }
    }
}

impl From<Patchable> for CallbackReplacement {
    fn from(patched: Patchable) -> Self {
        Self {
            timing: None,
            object_type: None,
            settings: CallbackSettings {
                name: patched.name,
                description: patched.description,
                http_config: patched.authentication.at(patched.url),
                expected_status: patched.expected_status,
                request_headers: patched.request_headers,
                enabled: patched.enabled,
                timeout_ms: patched.timeout_ms,
                failure_policy: patched.failure_policy,
            },
        }
    }
}
