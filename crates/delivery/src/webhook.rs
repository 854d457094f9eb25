//! Signatures of calls, after Standard Webhooks
//! (<https://github.com/standard-webhooks/standard-webhooks>).

use base64::{Engine, engine::general_purpose::STANDARD};
use triggerfish_core::{
    Secret, SubscriptionId, Timestamp,
    keys::{Purpose, ServerKeys, hmac},
    subscription::Signing,
};

/// Header with the invocation id, the same for all calls of one invocation.
pub const ID: &str = "webhook-id";
/// Header with the time of the call, in seconds since the epoch.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Header with the signatures.
pub const SIGNATURE: &str = "webhook-signature";

const PREFIX: &str = "whsec_";
/// The least that the standard allows for a key.
const KEY_BYTES_MIN: usize = 24;

/// The calls can't be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// No secret was given.
    #[error("signing secret is missing")]
    Missing,
    /// A secret that is not base64.
    #[error("signing secret is not whsec_ and base64")]
    Malformed,
    /// A secret of too few bytes.
    #[error("signing secret has fewer than {KEY_BYTES_MIN} bytes")]
    TooShort,
}

/// The signing secret of a subscription, as its owner is shown it.
///
/// Derived from the newest server key, so it is never stored; `generation` counts
/// the owner's rotations.
#[must_use]
pub fn signing_secret(keys: &ServerKeys, id: SubscriptionId, generation: u32) -> Secret {
    secret_of(&keys.newest(Purpose::WebhookSigning), id, generation)
}

/// All secrets that calls of the subscription or callback `id` at `now` are signed with: the newest, that of the
/// generation before while its overlap lasts, and both under older server keys, so
/// that neither kind of rotation breaks a subscriber that has not followed yet.
#[must_use]
pub fn signing_secrets(
    keys: &ServerKeys,
    id: SubscriptionId,
    signing: Signing,
    now: Timestamp,
) -> Vec<Secret> {
    let overlaps = signing.previous_until.is_some_and(|until| now < until);
    let previous = signing.generation.checked_sub(1).filter(|_| overlaps);
    keys.derive(Purpose::WebhookSigning)
        .flat_map(|key| {
            let generations = std::iter::once(signing.generation).chain(previous);
            generations.map(move |generation| secret_of(&key, id, generation))
        })
        .collect()
}

fn secret_of(key: &[u8; 32], id: SubscriptionId, generation: u32) -> Secret {
    let mac = hmac(key, &[id.0.as_bytes(), &generation.to_be_bytes()]);
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(mac)))
}

/// The value of [`SIGNATURE`]: one `v1` signature per secret, in their order.
/// `timestamp` is the value of [`TIMESTAMP`].
pub fn sign(
    secrets: &[Secret],
    id: &str,
    timestamp: u64,
    body: &[u8],
) -> Result<String, SigningError> {
    if secrets.is_empty() {
        return Err(SigningError::Missing);
    }
    let timestamp = timestamp.to_string();
    let mut value = String::with_capacity(secrets.len() * 48);
    for secret in secrets {
        let key = key_of(secret)?;
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        if !value.is_empty() {
            value.push(' ');
        }
        value.push_str("v1,");
        STANDARD.encode_string(hmac(&key, &parts), &mut value);
    }
    Ok(value)
}

fn key_of(secret: &Secret) -> Result<Vec<u8>, SigningError> {
    let text = secret.expose();
    let text = text.strip_prefix(PREFIX).unwrap_or(text);
    let key = STANDARD.decode(text).map_err(|_| SigningError::Malformed)?;
    if key.len() < KEY_BYTES_MIN {
        return Err(SigningError::TooShort);
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the standard's own libraries are tested with.
    #[test]
    fn published_vector() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        let one = sign(std::slice::from_ref(&secret), id, 1_614_265_330, body).unwrap();
        assert_eq!(one, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let other = Secret::new(format!("whsec_{}", STANDARD.encode([7; 32])));
        let two = sign(&[other, secret], id, 1_614_265_330, body).unwrap();
        let parts: Vec<_> = two.split(' ').collect();
        assert_eq!((parts.len(), parts[1]), (2, one.as_str()));
        assert_ne!(parts[0], one);
    }

    #[test]
    fn never_signs_with_too_little() {
        let sign_with = |text: &str| sign(&[Secret::new(text)], "id", 1, b"{}").unwrap_err();
        assert_eq!(sign(&[], "id", 1, b"{}"), Err(SigningError::Missing));
        assert_eq!(sign_with(""), SigningError::TooShort);
        assert_eq!(sign_with("whsec_"), SigningError::TooShort);
        assert_eq!(sign_with("whsec_AAAA"), SigningError::TooShort);
        assert_eq!(sign_with("whsec_*"), SigningError::Malformed);
    }
}
