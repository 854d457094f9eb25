//! Keys derived from the server key, and the invocation secret.
//!
//! A secret is an HMAC of the invocation id, so any process can verify it
//! without state and none has to store it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use uuid::Uuid;

use crate::{id::InvocationId, secret::Secret};

/// What a derived key is for; each purpose has a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Secrets of invocations.
    InvocationSecret,
    /// Signatures of access tokens.
    AccessToken,
    /// Encryption of subscribers' credentials in the registry.
    RegistrySeal,
    /// Signing secrets of subscriptions.
    WebhookSigning,
    /// Signatures of questions among processes of one installation.
    PeerCall,
    /// Signatures of the console's session cookies.
    ConsoleSession,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::InvocationSecret => b"triggerfish invocation secret v1",
            Self::AccessToken => b"triggerfish access token v1",
            Self::RegistrySeal => b"triggerfish registry seal v1",
            Self::WebhookSigning => b"triggerfish webhook signing v1",
            Self::PeerCall => b"triggerfish peer call v1",
            Self::ConsoleSession => b"triggerfish console session v1",
        }
    }
}

/// The server keys: the first makes, all verify, so a key can be rotated.
#[derive(Clone)]
pub struct ServerKeys(Vec<[u8; 32]>);

/// Too little to be a server key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key given.
    #[error("at least one server key is needed")]
    Missing,
    /// A key shorter than 32 bytes.
    #[error("a server key must have at least 32 bytes")]
    TooShort,
}

impl ServerKeys {
    /// From raw keys, newest first.
    pub fn new(keys: &[Vec<u8>]) -> Result<Self, KeyError> {
        if keys.is_empty() {
            return Err(KeyError::Missing);
        }
        if keys.iter().any(|key| key.len() < 32) {
            return Err(KeyError::TooShort);
        }
        Ok(Self(
            keys.iter()
                .map(|key| hmac(key, &[b"triggerfish server key v1"]))
                .collect(),
        ))
    }

    /// The derived keys for `purpose`, newest first.
    pub fn derive(&self, purpose: Purpose) -> impl Iterator<Item = [u8; 32]> + '_ {
        self.0.iter().map(move |key| hmac(key, &[purpose.label()]))
    }

    /// The newest derived key for `purpose`.
    #[must_use]
    pub fn newest(&self, purpose: Purpose) -> [u8; 32] {
        hmac(&self.0[0], &[purpose.label()])
    }

    /// The secret of an invocation, in the form of a UUID like the reference's.
    #[must_use]
    pub fn invocation_secret(&self, id: InvocationId) -> Secret {
        Secret::new(secret_text(&self.newest(Purpose::InvocationSecret), id))
    }

    /// Whether `claim` is the secret of `id` under any of the keys; takes the same
    /// time whatever the answer.
    #[must_use]
    pub fn is_secret_of(&self, id: InvocationId, claim: &str) -> bool {
        let mut found = Choice::from(0);
        for key in self.derive(Purpose::InvocationSecret) {
            found |= secret_text(&key, id).as_bytes().ct_eq(claim.as_bytes());
        }
        found.into()
    }
}

impl std::fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerKeys({})", self.0.len())
    }
}

fn secret_text(key: &[u8; 32], id: InvocationId) -> String {
    let mac = hmac(key, &[id.as_bytes()]);
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&mac[..16]);
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .as_hyphenated()
        .encode_lower(&mut Uuid::encode_buffer())
        .to_owned()
}

/// HMAC-SHA256 of the concatenated `parts`.
#[must_use]
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::InvocationKey, time::Timestamp};

    fn id(key: u64) -> InvocationId {
        InvocationId::new(Timestamp::EPOCH, 3, InvocationKey(key))
    }

    #[test]
    fn secrets_verify_across_rotation() {
        let (old, new) = (vec![1; 32], vec![2; 32]);
        let before = ServerKeys::new(std::slice::from_ref(&old)).unwrap();
        let after = ServerKeys::new(&[new.clone(), old]).unwrap();
        let later = ServerKeys::new(&[new]).unwrap();
        let secret = before.invocation_secret(id(1));
        assert!(after.is_secret_of(id(1), secret.expose()));
        assert!(!later.is_secret_of(id(1), secret.expose()));
        assert!(!after.is_secret_of(id(2), secret.expose()));
        assert!(!after.is_secret_of(id(1), ""));
        assert_ne!(after.invocation_secret(id(1)), secret);
    }

    #[test]
    fn purposes_have_different_keys() {
        let keys = ServerKeys::new(&[vec![9; 40]]).unwrap();
        assert_ne!(
            keys.newest(Purpose::AccessToken),
            keys.newest(Purpose::RegistrySeal)
        );
    }

    #[test]
    fn weak_keys_are_refused() {
        assert_eq!(ServerKeys::new(&[]).unwrap_err(), KeyError::Missing);
        assert_eq!(
            ServerKeys::new(&[vec![0; 31]]).unwrap_err(),
            KeyError::TooShort
        );
    }
}
