//! Callers whom somebody in front of the API has let in.

use std::collections::BTreeSet;

use super::scope::Scope;

/// Put among a request's extensions, it stands in for a bearer token: whoever put it
/// there vouches for the caller. Nobody outside the process can. A request that has an
/// `Authorization` header is judged by that alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// What the caller is called, where the id of an API client is used otherwise: for
    /// idempotency keys and the rate limit. Must not be the id of a client.
    pub name: String,
    /// What the caller may do.
    pub scopes: BTreeSet<Scope>,
}
