//! Secrets of API clients: hashed, and verified at the same cost whoever asks.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use triggerfish_core::{Secret, Timestamp};

use crate::{error::ChangeError, model::Client};

/// Bytes of a client secret that are looked at; longer ones are refused.
const SECRET_BYTES_MAX: usize = 1024;

/// A hash with the parameters of all others, of a text that nobody knows. It
/// stands in for clients that do not exist.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm8gc3VjaCBjbGllbnQ$bm8gc3VjaCBjbGllbnQgYW5kIG5vIHN1Y2ggaGFzaCE";

impl Client {
    /// A client whose secret is kept as an Argon2id hash. Takes tens of
    /// milliseconds and 19 MiB: not for the threads of an async runtime.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] for an empty or overlong secret;
    /// [`ChangeError::Unavailable`] if the system yields no randomness.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        secret: &Secret,
        scopes: Vec<String>,
        created: Timestamp,
    ) -> Result<Self, ChangeError> {
        Ok(Self {
            id: id.into(),
            name: name.into(),
            secret_hash: hash(secret)?,
            scopes,
            created,
        })
    }
}

fn hash(secret: &Secret) -> Result<Secret, ChangeError> {
    let text = secret.expose().as_bytes();
    if text.is_empty() || text.len() > SECRET_BYTES_MAX {
        return Err(ChangeError::invalid(
            "clientSecret",
            "is empty or too long",
            format!("use 1 to {SECRET_BYTES_MAX} bytes"),
        ));
    }
    let hash = Argon2::default()
        .hash_password(text)
        .map_err(|error| ChangeError::Unavailable(format!("cannot hash a secret: {error}")))?;
    Ok(Secret::new(hash.to_string()))
}

/// Whether `claim` is the secret of `client`. Costs the same without a client.
pub(crate) fn is_secret_of(client: Option<&Client>, claim: &str) -> bool {
    let hash = client.map_or(NOBODY, |client| client.secret_hash.expose());
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    let claim = &claim.as_bytes()[..claim.len().min(SECRET_BYTES_MAX + 1)];
    Argon2::default().verify_password(claim, &hash).is_ok() && client.is_some()
}

/// What a client must be like to be kept.
pub(crate) fn check(client: &Client) -> Result<(), ChangeError> {
    let legal = |c: char| c.is_ascii_graphic() && c != ':';
    if client.id.is_empty() || client.id.len() > 200 || !client.id.chars().all(legal) {
        return Err(ChangeError::invalid(
            "id",
            "is not a client id",
            "use 1 to 200 printable ASCII characters without ':' and spaces",
        ));
    }
    if PasswordHash::new(client.secret_hash.expose()).is_err() {
        return Err(ChangeError::invalid(
            "secretHash",
            "is not a password hash",
            "make the client with Client::new",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(secret: &str) -> Client {
        let scopes = vec!["a".to_owned()];
        Client::new("ops", "Ops", &Secret::new(secret), scopes, Timestamp::EPOCH).unwrap()
    }

    #[test]
    fn a_client_is_known_by_its_secret_alone() {
        let client = client("s3cret");
        check(&client).unwrap();
        assert!(!client.secret_hash.expose().contains("s3cret"));
        assert!(!format!("{client:?}").contains("argon2"));
        assert!(is_secret_of(Some(&client), "s3cret"));
        for wrong in ["", "s3cre", "s3cret ", &"x".repeat(5000)] {
            assert!(!is_secret_of(Some(&client), wrong));
        }
        assert!(!is_secret_of(None, "s3cret"));
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let somebody = client("x");
        let somebody = PasswordHash::new(somebody.secret_hash.expose()).unwrap();
        let nobody = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(nobody.algorithm, somebody.algorithm);
        assert_eq!(nobody.params, somebody.params);
        assert_eq!(
            nobody.hash.unwrap().as_bytes().len(),
            somebody.hash.unwrap().as_bytes().len()
        );
    }

    #[test]
    fn unusable_clients_are_refused() {
        let with_id = |id: &str| Client {
            id: id.to_owned(),
            ..client("x")
        };
        for id in ["", "a b", "a:b", "ä", &"x".repeat(201)] {
            assert!(check(&with_id(id)).is_err(), "{id}");
        }
        let plain = Client {
            secret_hash: Secret::new("plain"),
            ..client("x")
        };
        assert!(check(&plain).is_err());
        assert!(Client::new("a", "a", &Secret::new(""), vec![], Timestamp::EPOCH).is_err());
    }
}
