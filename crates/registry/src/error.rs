//! Why the registry could not be opened or a change was refused.

use triggerfish_core::SubscriptionId;
use triggerfish_log::LogError;

/// The registry could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The topic could not be made or read.
    #[error("cannot read the registry topic")]
    Log(#[from] LogError),
}

/// A change was refused, or could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// A field has a value that is not taken.
    #[error("{field}: {problem}; {remedy}")]
    Invalid {
        /// Name of the field as the API spells it, e.g. `httpConfig.url`.
        field: String,
        /// What is wrong with it.
        problem: String,
        /// What to write instead.
        remedy: String,
    },
    /// A field that never changes was changed.
    #[error("{field}: cannot be changed; delete it and create another one")]
    Immutable {
        /// Name of the field as the API spells it.
        field: &'static str,
    },
    /// No such trigger.
    #[error("triggerId: there is no trigger {0:?}; list the triggers to see which there are")]
    UnknownTrigger(String),
    /// No such subscription.
    #[error("there is no subscription {0}; list the subscriptions to see which there are")]
    UnknownSubscription(SubscriptionId),
    /// No such API client.
    #[error("there is no client {0:?}")]
    UnknownClient(String),
    /// The trigger has all the subscriptions it may have.
    #[error(
        "triggerId: {trigger_id} has {limit} of at most {limit} subscriptions; delete or change one of them"
    )]
    TooManySubscriptions {
        /// The trigger.
        trigger_id: String,
        /// How many it may have.
        limit: usize,
    },
    /// The trigger ships with the service.
    #[error(
        "id: {0} belongs to the catalogue, which cannot be changed; choose an id with a prefix of your own"
    )]
    Catalogue(String),
    /// The trigger has subscriptions, so it can't go or change its type.
    #[error("{trigger_id} has {subscriptions} subscriptions; delete them first")]
    TriggerInUse {
        /// The trigger.
        trigger_id: String,
        /// How many subscriptions it has.
        subscriptions: usize,
    },
    /// No such object type.
    #[error(
        "objectType: there is no object type {0:?}; list the object types to see which there are"
    )]
    UnknownObjectType(String),
    /// No such callback.
    #[error("there is no callback {0}; list the callbacks to see which there are")]
    UnknownCallback(SubscriptionId),
    /// The object type has all the callbacks it may have.
    #[error(
        "objectType: {object_type} has {limit} of at most {limit} {timing} callbacks; delete or change one of them"
    )]
    TooManyCallbacks {
        /// The object type.
        object_type: String,
        /// Before or after.
        timing: &'static str,
        /// How many it may have.
        limit: usize,
    },
    /// The object type ships with the service.
    #[error("id: {0} is built in and cannot be changed; choose another id")]
    BuiltIn(String),
    /// The object type has callbacks, so it can't go.
    #[error("{object_type} has {callbacks} callbacks; delete them first")]
    ObjectTypeInUse {
        /// The object type.
        object_type: String,
        /// How many callbacks it has.
        callbacks: usize,
    },
    /// Other processes kept changing the same things.
    #[error("the registry was changed by others at the same time; try again")]
    Conflict,
    /// The log did not take the change. It may have happened all the same.
    #[error("the registry cannot be changed at the moment: {0}; try again")]
    Unavailable(String),
    /// The log is closed for good; the process is going down.
    #[error("the registry is closed: {0}")]
    Closed(String),
}

impl ChangeError {
    /// A field with a value that is not taken.
    pub fn invalid(
        field: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            field: field.into(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

impl From<LogError> for ChangeError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::TooLarge { bytes, limit, .. } => Self::invalid(
                "body",
                format!("takes {bytes} bytes in the registry, {limit} fit"),
                "shorten it",
            ),
            LogError::Closed { reason } => Self::Closed(reason),
            other => Self::Unavailable(other.to_string()),
        }
    }
}
