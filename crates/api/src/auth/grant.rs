//! The token endpoint: OAuth 2.0 client credentials (RFC 6749, section 4.4).

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use triggerfish_registry::Client;
use utoipa::ToSchema;

use super::{
    grant_request::GrantRequest,
    scope::granted,
    token::{self, Claims},
};
use crate::{
    state::{Inner, Shared},
    tracking::random_hex,
};

/// A refusal, in the words of RFC 6749, section 5.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
    /// How the client is told to authenticate; only with 401.
    challenge: Option<&'static str>,
}

/// The body of a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OAuthErrorBody {
    /// The code.
    #[schema(example = "invalid_client")]
    error: &'static str,
    /// In words.
    error_description: &'static str,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenResponse {
    /// The token, for `Authorization: Bearer`.
    access_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// Seconds for which it is valid.
    #[schema(example = 719)]
    expires_in: u64,
    /// What it allows, separated by spaces.
    scope: String,
    /// Its id.
    jti: String,
}

/// Parameters of the token endpoint.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form for the API's description")]
pub(crate) struct TokenForm {
    /// `client_credentials`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// The id of the API client; or by HTTP Basic.
    client_id: Option<String>,
    /// The secret of the API client; or by HTTP Basic.
    client_secret: Option<String>,
    /// Less than what the client may do, separated by spaces.
    scope: Option<String>,
}

/// Get an access token
///
/// OAuth 2.0 client credentials. The parameters come as a urlencoded form, a multipart
/// form or, for old clients, in the query string; id and secret may come by HTTP
/// Basic.
#[utoipa::path(
    post, path = "/oauth/token", operation_id = "createToken", tag = "Authentication",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token.", body = TokenResponse),
        (status = 400, description = "The request can't be granted.", body = OAuthErrorBody),
        (status = 401, description = "Id or secret is wrong.", body = OAuthErrorBody),
    ),
    security(()),
)]
pub(crate) async fn token(State(state): State<Shared>, request: Request) -> Response {
    match issue(&state, request).await {
        Ok(token) => ([(header::CACHE_CONTROL, "no-store")], Json(token)).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn issue(state: &Shared, request: Request) -> Result<TokenResponse, OAuthError> {
    let request = GrantRequest::read(request, state).await?;
    match request.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Err(OAuthError::unsupported_grant_type()),
        None => return Err(OAuthError::invalid_request("grant_type is missing")),
    }
    let (Some(id), Some(secret)) = (&request.client_id, &request.client_secret) else {
        return Err(OAuthError::invalid_client(request.by_header));
    };
    let client = state
        .registry
        .verify_client(id, secret)
        .await
        .ok_or_else(|| OAuthError::invalid_client(request.by_header))?;
    let scope = scopes(&client, request.scope.as_deref())?;
    sign(state, &client, scope)
}

/// What was asked for, if the client may do it; all that it may do if it asked for
/// nothing.
fn scopes(client: &Client, asked: Option<&str>) -> Result<Vec<String>, OAuthError> {
    let asked: Vec<&str> = asked.unwrap_or_default().split_whitespace().collect();
    if asked.is_empty() {
        return Ok(client.scopes.clone());
    }
    let allowed = granted(client.scopes.iter().map(String::as_str));
    let is_allowed = |name: &&str| {
        let wanted = granted([*name]);
        client.scopes.iter().any(|own| own == name)
            || (!wanted.is_empty() && wanted.is_subset(&allowed))
    };
    if !asked.iter().all(is_allowed) {
        return Err(OAuthError::invalid_scope());
    }
    Ok(asked.into_iter().map(str::to_owned).collect())
}

fn sign(state: &Inner, client: &Client, scope: Vec<String>) -> Result<TokenResponse, OAuthError> {
    let lifetime = state.settings.token_lifetime.as_secs();
    let now = state.now().as_millis() / 1000;
    let jti = random_hex(16).ok_or_else(OAuthError::server_error)?;
    let claims = Claims {
        sub: client.id.clone(),
        client_id: client.id.clone(),
        scope,
        exp: now + lifetime,
        iat: now,
        jti,
    };
    Ok(TokenResponse {
        access_token: token::sign(&state.keys, &claims),
        token_type: "bearer",
        expires_in: lifetime,
        scope: claims.scope.join(" "),
        jti: claims.jti,
    })
}

impl OAuthError {
    pub(crate) const fn invalid_request(description: &'static str) -> Self {
        Self::bad_request("invalid_request", description)
    }

    const fn unsupported_grant_type() -> Self {
        Self::bad_request(
            "unsupported_grant_type",
            "only client_credentials is supported",
        )
    }

    const fn invalid_scope() -> Self {
        Self::bad_request(
            "invalid_scope",
            "the client may not do all that scope names",
        )
    }

    const fn bad_request(error: &'static str, description: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description,
            challenge: None,
        }
    }

    const fn invalid_client(by_header: bool) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            error: "invalid_client",
            description: "client id or client secret is wrong or missing",
            challenge: if by_header {
                Some("Basic realm=\"triggerfish\"")
            } else {
                None
            },
        }
    }

    const fn server_error() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            error: "server_error",
            description: "no token can be made now",
            challenge: None,
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = OAuthErrorBody {
            error: self.error,
            error_description: self.description,
        };
        let headers = [(header::CACHE_CONTROL, "no-store")];
        let mut response = (self.status, headers, Json(body)).into_response();
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        response
    }
}
