//! Sessions: small signed texts, so that any process accepts them without state.
//!
//! A session is signed together with what it was opened by, the password or the hash of
//! the client's secret. Whoever changes that ends all sessions that it opened.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq as _};
use triggerfish_core::{
    Secret, Timestamp,
    keys::{Purpose, ServerKeys, hmac},
};

/// The longest text that is looked at.
const BYTES_MAX: usize = 2048;
const ID_BYTES: usize = 16;

/// What a session says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Like no other's.
    pub(crate) id: String,
    /// Who opened it.
    pub(crate) by: By,
    /// Seconds since the epoch: when it was opened.
    pub(crate) opened: u64,
    /// Seconds since the epoch: when it was last used.
    pub(crate) used: u64,
}

/// What a session was opened by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum By {
    /// The admin password.
    Admin,
    /// The viewer password.
    Viewer,
    /// An API client with this id.
    Client(String),
}

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) lifetime: Duration,
    pub(crate) idle: Duration,
}

impl Session {
    /// A new one. `None` if the system gives no random numbers.
    pub(crate) fn open(by: By, now: Timestamp) -> Option<Self> {
        let mut id = [0_u8; ID_BYTES];
        getrandom::fill(&mut id).ok()?;
        let now = seconds(now);
        Some(Self {
            id: BASE64.encode(id),
            by,
            opened: now,
            used: now,
        })
    }

    /// How long it still lasts unless it is used; zero when it is over.
    pub(crate) fn lasts(&self, limits: Limits, now: Timestamp) -> Duration {
        self.ends(limits)
            .saturating_sub(Duration::from_secs(seconds(now)))
    }

    /// When it ends unless it is used, since the epoch.
    pub(crate) fn ends(&self, limits: Limits) -> Duration {
        let unused = Duration::from_secs(self.used).saturating_add(limits.idle);
        unused.min(self.ends_at_last(limits))
    }

    fn ends_at_last(&self, limits: Limits) -> Duration {
        Duration::from_secs(self.opened).saturating_add(limits.lifetime)
    }

    /// The session as used now, where it is worth a new cookie.
    pub(crate) fn renewed(&self, limits: Limits, now: Timestamp) -> Option<Self> {
        let unused = Duration::from_secs(seconds(now).saturating_sub(self.used));
        (unused >= limits.idle / 20).then(|| Self {
            used: seconds(now),
            ..self.clone()
        })
    }

    /// The session as text, signed with the newest key together with `bond`.
    pub(crate) fn sign(&self, keys: &ServerKeys, bond: &Secret) -> String {
        let json = serde_json::to_vec(self).expect("texts and numbers can be written as JSON");
        let said = BASE64.encode(json);
        let key = keys.newest(Purpose::ConsoleSession);
        let signature = BASE64.encode(signature(&key, &said, bond));
        format!("{said}.{signature}")
    }

    /// The session that `text` is, if any of the keys signed it together with what
    /// `bond` says of its opener.
    pub(crate) fn verify(
        keys: &ServerKeys,
        text: &str,
        bond: impl FnOnce(&By, u64) -> Option<Secret>,
    ) -> Option<Self> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let (said, claim) = text.split_once('.')?;
        let session: Self = serde_json::from_slice(&BASE64.decode(said).ok()?).ok()?;
        let bond = bond(&session.by, session.opened)?;
        let claim = BASE64.decode(claim).ok()?;
        let mut known = Choice::from(0);
        for key in keys.derive(Purpose::ConsoleSession) {
            known |= signature(&key, said, &bond).as_slice().ct_eq(&claim);
        }
        bool::from(known).then_some(session)
    }
}

fn signature(key: &[u8], said: &str, bond: &Secret) -> [u8; 32] {
    hmac(key, &[said.as_bytes(), b".", bond.expose().as_bytes()])
}

fn seconds(at: Timestamp) -> u64 {
    at.as_millis() / 1000
}

/// Sessions that people have left here, until they would have ended by themselves.
/// Another process does not know of them; there a copy of the cookie would be good for
/// as long as it lasts.
#[derive(Default)]
pub(crate) struct Ended(Mutex<BTreeMap<String, Duration>>);

impl Ended {
    /// Notes the end of `session`.
    pub(crate) fn end(&self, session: &Session, limits: Limits, now: Timestamp) {
        let mut ended = self.0.lock();
        let now = Duration::from_secs(seconds(now));
        ended.retain(|_, until| *until > now);
        ended.insert(session.id.clone(), session.ends_at_last(limits));
    }

    /// Whether its owner has left it.
    pub(crate) fn has(&self, session: &Session) -> bool {
        self.0.lock().contains_key(&session.id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        lifetime: Duration::from_secs(1000),
        idle: Duration::from_secs(100),
    };

    fn keys(first: u8) -> ServerKeys {
        ServerKeys::new(&[vec![first; 32]]).unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn bond(text: &str) -> impl FnOnce(&By, u64) -> Option<Secret> {
        let bond = Secret::new(text);
        move |_, _| Some(bond)
    }

    #[test]
    fn is_signed_with_a_server_key_and_with_what_opened_it() {
        let session = Session::open(By::Admin, at(50)).unwrap();
        let text = session.sign(&keys(1), &Secret::new("pass"));
        let both = ServerKeys::new(&[vec![2; 32], vec![1; 32]]).unwrap();
        assert_eq!(
            Session::verify(&keys(1), &text, bond("pass")),
            Some(session.clone())
        );
        assert_eq!(Session::verify(&both, &text, bond("pass")), Some(session));
        assert_eq!(Session::verify(&keys(2), &text, bond("pass")), None);
        assert_eq!(Session::verify(&keys(1), &text, bond("changed")), None);
        assert_eq!(Session::verify(&keys(1), &text, |_, _| None), None);
    }

    #[test]
    fn nobody_becomes_another() {
        let session = Session::open(By::Viewer, at(50)).unwrap();
        let text = session.sign(&keys(1), &Secret::new("pass"));
        let (_, signature) = text.split_once('.').unwrap();
        let admin = Session {
            by: By::Admin,
            ..session
        };
        let said = BASE64.encode(serde_json::to_vec(&admin).unwrap());
        let forged = format!("{said}.{signature}");
        assert_eq!(Session::verify(&keys(1), &forged, bond("pass")), None);
    }

    #[test]
    fn ends_unused_and_ends_at_last() {
        let mut session = Session::open(By::Admin, at(0)).unwrap();
        assert_eq!(session.lasts(LIMITS, at(99)), Duration::from_secs(1));
        assert_eq!(session.lasts(LIMITS, at(100)), Duration::ZERO);
        assert_eq!(session.renewed(LIMITS, at(4)), None);
        for now in (50..1000).step_by(50) {
            session = session.renewed(LIMITS, at(now)).unwrap();
        }
        assert_eq!(session.lasts(LIMITS, at(960)), Duration::from_secs(40));
        assert_eq!(session.lasts(LIMITS, at(1000)), Duration::ZERO);
    }

    #[test]
    fn who_left_stays_out_until_it_ends_anyway() {
        let ended = Ended::default();
        let session = Session::open(By::Admin, at(0)).unwrap();
        let other = Session::open(By::Admin, at(0)).unwrap();
        ended.end(&session, LIMITS, at(10));
        assert!(ended.has(&session) && !ended.has(&other));
        ended.end(&other, LIMITS, at(1000));
        assert_eq!(ended.0.lock().len(), 1);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[A-Za-z0-9_.-]{0,80}") {
            prop_assert!(Session::verify(&keys(1), &text, bond("b")).is_none());
        }
    }
}
