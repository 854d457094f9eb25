//! Callbacks, ready to be chosen and called, and the rules for them.

mod check;
pub(crate) mod decide;
mod headers;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use triggerfish_core::{Action, Callback, FailurePolicy, Timing, subscription::HttpConfig};

use crate::{seal::Sealer, subscription::Fault};

/// A callback to be made. Its id is chosen by the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCallback {
    /// Before or after; never changes afterwards.
    pub timing: Timing,
    /// The id of the object type; never changes afterwards.
    pub object_type: String,
    /// Everything else.
    pub settings: CallbackSettings,
}

/// A whole new text for a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackReplacement {
    /// If the writer named it; must be the one it has.
    pub timing: Option<Timing>,
    /// If the writer named it; must be the one it has.
    pub object_type: Option<String>,
    /// Everything else. A credential that is left out keeps its value, as long
    /// as the type of authentication stays the same.
    pub settings: CallbackSettings,
}

/// What a client may choose about a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackSettings {
    /// Display name; need not be unique.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// The receiver, and how we authenticate there.
    pub http_config: HttpConfig,
    /// The status that allows; only for [`Timing::Before`], and needed there.
    pub expected_status: Option<u16>,
    /// Sent with each call; `action` restricts instead.
    pub request_headers: BTreeMap<String, String>,
    /// Whether it is called.
    pub enabled: bool,
    /// For one call, in milliseconds; `None` follows the settings of the service.
    pub timeout_ms: Option<u32>,
    /// Only for [`Timing::Before`]; `None` is the default.
    pub failure_policy: Option<FailurePolicy>,
}

/// A callback with its credentials opened.
pub struct CompiledCallback {
    /// The callback. Credentials that could not be opened are `None`.
    pub callback: Callback,
    /// The actions it is called for; all, if it has a header `action` that can't be
    /// read, so that a before-callback with this fault denies.
    pub actions: BTreeSet<Action>,
    /// Calls of a callback with a fault fail as a matter of configuration.
    pub fault: Option<Fault>,
    /// As it is in the topic, with sealed credentials.
    pub(crate) stored: Callback,
}

impl CompiledCallback {
    pub(crate) fn compile(stored: Callback, sealer: &Sealer) -> Self {
        let mut callback = stored.clone();
        let complete = sealer.open_all(&mut callback.http_config, stored.id);
        let mut fault = (!complete).then_some(Fault::CredentialsUnreadable);
        let actions = callback.actions().unwrap_or_else(|unknown| {
            fault = Some(Fault::ActionUnknown(crate::schema::cut(&unknown, 50)));
            Action::ALL.into()
        });
        Self {
            callback,
            actions,
            fault,
            stored,
        }
    }

    /// Whether it is to be called when this happens to an object of its type.
    #[must_use]
    pub fn is_for(&self, timing: Timing, action: Action) -> bool {
        self.callback.enabled && self.callback.timing == timing && self.actions.contains(&action)
    }

    /// The callback as clients may read it: without credentials.
    #[must_use]
    pub fn public(&self) -> Callback {
        let mut callback = self.callback.clone();
        for secret in callback.http_config.secrets_mut() {
            *secret = None;
        }
        callback
    }
}

impl fmt::Debug for CompiledCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledCallback")
            .field("callback", &self.callback)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}
