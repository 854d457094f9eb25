//! Callbacks: who is asked before, or told after, an object of a platform is created,
//! updated or deleted (reference, part 2).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    id::SubscriptionId,
    subscription::{HttpConfig, Signing},
    time::Timestamp,
};

/// The request header that restricts a callback to some actions (reference 12.2). It is a
/// setting only, and is not sent.
pub const ACTION_HEADER: &str = "action";

/// When a callback is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Timing {
    /// Before the action, which it can block.
    Before,
    /// After the action, which it can't block any more.
    After,
}

impl Timing {
    /// The name in the HTTP API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "BEFORE",
            Self::After => "AFTER",
        }
    }
}

/// What happens, or has happened, to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// It comes to be.
    Created,
    /// It is changed.
    Updated,
    /// It goes away.
    Deleted,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Created, Self::Updated, Self::Deleted];

    /// The name in the HTTP API and in bodies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Updated => "UPDATED",
            Self::Deleted => "DELETED",
        }
    }

    /// The action with this name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let is_named = |action: &Self| action.as_str().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(is_named)
    }
}

/// What a before-callback that gives no yes means for the action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailurePolicy {
    /// Everything but the expected status denies: another status, no answer in time, no
    /// connection (reference 12.1).
    #[default]
    Deny,
    /// Another status denies; who can't be reached or does not answer in time allows.
    Allow,
    /// It never denies and is not waited for. What it said is recorded.
    Audit,
}

impl FailurePolicy {
    /// The name in the HTTP API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "DENY",
            Self::Allow => "ALLOW",
            Self::Audit => "AUDIT",
        }
    }
}

/// Whom to call before or after actions on objects of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// Its id. Calls of a callback are invocations of the subscription with this id.
    pub id: SubscriptionId,
    /// Display name; need not be unique.
    pub name: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Before or after; never changes.
    pub timing: Timing,
    /// The id of the object type; never changes.
    pub object_type: String,
    /// The receiver, and how we authenticate there. It has no dispatch mode.
    pub http_config: HttpConfig,
    /// The status that allows; only for [`Timing::Before`], and always there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_status: Option<u16>,
    /// Sent with each call, but for [`ACTION_HEADER`].
    #[serde(default)]
    pub request_headers: BTreeMap<String, String>,
    /// Whether it is called.
    pub enabled: bool,
    /// For one call in all, in milliseconds; `None` follows the settings of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
    /// Only of meaning for [`Timing::Before`].
    #[serde(default)]
    pub failure_policy: FailurePolicy,
    /// State of the signing secret.
    #[serde(default)]
    pub signing: Signing,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
}

impl Callback {
    /// The actions it is called for: those that the header `action` names, separated by
    /// commas, or all if there is none.
    ///
    /// # Errors
    /// The name that is none of an action's.
    pub fn actions(&self) -> Result<BTreeSet<Action>, String> {
        let header = self
            .request_headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(ACTION_HEADER));
        let Some((_, names)) = header else {
            return Ok(Action::ALL.into());
        };
        let parse = |name: &str| Action::parse(name).ok_or_else(|| name.to_owned());
        names.split(',').map(str::trim).map(parse).collect()
    }
}

/// A kind of object that a platform has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectType {
    /// E.g. `app`.
    pub id: String,
    /// Display name, e.g. `App`.
    pub name: String,
    /// The key that holds the object in bodies, e.g. `AppToken` (reference 12.3).
    pub entity: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The fields of an object, as JSON text.
    pub example: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::AuthenticationType;

    fn callback(action: Option<&str>) -> Callback {
        let headers = action.map(|value| ("Action".to_owned(), value.to_owned()));
        Callback {
            id: SubscriptionId(uuid::Uuid::nil()),
            name: "test".to_owned(),
            description: None,
            timing: Timing::Before,
            object_type: "app".to_owned(),
            http_config: HttpConfig {
                url: "https://example.com".to_owned(),
                http_dispatch_mode: None,
                http_authentication_type: AuthenticationType::NoAuth,
                basic_auth_config: None,
                bearer_token_auth_config: None,
            },
            expected_status: Some(200),
            request_headers: headers.into_iter().collect(),
            enabled: true,
            timeout_ms: None,
            failure_policy: FailurePolicy::Deny,
            signing: Signing::default(),
            created: Timestamp::from_micros(0),
            modified: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn the_action_header_restricts() {
        use Action::{Created, Deleted, Updated};
        let good = [
            (None, vec![Created, Updated, Deleted]),
            (Some("CREATED"), vec![Created]),
            (Some("updated, DELETED"), vec![Updated, Deleted]),
        ];
        for (header, expected) in good {
            let expected = expected.into_iter().collect();
            assert_eq!(callback(header).actions(), Ok(expected), "{header:?}");
        }
        for (header, named) in [("CREATED,,", ""), ("MOVED", "MOVED")] {
            let actions = callback(Some(header)).actions();
            assert_eq!(actions, Err(named.to_owned()), "{header}");
        }
    }
}
