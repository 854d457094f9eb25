//! Who calls, and what they may do: OAuth 2.0 client credentials, access tokens,
//! scopes (reference 2.2).

pub(crate) mod caller;
pub(crate) mod grant;
pub(crate) mod grant_request;
pub(crate) mod scope;
pub(crate) mod signed_in;
pub(crate) mod token;

pub(crate) use caller::Caller;
