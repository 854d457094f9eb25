//! Access tokens: JWT (RFC 7519), signed with HS256 under a key derived from the
//! server key, so any process verifies them without state.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq as _};
use triggerfish_core::{
    Timestamp,
    keys::{Purpose, ServerKeys, hmac},
};

/// Only this header is made and accepted.
#[derive(Serialize, Deserialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The API client.
    pub(crate) sub: String,
    /// The API client again, under the name that the reference's tokens use.
    pub(crate) client_id: String,
    /// What it allows.
    pub(crate) scope: Vec<String>,
    /// Seconds since the epoch; valid before this.
    pub(crate) exp: u64,
    /// Seconds since the epoch; made at this.
    pub(crate) iat: u64,
    /// Like no other token's.
    pub(crate) jti: String,
}

/// Why a token is refused; completes "JWT validation failed: ...".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("JWT is not well-formed")]
    Malformed,
    #[error("JWT signature is not valid")]
    Signature,
    #[error("JWT is expired")]
    Expired,
}

/// Signs `claims` with the newest key.
pub(crate) fn sign(keys: &ServerKeys, claims: &Claims) -> String {
    let header = encode(&Header {
        alg: "HS256",
        typ: "JWT",
    });
    let signed = format!("{header}.{}", encode(claims));
    let signature = hmac(&keys.newest(Purpose::AccessToken), &[signed.as_bytes()]);
    format!("{signed}.{}", BASE64.encode(signature))
}

/// The claims of `token`, if any of the keys signed it and it has not expired.
pub(crate) fn verify(keys: &ServerKeys, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let header = decode(header)?;
    let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
    if header.alg != "HS256" {
        return Err(TokenError::Signature);
    }
    let signature = decode(signature)?;
    let mut known = Choice::from(0);
    for key in keys.derive(Purpose::AccessToken) {
        known |= hmac(&key, &[signed.as_bytes()])
            .as_slice()
            .ct_eq(&signature);
    }
    if !bool::from(known) {
        return Err(TokenError::Signature);
    }
    let claims: Claims =
        serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Malformed)?;
    if claims.exp <= now.as_millis() / 1000 {
        return Err(TokenError::Expired);
    }
    Ok(claims)
}

fn encode(part: &impl Serialize) -> String {
    let json = serde_json::to_vec(part).expect("strings and numbers can be written as JSON");
    BASE64.encode(json)
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    BASE64.decode(part).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(first: u8) -> ServerKeys {
        ServerKeys::new(&[vec![first; 32]]).unwrap()
    }

    fn claims() -> Claims {
        Claims {
            sub: "c1".into(),
            client_id: "c1".into(),
            scope: vec!["a".into()],
            exp: 1000,
            iat: 10,
            jti: "j".into(),
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn valid_until_it_expires() {
        let token = sign(&keys(1), &claims());
        assert_eq!(verify(&keys(1), &token, at(999)), Ok(claims()));
        assert_eq!(verify(&keys(1), &token, at(1000)), Err(TokenError::Expired));
    }

    #[test]
    fn survives_a_key_rotation_and_no_longer() {
        let token = sign(&keys(1), &claims());
        let both = ServerKeys::new(&[vec![2; 32], vec![1; 32]]).unwrap();
        assert!(verify(&both, &token, at(0)).is_ok());
        assert_eq!(verify(&keys(2), &token, at(0)), Err(TokenError::Signature));
    }

    #[test]
    fn every_part_is_signed_and_no_other_algorithm_accepted() {
        let token = sign(&keys(1), &claims());
        let parts: Vec<_> = token.split('.').collect();
        let mut more = claims();
        more.scope.push("b".into());
        let forged = [
            format!("{}.{}.{}", parts[0], encode(&more), parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!(
                "{}.{}.",
                BASE64.encode(r#"{"alg":"none","typ":"JWT"}"#),
                parts[1]
            ),
        ];
        for token in forged {
            assert_eq!(
                verify(&keys(1), &token, at(0)),
                Err(TokenError::Signature),
                "{token}"
            );
        }
        assert_eq!(verify(&keys(1), "a.b", at(0)), Err(TokenError::Malformed));
    }

    proptest! {
        #[test]
        fn never_panics(token in ".{0,60}") {
            prop_assert!(verify(&keys(1), &token, at(0)).is_err());
        }
    }
}
