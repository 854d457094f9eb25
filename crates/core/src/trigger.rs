//! Triggers: the kinds of events that can be subscribed to.

use serde::{Deserialize, Serialize};

/// Whether the platform waits for the subscriber's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TriggerType {
    /// The answer steers the business process; at most one subscription.
    RequestResponse,
    /// One way; no answer is owed.
    FireAndForget,
}

impl TriggerType {
    /// The name in `_metadata.triggerType` (reference 6.1).
    #[must_use]
    pub const fn metadata_name(self) -> &'static str {
        match self {
            Self::RequestResponse => "requestResponse",
            Self::FireAndForget => "fireAndForget",
        }
    }

    /// The name in the HTTP API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestResponse => "REQUEST_RESPONSE",
            Self::FireAndForget => "FIRE_AND_FORGET",
        }
    }
}

/// What made the invocation: the test API or a real event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Origin {
    /// Started by the test operation.
    Test,
    /// Started by an event.
    RealTime,
}

impl Origin {
    /// The name in the HTTP API and in completions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "TEST",
            Self::RealTime => "REAL_TIME",
        }
    }
}

/// How the subscriber answers one invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    /// The HTTP answer is the output.
    Sync,
    /// The HTTP answer acknowledges; the output comes by callback.
    Async,
    /// 200 is [`Mode::Sync`], 202 is [`Mode::Async`].
    Dynamic,
    /// No output; any 2xx is success.
    FireAndForget,
    /// A callback that is asked before an action: exactly the expected status allows it.
    Before,
    /// A callback that is told after an action; any 2xx is success.
    After,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Sync,
        Self::Async,
        Self::Dynamic,
        Self::FireAndForget,
        Self::Before,
        Self::After,
    ];

    /// Whether the status of the answer says it all.
    #[must_use]
    pub const fn is_settled_by_status(self) -> bool {
        matches!(self, Self::FireAndForget | Self::Before | Self::After)
    }

    /// Whether the subscriber may complete by callback and so is told where.
    #[must_use]
    pub const fn has_callback(self) -> bool {
        matches!(self, Self::Async | Self::Dynamic)
    }

    /// Label for metrics and listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "SYNC",
            Self::Async => "ASYNC",
            Self::Dynamic => "DYNAMIC",
            Self::FireAndForget => "FIRE_AND_FORGET",
            Self::Before => "BEFORE",
            Self::After => "AFTER",
        }
    }
}

/// A kind of event, with the shapes of what is sent and what is answered.
///
/// The schemas and examples are JSON text, kept as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trigger {
    /// E.g. `idn:access-request-pre-approval`.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Whether an answer is owed.
    #[serde(rename = "type")]
    pub trigger_type: TriggerType,
    /// When it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of the event, as text.
    pub input_schema: String,
    /// An event that fits the schema, as JSON text.
    pub example_input: String,
    /// JSON Schema of the answer, as text; only for [`TriggerType::RequestResponse`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<String>,
    /// An answer that fits the schema, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example_output: Option<String>,
}
