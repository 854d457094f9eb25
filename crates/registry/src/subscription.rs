//! Subscriptions, ready to be matched and called.

use std::fmt;

use serde_json::Value;
use triggerfish_core::Subscription;
use triggerfish_filter::Path;

use crate::{filters, seal::Sealer};

/// What is wrong with a subscription or callback that is in the registry all the
/// same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its credentials were sealed under a server key that is not configured.
    #[error(
        "the stored credentials cannot be opened with the configured server keys; set the credentials again, or configure the key they were stored under"
    )]
    CredentialsUnreadable,
    /// Its filter does not compile; no event passes.
    #[error("the filter does not compile, so no event passes it: {0}")]
    FilterUnusable(String),
    /// The header `action` of a callback names no action.
    #[error(
        "the request header action names {0:?}, which is none of CREATED, UPDATED and DELETED; write the header again"
    )]
    ActionUnknown(String),
}

/// A subscription with its credentials opened and its filter compiled.
pub struct CompiledSubscription {
    /// The subscription. Credentials that could not be opened are `None`.
    pub subscription: Subscription,
    /// Its filter, if it has one that compiles; see [`CompiledSubscription::matches`].
    pub filter: Option<Path>,
    /// Calls of a subscription with a fault fail as a matter of configuration.
    pub fault: Option<Fault>,
    /// As it is in the topic, with sealed credentials.
    pub(crate) stored: Subscription,
}

impl CompiledSubscription {
    pub(crate) fn compile(stored: Subscription, sealer: &Sealer) -> Self {
        let mut subscription = stored.clone();
        let http = subscription.http_config.as_mut();
        let complete = http.is_none_or(|http| sealer.open_all(http, stored.id));
        let mut fault = (!complete).then_some(Fault::CredentialsUnreadable);
        let compiled = subscription.filter.as_deref().map(filters::compile);
        let filter = match compiled {
            None => None,
            Some(Ok(path)) => Some(path),
            Some(Err(error)) => {
                fault = Some(Fault::FilterUnusable(error.to_string()));
                None
            }
        };
        Self {
            subscription,
            filter,
            fault,
            stored,
        }
    }

    /// Whether `event` passes the filter. Without a filter every event does; a
    /// filter that does not compile lets none pass.
    pub fn matches(&self, event: &Value) -> bool {
        match &self.filter {
            Some(filter) => filters::matches(filter, event),
            None => self.subscription.filter.is_none(),
        }
    }

    /// The subscription as clients may read it: without credentials.
    pub fn public(&self) -> Subscription {
        let mut subscription = self.subscription.clone();
        for secret in subscription.secrets_mut() {
            *secret = None;
        }
        subscription
    }
}

impl fmt::Debug for CompiledSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledSubscription")
            .field("subscription", &self.subscription)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}
