//! Who is signed in, and what they may do.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use serde::Serialize;
use subtle::ConstantTimeEq as _;
use triggerfish_api::{Scope, granted};
use triggerfish_core::{Secret, keys::hmac};

use crate::{
    cookie::Cookie,
    session::{By, Limits, Session},
    state::State,
};

/// What somebody may do, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Look at everything that the console shows.
    Viewer,
    /// Change something at least.
    Admin,
}

/// What a viewer may do.
const VIEWER: [Scope; 3] = [
    Scope::SubscriptionsRead,
    Scope::StatusRead,
    Scope::RecordsRead,
];

impl By {
    /// The name that people see.
    pub(crate) fn shown(&self) -> &str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
            Self::Client(id) => id,
        }
    }

    /// The name that the API knows the caller by; a client's id has no colon before
    /// a kind of ours.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Admin => "console:password:admin".to_owned(),
            Self::Viewer => "console:password:viewer".to_owned(),
            Self::Client(id) => format!("console:client:{id}"),
        }
    }
}

impl State {
    pub(crate) fn cookie(&self) -> Cookie {
        Cookie::at(&self.settings.public_url)
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            lifetime: self.settings.session_lifetime,
            idle: self.settings.session_idle,
        }
    }

    /// Whose password it is. Takes the same time whatever the answer.
    pub(crate) fn by_password(&self, claim: &Secret) -> Option<By> {
        let is = |password: &Option<Secret>| {
            let digest = |text: &Secret| hmac(b"compare", &[text.expose().as_bytes()]);
            password
                .as_ref()
                .is_some_and(|password| digest(password).ct_eq(&digest(claim)).into())
        };
        let (admin, viewer) = (
            is(&self.settings.admin_password),
            is(&self.settings.viewer_password),
        );
        match (admin, viewer) {
            (true, _) => Some(By::Admin),
            (false, true) => Some(By::Viewer),
            (false, false) => None,
        }
    }

    /// What sessions are bound to that `by` opens; `None` when nobody is that any more.
    /// `opened` is when, in seconds since the epoch.
    pub(crate) fn bond(&self, by: &By, opened: u64) -> Option<Secret> {
        match by {
            By::Admin => self.settings.admin_password.clone(),
            By::Viewer => self.settings.viewer_password.clone(),
            By::Client(id) => {
                let snapshot = self.registry.snapshot();
                let client = snapshot.client(id)?;
                let is_same = client.created.as_millis() / 1000 <= opened;
                is_same.then(|| client.secret_hash.clone())
            }
        }
    }

    /// What they may do, as of now.
    pub(crate) fn scopes(&self, by: &By) -> BTreeSet<Scope> {
        match by {
            By::Admin => Scope::ALL.into(),
            By::Viewer => VIEWER.into(),
            By::Client(id) => {
                let snapshot = self.registry.snapshot();
                let scopes = snapshot.client(id).map(|client| client.scopes.clone());
                granted(scopes.iter().flatten().map(String::as_str))
            }
        }
    }

    /// The session whose cookie came with a request, if it is good now.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let text = self.cookie().read(headers)?;
        let bond = |by: &By, opened| self.bond(by, opened);
        let session = Session::verify(&self.keys, text, bond)?;
        let is_good =
            !session.lasts(self.limits(), self.now()).is_zero() && !self.ended.has(&session);
        is_good.then_some(session)
    }
}

/// The role that these scopes amount to.
pub(crate) fn role(scopes: &BTreeSet<Scope>) -> Role {
    if scopes.iter().all(|scope| VIEWER.contains(scope)) {
        Role::Viewer
    } else {
        Role::Admin
    }
}
