//! What the authentication of a subscription or callback must be like.

use triggerfish_core::{
    Secret,
    subscription::{AuthenticationType, HttpConfig},
};

use crate::{error::ChangeError, settings::missing};

const CREDENTIAL_BYTES_MAX: usize = 8_192;

/// How the API spells the fields, for messages.
pub(crate) struct Names {
    pub(crate) kind: &'static str,
    pub(crate) basic: &'static str,
    pub(crate) user_name: &'static str,
    pub(crate) password: &'static str,
    pub(crate) bearer: &'static str,
    pub(crate) token: &'static str,
}

/// Judges the authentication of `http`. A credential may be missing where `stored`
/// has it and the type of authentication stays the same.
///
/// A configuration of another authentication type is dropped when it says nothing,
/// and refused when it holds a credential: the caller would believe that it is used.
pub(crate) fn check(
    http: &mut HttpConfig,
    stored: Option<&HttpConfig>,
    names: &Names,
) -> Result<(), ChangeError> {
    let kind = http.http_authentication_type;
    let kept = same_kind(http, stored);
    let is_stored = kept.is_some_and(|stored| stored.credential().is_some());
    if kind == AuthenticationType::BasicAuth {
        let Some(basic) = &http.basic_auth_config else {
            return Err(missing(names.basic, "it is BASIC_AUTH"));
        };
        check_user_name(names.user_name, &basic.user_name)?;
        check_credential(names.password, basic.password.as_ref(), is_stored)?;
    } else if let Some(basic) = http.basic_auth_config.take() {
        unused(names, names.basic, "BASIC_AUTH", basic.password.as_ref())?;
    }
    if kind == AuthenticationType::BearerToken {
        let Some(bearer) = &http.bearer_token_auth_config else {
            return Err(missing(names.bearer, "it is BEARER_TOKEN"));
        };
        check_credential(names.token, bearer.bearer_token.as_ref(), is_stored)?;
    } else if let Some(bearer) = http.bearer_token_auth_config.take() {
        let token = bearer.bearer_token.as_ref();
        unused(names, names.bearer, "BEARER_TOKEN", token)?;
    }
    Ok(())
}

/// `stored`, if its credentials are of the kind that `candidate` uses.
pub(crate) fn same_kind<'a>(
    candidate: &HttpConfig,
    stored: Option<&'a HttpConfig>,
) -> Option<&'a HttpConfig> {
    stored.filter(|stored| stored.http_authentication_type == candidate.http_authentication_type)
}

/// RFC 7617: no colon, which ends the name, and no control characters.
fn check_user_name(field: &str, name: &str) -> Result<(), ChangeError> {
    let illegal = |c: char| c == ':' || c.is_control();
    if name.is_empty() || name.len() > CREDENTIAL_BYTES_MAX || name.chars().any(illegal) {
        return Err(ChangeError::invalid(
            field,
            "is empty, too long, or has a colon or control character",
            "write the user name that the subscriber expects",
        ));
    }
    Ok(())
}

fn check_credential(
    field: &str,
    given: Option<&Secret>,
    is_stored: bool,
) -> Result<(), ChangeError> {
    let problem = match given.map(Secret::expose) {
        None if is_stored => return Ok(()),
        None | Some("") => "is missing",
        Some(text) if text.len() > CREDENTIAL_BYTES_MAX => "is too long",
        Some(text) if text.chars().any(char::is_control) => "has a control character",
        Some(_) => return Ok(()),
    };
    Err(ChangeError::invalid(
        field,
        problem,
        format!("write 1 to {CREDENTIAL_BYTES_MAX} bytes without control characters"),
    ))
}

fn unused(
    names: &Names,
    field: &str,
    kind: &str,
    credential: Option<&Secret>,
) -> Result<(), ChangeError> {
    if credential.is_some_and(|secret| !secret.expose().is_empty()) {
        let setting = names.kind;
        return Err(ChangeError::invalid(
            field,
            format!("holds a credential, but {setting} is not {kind}"),
            format!("set {setting} to {kind}, or leave {field} out"),
        ));
    }
    Ok(())
}
