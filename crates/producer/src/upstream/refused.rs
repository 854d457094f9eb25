//! Why an event is not taken.

use triggerfish_api::ports::{AskError, StartError};

/// Why an event is not taken.
pub(super) enum Refused {
    /// It goes to dead-letters.
    Never {
        /// For metrics.
        label: &'static str,
        /// For people.
        reason: String,
    },
    /// Nothing is wrong with the event.
    Later(String),
}

impl Refused {
    /// What an error of the intake means.
    pub(super) fn by(error: &StartError) -> Self {
        let label = match error {
            StartError::UnknownTrigger(_) => "unknown_trigger",
            StartError::TooLarge { .. } => "too_large",
            StartError::TooDeep { .. } => "too_deep",
            StartError::InvalidInput(_)
            | StartError::UnknownSubscription(_)
            | StartError::KeyReused => "invalid_input",
            StartError::Unavailable { .. } => return Self::Later(error.to_string()),
        };
        Self::Never {
            label,
            reason: error.to_string(),
        }
    }

    /// What an error of the intake of actions means.
    pub(super) fn by_action(error: &AskError) -> Self {
        let label = match error {
            AskError::UnknownObjectType(_) => "unknown_object_type",
            AskError::TooLarge { .. } => "too_large",
            AskError::Invalid { .. } | AskError::TooMany { .. } | AskError::KeyReused => {
                "invalid_input"
            }
            AskError::Unavailable { .. } => return Self::Later(error.to_string()),
        };
        Self::Never {
            label,
            reason: error.to_string(),
        }
    }
}
