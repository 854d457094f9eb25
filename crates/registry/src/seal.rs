//! Sealing of receivers' credentials in the topic.
//!
//! ChaCha20-Poly1305 under keys derived from the server keys. The id of the
//! subscription or callback is part of what is authenticated, so a sealed
//! credential copied to another one does not open.

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use chacha20poly1305::{
    ChaCha20Poly1305, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use triggerfish_core::{
    Secret, SubscriptionId,
    keys::{Purpose, ServerKeys, hmac},
    subscription::HttpConfig,
};

const PREFIX: &str = "sealed:v1:";
const NONCE_BYTES: usize = 12;

/// Randomness for sealing, drawn by the caller.
pub(crate) type Salt = [u8; 32];

/// Seals and opens credentials.
pub(crate) struct Sealer {
    /// Newest first.
    keys: Vec<[u8; 32]>,
}

impl Sealer {
    pub(crate) fn new(keys: &ServerKeys) -> Self {
        Self {
            keys: keys.derive(Purpose::RegistrySeal).collect(),
        }
    }

    /// Seals every credential of `http`, which belongs to `id`. One that is missing
    /// is taken, sealed as it is, from `present`.
    pub(crate) fn seal_all(
        &self,
        http: &mut HttpConfig,
        id: SubscriptionId,
        present: Option<&HttpConfig>,
        salt: &Salt,
    ) {
        let mut kept = Kept::of(present);
        if let Some(basic) = &mut http.basic_auth_config {
            basic.password = self.seal_or_keep(basic.password.take(), &mut kept.password, id, salt);
        }
        if let Some(bearer) = &mut http.bearer_token_auth_config {
            bearer.bearer_token =
                self.seal_or_keep(bearer.bearer_token.take(), &mut kept.token, id, salt);
        }
    }

    fn seal_or_keep(
        &self,
        given: Option<Secret>,
        kept: &mut Option<Secret>,
        id: SubscriptionId,
        salt: &Salt,
    ) -> Option<Secret> {
        match given {
            Some(secret) => Some(self.seal(&secret, id, salt)),
            None => kept.take(),
        }
    }

    /// Seals one credential.
    ///
    /// The nonce hashes salt and text together, so that even a salt used for two
    /// texts gives two nonces.
    fn seal(&self, secret: &Secret, id: SubscriptionId, salt: &Salt) -> Secret {
        let text = secret.expose().as_bytes();
        let key = &self.keys[0];
        let digest = hmac(key, &[salt, id.0.as_bytes(), text]);
        let mut nonce = [0_u8; NONCE_BYTES];
        nonce.copy_from_slice(&digest[..NONCE_BYTES]);
        let payload = Payload {
            msg: text,
            aad: id.0.as_bytes(),
        };
        let cipher = ChaCha20Poly1305::new(&(*key).into());
        let sealed = cipher
            .encrypt(&Nonce::from(nonce), payload)
            .expect("a credential is far below the cipher's limit of 256 GiB");
        let bytes = [nonce.as_slice(), &sealed].concat();
        Secret::new(format!("{PREFIX}{}", BASE64_STANDARD_NO_PAD.encode(bytes)))
    }

    /// Opens the credentials of `http`, which belongs to `id`. Those that do not
    /// open become blank, and then it says false.
    pub(crate) fn open_all(&self, http: &mut HttpConfig, id: SubscriptionId) -> bool {
        let mut complete = true;
        for slot in http.secrets_mut() {
            if let Some(sealed) = slot.take() {
                *slot = self.open(&sealed, id);
                complete &= slot.is_some();
            }
        }
        complete
    }

    fn open(&self, sealed: &Secret, id: SubscriptionId) -> Option<Secret> {
        let text = sealed.expose().strip_prefix(PREFIX)?;
        let bytes = BASE64_STANDARD_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        self.keys.iter().find_map(|key| {
            let payload = Payload {
                msg: sealed,
                aad: id.0.as_bytes(),
            };
            let cipher = ChaCha20Poly1305::new(&(*key).into());
            let text = cipher.decrypt(&Nonce::from(nonce), payload).ok()?;
            Some(Secret::new(String::from_utf8(text).ok()?))
        })
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.keys.len())
    }
}

/// Sealed credentials that are there already.
#[derive(Default)]
struct Kept {
    password: Option<Secret>,
    token: Option<Secret>,
}

impl Kept {
    fn of(present: Option<&HttpConfig>) -> Self {
        let Some(http) = present else {
            return Self::default();
        };
        let basic = http.basic_auth_config.as_ref();
        let bearer = http.bearer_token_auth_config.as_ref();
        Self {
            password: basic.and_then(|basic| basic.password.clone()),
            token: bearer.and_then(|bearer| bearer.bearer_token.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn sealer(keys: &[u8]) -> Sealer {
        let keys: Vec<_> = keys.iter().map(|byte| vec![*byte; 32]).collect();
        Sealer::new(&ServerKeys::new(&keys).unwrap())
    }

    fn id(n: u128) -> SubscriptionId {
        SubscriptionId(Uuid::from_u128(n))
    }

    #[test]
    fn opens_under_any_key_and_only_for_its_subscription() {
        let secret = Secret::new("hunter2 ✓");
        let sealed = sealer(&[1]).seal(&secret, id(1), &[7; 32]);
        assert!(!sealed.expose().contains("hunter2"));
        assert_eq!(sealer(&[2, 1]).open(&sealed, id(1)), Some(secret));
        assert_eq!(sealer(&[2, 1]).open(&sealed, id(2)), None);
        assert_eq!(sealer(&[2]).open(&sealed, id(1)), None);
    }

    #[test]
    fn garbage_does_not_open() {
        let whole = sealer(&[1]).seal(&Secret::new("x"), id(1), &[0; 32]);
        for text in ["", "hunter2", PREFIX, "sealed:v1:AAAA", "sealed:v1:%%"] {
            assert_eq!(sealer(&[1]).open(&Secret::new(text), id(1)), None, "{text}");
        }
        let text = whole.expose();
        for end in 0..text.len() {
            assert_eq!(sealer(&[1]).open(&Secret::new(&text[..end]), id(1)), None);
        }
    }

    #[test]
    fn nonces_differ_by_salt_and_by_text() {
        let box_of = sealer(&[1]);
        let nonce = |text: &str, salt: Salt| {
            let sealed = box_of.seal(&Secret::new(text), id(1), &salt);
            sealed.expose()[PREFIX.len()..PREFIX.len() + 16].to_owned()
        };
        assert_ne!(nonce("a", [1; 32]), nonce("b", [1; 32]));
        assert_ne!(nonce("a", [1; 32]), nonce("a", [2; 32]));
    }
}
