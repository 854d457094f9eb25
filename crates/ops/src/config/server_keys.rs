//! The server keys: from the settings, from a file, or made on the first start.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use triggerfish_core::keys::{KeyError, ServerKeys};

use super::Security;

/// The file in the data folder that holds a key made by us.
const FILE: &str = "server.key";

/// With or without padding, as tools differ in that.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Why there are no server keys.
#[derive(Debug, thiserror::Error)]
pub enum ServerKeysError {
    /// The settings name none, and this process may not make one.
    #[error(
        "no server key: set security.keys (TRIGGERFISH_SECURITY__KEYS) or security.key_file to the same keys in all processes; make one with `openssl rand -base64 32`"
    )]
    NotSet,
    /// The file can't be read.
    #[error("can't read server keys from {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A new key can't be kept.
    #[error("can't keep a new server key in {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is there is not a key.
    #[error(
        "{place}: every key must be base64 of at least 32 bytes; make one with `openssl rand -base64 32`"
    )]
    NotAKey {
        /// The file or setting.
        place: String,
    },
    /// The system has no randomness.
    #[error("can't make a server key: {0}")]
    NoRandomness(getrandom::Error),
}

/// What to do when the settings name no key.
#[derive(Clone, Copy, Debug)]
pub enum MissingKey<'a> {
    /// Keep one of our own in this folder: a single process, or processes that
    /// share the folder.
    MakeIn(&'a Path),
    /// Refuse: several processes need the same key.
    Refuse,
}

/// The server keys that the settings ask for.
///
/// # Errors
/// See [`ServerKeysError`]; none of them quotes a key.
pub fn server_keys(
    security: &Security,
    missing: MissingKey<'_>,
) -> Result<ServerKeys, ServerKeysError> {
    if !security.keys.is_empty() {
        let texts = security.keys.iter().map(triggerfish_core::Secret::expose);
        return decode(texts).and_then(|raw| keys(&raw)).map_err(|NotAKey| {
            ServerKeysError::NotAKey {
                place: "security.keys".to_owned(),
            }
        });
    }
    match (&security.key_file, missing) {
        (Some(path), _) => from_file(path),
        (None, MissingKey::MakeIn(folder)) => {
            let path = folder.join(FILE);
            if !path.exists() {
                make(folder, &path)?;
            }
            from_file(&path)
        }
        (None, MissingKey::Refuse) => Err(ServerKeysError::NotSet),
    }
}

/// Text that is not a key; says nothing about the text.
#[derive(Debug)]
pub(super) struct NotAKey;

/// Raw keys from base64, in the standard or the URL-safe alphabet.
pub(super) fn decode<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<Vec<u8>>, NotAKey> {
    texts
        .map(|text| {
            [alphabet::STANDARD, alphabet::URL_SAFE]
                .iter()
                .find_map(|alphabet| {
                    GeneralPurpose::new(alphabet, LENIENT)
                        .decode(text.trim())
                        .ok()
                })
                .filter(|key| key.len() >= 32)
                .ok_or(NotAKey)
        })
        .collect()
}

fn keys(raw: &[Vec<u8>]) -> Result<ServerKeys, NotAKey> {
    ServerKeys::new(raw).map_err(|(KeyError::Missing | KeyError::TooShort)| NotAKey)
}

fn from_file(path: &Path) -> Result<ServerKeys, ServerKeysError> {
    let text = std::fs::read_to_string(path).map_err(|source| ServerKeysError::Read {
        path: path.to_owned(),
        source,
    })?;
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    decode(lines)
        .and_then(|raw| keys(&raw))
        .map_err(|NotAKey| ServerKeysError::NotAKey {
            place: path.display().to_string(),
        })
}

/// Makes a key that survives a loss of power before anything is sealed with it, and
/// that only this user can read. If another process was faster, its key stays.
fn make(folder: &Path, path: &Path) -> Result<(), ServerKeysError> {
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).map_err(ServerKeysError::NoRandomness)?;
    let written = || -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let draft = folder.join(format!("{FILE}.{}", std::process::id()));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        writeln!(file, "{}", STANDARD.encode(key))?;
        file.sync_all()?;
        let linked = match std::fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        };
        std::fs::remove_file(&draft)?;
        linked?;
        File::open(folder)?.sync_all()
    };
    written().map_err(|source| ServerKeysError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use triggerfish_core::{Secret, keys::Purpose};

    use super::*;

    fn newest(keys: &ServerKeys) -> [u8; 32] {
        keys.newest(Purpose::AccessToken)
    }

    #[test]
    fn makes_a_private_key_once() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let security = Security::default();
        let first = server_keys(&security, MissingKey::MakeIn(&data)).unwrap();
        let again = server_keys(&security, MissingKey::MakeIn(&data)).unwrap();
        assert_eq!(newest(&first), newest(&again));
        let names: Vec<_> = std::fs::read_dir(&data)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["server.key"]);
        let mode = data
            .join("server.key")
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(
            server_keys(&security, MissingKey::Refuse),
            Err(ServerKeysError::NotSet)
        ));
    }

    #[test]
    fn reads_keys_from_settings_and_from_a_file_alike() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (STANDARD.encode([0xfb; 32]), STANDARD.encode([2; 48]));
        let file = folder.path().join("keys");
        std::fs::write(&file, format!("# newest first\n{new}\n\n{old}\n")).unwrap();
        let in_file = Security {
            key_file: Some(file),
            ..Security::default()
        };
        let url_safe = new.replace('+', "-").replace('/', "_").replace('=', "");
        let listed = Security {
            keys: vec![Secret::new(url_safe), Secret::new(old)],
            ..Security::default()
        };
        let (a, b) = (
            server_keys(&in_file, MissingKey::Refuse).unwrap(),
            server_keys(&listed, MissingKey::Refuse).unwrap(),
        );
        assert_eq!(newest(&a), newest(&b));
        assert_eq!(a.derive(Purpose::AccessToken).count(), 2);
    }

    #[test]
    fn a_damaged_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.key");
        std::fs::write(&file, "c2hvcnQ=").unwrap();
        let error = server_keys(&Security::default(), MissingKey::MakeIn(folder.path()))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("server.key") && error.contains("32 bytes"),
            "{error}"
        );
        assert!(!error.contains("c2hvcnQ"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "c2hvcnQ=");
    }
}
