//! What the registry's refusals mean over HTTP.

use std::time::Duration;

use triggerfish_registry::ChangeError;

use crate::error::ApiError;

/// When to try again after the registry could not be written to.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::UnknownSubscription(_)
            | ChangeError::UnknownCallback(_)
            | ChangeError::UnknownClient(_) => Self::not_found(error.to_string()),
            ChangeError::Conflict | ChangeError::Unavailable(_) | ChangeError::Closed(_) => {
                tracing::warn!(%error, "a change of the registry failed");
                Self::unavailable(RETRY_AFTER)
            }
            ChangeError::Invalid { .. }
            | ChangeError::Immutable { .. }
            | ChangeError::UnknownTrigger(_)
            | ChangeError::TooManySubscriptions { .. }
            | ChangeError::Catalogue(_)
            | ChangeError::TriggerInUse { .. }
            | ChangeError::UnknownObjectType(_)
            | ChangeError::TooManyCallbacks { .. }
            | ChangeError::BuiltIn(_)
            | ChangeError::ObjectTypeInUse { .. } => Self::bad_request(error.to_string()),
        }
    }
}
