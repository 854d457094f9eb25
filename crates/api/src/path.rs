//! The `{id}` in a path.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use triggerfish_core::SubscriptionId;
use uuid::Uuid;

use crate::{error::ApiError, state::Shared};

/// The id in the path, as written.
pub(crate) struct PathId(pub(crate) String);

impl FromRequestParts<Shared> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        Path::<String>::from_request_parts(parts, state)
            .await
            .map(|Path(id)| Self(id))
            .map_err(|_| ApiError::not_found("the id in the path is not text"))
    }
}

impl PathId {
    /// As the id of a subscription. What is no such id is the id of none.
    pub(crate) fn subscription(&self) -> Result<SubscriptionId, ApiError> {
        parse_subscription_id(&self.0).ok_or_else(no_subscription)
    }

    /// As the id of a callback. What is no such id is the id of none.
    pub(crate) fn callback(&self) -> Result<SubscriptionId, ApiError> {
        parse_subscription_id(&self.0).ok_or_else(no_callback)
    }
}

/// The id of a subscription or callback, in any form that a UUID is written in.
pub(crate) fn parse_subscription_id(text: &str) -> Option<SubscriptionId> {
    Uuid::parse_str(text).ok().map(SubscriptionId)
}

/// 404 for a callback.
pub(crate) fn no_callback() -> ApiError {
    ApiError::not_found("there is no callback with this id")
}

/// 404 for a subscription.
pub(crate) fn no_subscription() -> ApiError {
    ApiError::not_found("there is no subscription with this id")
}
