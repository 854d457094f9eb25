//! The extractor that lets a handler run only for clients with the right scope.

use std::{collections::BTreeSet, marker::PhantomData};

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{header, request::Parts},
};

use super::{
    scope::{Access, Scope, granted},
    signed_in::SignedIn,
    token,
};
use crate::{error::ApiError, state::Shared};

/// A client with a valid token that carries a scope which `A` asks for.
pub(crate) struct Caller<A> {
    /// Its id.
    pub(crate) client_id: String,
    access: PhantomData<A>,
}

impl<A: Access> FromRequestParts<Shared> for Caller<A> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let (client_id, scopes) = authenticate(parts, state)?;
        if let Some(limiter) = &state.limiter {
            let path = parts
                .extensions
                .get::<OriginalUri>()
                .map_or(parts.uri.path(), |uri| uri.path());
            limiter
                .admit(&client_id, path, state.now())
                .map_err(ApiError::rate_limited)?;
        }
        if A::ANY_OF.iter().any(|scope| scopes.contains(scope)) {
            return Ok(Self {
                client_id,
                access: PhantomData,
            });
        }
        let needed: Vec<_> = A::ANY_OF.iter().map(|scope| scope.as_str()).collect();
        Err(ApiError::forbidden(format!(
            "the token lacks the scope for this operation; needed: {}",
            needed.join(" or ")
        )))
    }
}

/// The client whose token came with the request, and what both token and client
/// still allow. A token does not outlive its client. Without a token, who is signed in.
fn authenticate(parts: &Parts, state: &Shared) -> Result<(String, BTreeSet<Scope>), ApiError> {
    let Some(header) = parts.headers.get(header::AUTHORIZATION) else {
        let signed_in = parts.extensions.get::<SignedIn>().cloned();
        return signed_in
            .map(|caller| (caller.name, caller.scopes))
            .ok_or_else(|| ApiError::unauthorized("no Authorization header"));
    };
    let token = header
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| ApiError::unauthorized("the Authorization header holds no bearer token"))?;
    let claims = token::verify(&state.keys, token, state.now())
        .map_err(|error| ApiError::unauthorized(&error.to_string()))?;
    let snapshot = state.registry.snapshot();
    let client = snapshot
        .client(&claims.sub)
        .filter(|client| client.created.as_millis() / 1000 <= claims.iat)
        .ok_or_else(|| ApiError::unauthorized("the API client does not exist any more"))?;
    let allowed = granted(client.scopes.iter().map(String::as_str));
    let scopes = granted(claims.scope.iter().map(String::as_str));
    Ok((claims.sub, &allowed & &scopes))
}
