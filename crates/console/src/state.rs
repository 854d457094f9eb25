//! What the console works with.

use std::{sync::Arc, time::Duration};

use triggerfish_api::Clock;
use triggerfish_core::{Secret, Timestamp, keys::ServerKeys};
use triggerfish_registry::Registry;

use crate::{attempts::Attempts, session::Ended};

/// Everything the console needs.
#[derive(Clone)]
pub struct Console {
    /// API clients, who may sign in.
    pub registry: Registry,
    /// Sign and verify sessions.
    pub keys: ServerKeys,
    /// Passwords and limits.
    pub settings: Settings,
    /// Tells the time.
    pub clock: Clock,
}

/// Who may sign in besides API clients, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The base of the URLs by which browsers come, without a slash at the end.
    pub public_url: String,
    /// For people who may do everything.
    pub admin_password: Option<Secret>,
    /// For people who may only look.
    pub viewer_password: Option<Secret>,
    /// How long a session lasts at most.
    pub session_lifetime: Duration,
    /// How long a session lasts that nobody uses.
    pub session_idle: Duration,
}

/// The state as the handlers share it.
pub(crate) type Shared = Arc<State>;

/// [`Console`], and what is kept between calls.
pub(crate) struct State {
    pub(crate) console: Console,
    pub(crate) attempts: Attempts,
    pub(crate) ended: Ended,
}

impl State {
    pub(crate) fn new(console: Console) -> Shared {
        Arc::new(Self {
            console,
            attempts: Attempts::default(),
            ended: Ended::default(),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.console.clock)()
    }
}

impl std::ops::Deref for State {
    type Target = Console;

    fn deref(&self) -> &Console {
        &self.console
    }
}
