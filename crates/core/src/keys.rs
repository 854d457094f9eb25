//! Keys derived from the server key, and the invocation secret.
//!
//! A secret is an HMAC of the invocation id, so any process can verify it
//! without state and none has to store it.

use std::sync::Arc;

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
    /// In the order in which they are declared, which is that of [`Derived`].
    const ALL: [Self; 6] = [
        Self::InvocationSecret,
        Self::AccessToken,
        Self::RegistrySeal,
        Self::WebhookSigning,
        Self::PeerCall,
        Self::ConsoleSession,
    ];

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

/// What is derived from one server key: a key for each purpose.
type Derived = [[u8; 32]; Purpose::ALL.len()];

/// The server keys: the first makes, all verify, so a key can be rotated.
#[derive(Clone)]
pub struct ServerKeys(Arc<[Derived]>);

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
        let derived = |key: &Vec<u8>| {
            let key = hmac(key, &[b"triggerfish server key v1"]);
            Purpose::ALL.map(|purpose| hmac(&key, &[purpose.label()]))
        };
        Ok(Self(keys.iter().map(derived).collect()))
    }

    /// The derived keys for `purpose`, newest first.
    pub fn derive(&self, purpose: Purpose) -> impl Iterator<Item = [u8; 32]> + '_ {
        self.0.iter().map(move |keys| keys[purpose as usize])
    }

    /// The newest derived key for `purpose`.
    #[must_use]
    pub fn newest(&self, purpose: Purpose) -> [u8; 32] {
        self.0[0][purpose as usize]
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
    fn each_purpose_has_a_key_of_its_own() {
        let raw = vec![9; 40];
        let keys = ServerKeys::new(std::slice::from_ref(&raw)).unwrap();
        let server_key = hmac(&raw, &[b"triggerfish server key v1"]);
        for purpose in Purpose::ALL {
            let key = hmac(&server_key, &[purpose.label()]);
            assert_eq!(keys.newest(purpose), key, "{purpose:?}");
            let others = Purpose::ALL.into_iter().filter(|other| *other != purpose);
            assert!(
                others
                    .map(|other| keys.newest(other))
                    .all(|other| other != key)
            );
        }
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
