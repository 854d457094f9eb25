//! What clients are told when something goes wrong: the reference's
//! `ErrorResponseDto`, and its two plainer bodies for 401 and 429 (reference 2.4).
//!
//! A handler returns an [`ApiError`]; [`crate::tracking`] writes the body, since
//! only it knows the tracking id.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ports::{AskError, StartError, Unavailable};

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    shape: Shape,
    text: String,
    causes: Vec<String>,
    retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Dto,
    Unauthorized,
    RateLimit,
}

/// The body of nearly every error.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorResponseDto {
    /// Fine-grained error code.
    #[schema(example = "400.1 Bad Request Content")]
    detail_code: String,
    /// Unique id of this answer; also in the header `x-tracking-id`.
    #[schema(example = "e7eab60924f64aa284175b9fa3309599")]
    tracking_id: String,
    /// What went wrong, for people.
    messages: Vec<ErrorMessageDto>,
    /// Every single thing that went wrong, where there are several.
    causes: Vec<ErrorMessageDto>,
}

/// One text of an [`ErrorResponseDto`].
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorMessageDto {
    /// BCP 47.
    #[schema(example = "en-US")]
    locale: Option<&'static str>,
    /// `DEFAULT` or `REQUEST`.
    #[schema(example = "DEFAULT")]
    locale_origin: Option<&'static str>,
    /// The text.
    text: String,
}

/// The body of a 401.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UnauthorizedBody {
    /// Why the token is refused.
    #[schema(example = "JWT validation failed: JWT is expired")]
    error: String,
}

/// The body of a 429.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RateLimitBody {
    /// Always the same text.
    #[schema(example = " Rate Limit Exceeded ")]
    message: &'static str,
}

impl ApiError {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            shape: Shape::Dto,
            text: text.into(),
            causes: vec![],
            retry_after: None,
        }
    }

    /// 400.
    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// 401; `why` completes the sentence "JWT validation failed: ...".
    pub(crate) fn unauthorized(why: &str) -> Self {
        Self {
            shape: Shape::Unauthorized,
            ..Self::new(
                StatusCode::UNAUTHORIZED,
                format!("JWT validation failed: {why}"),
            )
        }
    }

    /// 403.
    pub(crate) fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, text)
    }

    /// 404.
    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// 405; the router adds `Allow`.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path has no such method; see the Allow header",
        )
    }

    /// 409.
    pub(crate) fn conflict(text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, text)
    }

    /// 413.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the request body is larger than {limit} bytes"),
        )
    }

    /// 415.
    pub(crate) fn unsupported_media_type(expected: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("send the body with content type {expected}"),
        )
    }

    /// 429.
    pub(crate) fn rate_limited(retry_after: Duration) -> Self {
        Self {
            shape: Shape::RateLimit,
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, " Rate Limit Exceeded ")
        }
    }

    /// 500; says nothing about the inside.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "an unexpected error occurred; tell the operator the tracking id",
        )
    }

    /// 503.
    pub(crate) fn unavailable(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not available now; try again after the time in Retry-After",
            )
        }
    }

    /// Adds single reasons.
    pub(crate) fn with_causes(mut self, causes: Vec<String>) -> Self {
        self.causes = causes;
        self
    }

    /// The text for people.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn detail_code(&self) -> String {
        match self.status {
            StatusCode::BAD_REQUEST => "400.1 Bad Request Content".into(),
            StatusCode::NOT_FOUND => "404 Not found".into(),
            StatusCode::INTERNAL_SERVER_ERROR => "500.0 Internal Fault".into(),
            status => status.to_string(),
        }
    }

    /// The whole answer, body included.
    pub(crate) fn render(&self, tracking_id: &str) -> Response {
        let mut response = match self.shape {
            Shape::Dto => Json(self.dto(tracking_id)).into_response(),
            Shape::Unauthorized => Json(UnauthorizedBody {
                error: self.text.clone(),
            })
            .into_response(),
            Shape::RateLimit => Json(RateLimitBody {
                message: " Rate Limit Exceeded ",
            })
            .into_response(),
        };
        *response.status_mut() = self.status;
        response
    }

    fn dto(&self, tracking_id: &str) -> ErrorResponseDto {
        let causes = self.causes.iter().map(|text| ErrorMessageDto {
            locale: None,
            locale_origin: None,
            text: text.clone(),
        });
        ErrorResponseDto {
            detail_code: self.detail_code(),
            tracking_id: tracking_id.to_owned(),
            messages: vec![ErrorMessageDto {
                locale: Some("en-US"),
                locale_origin: Some("DEFAULT"),
                text: self.text.clone(),
            }],
            causes: causes.collect(),
        }
    }
}

/// A response without a body that carries the error for [`crate::tracking`].
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(pause) = self.retry_after {
            let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.shape == Shape::Unauthorized {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::TooLarge { limit } => Self::too_large(limit),
            StartError::Unavailable { retry_after } => Self::unavailable(retry_after),
            StartError::UnknownTrigger(_)
            | StartError::InvalidInput(_)
            | StartError::UnknownSubscription(_)
            | StartError::TooDeep { .. }
            | StartError::KeyReused => Self::bad_request(error.to_string()),
        }
    }
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::TooLarge { limit } => Self::too_large(limit),
            AskError::Unavailable { retry_after } => Self::unavailable(retry_after),
            AskError::KeyReused => Self::conflict(error.to_string()),
            AskError::UnknownObjectType(_)
            | AskError::Invalid { .. }
            | AskError::TooMany { .. } => Self::bad_request(error.to_string()),
        }
    }
}

impl From<Unavailable> for ApiError {
    fn from(error: Unavailable) -> Self {
        tracing::warn!(reason = %error.reason, "a request could not be answered");
        Self::unavailable(error.retry_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_reference() {
        let code = |error: ApiError| error.detail_code();
        assert_eq!(
            code(ApiError::bad_request("x")),
            "400.1 Bad Request Content"
        );
        assert_eq!(code(ApiError::forbidden("x")), "403 Forbidden");
        assert_eq!(code(ApiError::not_found("x")), "404 Not found");
        assert_eq!(code(ApiError::internal()), "500.0 Internal Fault");
    }

    #[test]
    fn retry_after_is_whole_seconds_and_never_zero() {
        for (pause, header) in [(0, "1"), (1, "1"), (1001, "2"), (30_000, "30")] {
            let response = ApiError::unavailable(Duration::from_millis(pause)).into_response();
            assert_eq!(response.headers()["retry-after"], header);
        }
    }
}
