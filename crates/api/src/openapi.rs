//! The API's description, generated from the code and served without a token.
//!
//! It lists each operation once, in the reference's newest path form
//! (`/<resource>/v1`); the yearly forms are the same operations.

use axum::{Json, extract::State, response::IntoResponse};
use utoipa::{
    IntoResponses, Modify, OpenApi,
    openapi::{
        OpenApi as Document, Server,
        security::{ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme},
    },
};

use crate::{
    auth::scope::{ALL_SCOPES, Scope},
    error::{ErrorMessageDto, ErrorResponseDto, RateLimitBody, UnauthorizedBody},
    router,
    state::Shared,
};

/// Answers that every operation can give.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(crate) enum Errors {
    /// The request is not valid.
    #[response(status = 400)]
    BadRequest(ErrorResponseDto),
    /// No token, or not a valid one.
    #[response(status = 401)]
    Unauthorized(UnauthorizedBody),
    /// The token does not allow it, or the invocation's secret is wrong.
    #[response(status = 403)]
    Forbidden(ErrorResponseDto),
    /// There is no such thing.
    #[response(status = 404)]
    NotFound(ErrorResponseDto),
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(ErrorResponseDto),
    /// The body has a content type that is not taken.
    #[response(status = 415)]
    UnsupportedMediaType(ErrorResponseDto),
    /// Too many requests; see `Retry-After`.
    #[response(status = 429)]
    RateLimited(RateLimitBody),
    /// Unexpected.
    #[response(status = 500)]
    Internal(ErrorResponseDto),
    /// Not available now; see `Retry-After`.
    #[response(status = 503)]
    Unavailable(ErrorResponseDto),
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Triggerfish",
        description = "Event triggers: subscriptions, invocations and their results.\n\nEach operation is listed once, under `/<resource>/v1`. The same operations are served under the prefixes `/beta`, `/v2024`, `/v2025`, `/v2026` and `/v3`, without the `/v1`, e.g. `/v2026/trigger-subscriptions/{id}`.",
        license(name = "MIT OR Apache-2.0"),
    ),
    components(schemas(ErrorResponseDto, ErrorMessageDto, UnauthorizedBody, RateLimitBody)),
    tags(
        (name = "Triggers", description = "Triggers, subscriptions, invocations."),
        (name = "Callbacks", description = "Object types, and whom to call before and after their objects change. An addition to the reference of event triggers."),
        (name = "CloudEvents", description = "Real events as CloudEvents."),
        (name = "Topics", description = "What is on the topics."),
        (name = "Workers", description = "The processes of the installation."),
        (name = "API clients", description = "Who may call this API."),
        (name = "Authentication", description = "Access tokens."),
    ),
    modifiers(&OAuth),
)]
pub(crate) struct Base;

struct OAuth;

impl Modify for OAuth {
    fn modify(&self, document: &mut Document) {
        let scopes = Scope::ALL
            .map(|scope| (scope.as_str(), scope.description()))
            .into_iter()
            .chain([(ALL_SCOPES, "everything")]);
        let flow = ClientCredentials::new("/oauth/token", scopes.collect::<Scopes>());
        let scheme = OAuth2::new([Flow::ClientCredentials(flow)]);
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("oauth2", SecurityScheme::OAuth2(scheme));
    }
}

/// The description, for a service that is reached under `public_url`.
#[must_use]
pub fn document(public_url: &str) -> Document {
    let mut document = router::described().into_openapi();
    document.servers = Some(vec![Server::new(public_url)]);
    document
}

/// Serves the description.
pub(crate) async fn serve(State(state): State<Shared>) -> impl IntoResponse {
    Json(document(&state.settings.public_url))
}
