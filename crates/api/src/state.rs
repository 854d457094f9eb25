//! What the handlers work with.

use std::{sync::Arc, time::Duration};

use triggerfish_core::{Secret, SubscriptionId, Timestamp, keys::ServerKeys};
use triggerfish_registry::Registry;

use crate::{
    mask::SecretFields,
    ports::{DeadLetters, Gate, Ingest, Invocations, Records, Timelines, Workers},
    rate_limit::RateLimiter,
};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Makes the signing secret of a subscription or callback for one generation, in the form
/// `whsec_...`.
pub type SigningSecret = Arc<dyn Fn(SubscriptionId, u32) -> Secret + Send + Sync>;

/// Everything the HTTP API needs.
#[derive(Clone)]
pub struct ApiState {
    /// Takes events in.
    pub ingest: Arc<dyn Ingest>,
    /// Knows and completes invocations.
    pub invocations: Arc<dyn Invocations>,
    /// Asks callbacks before actions, and tells them after.
    pub gate: Arc<dyn Gate>,
    /// Shows what is on the topics.
    pub records: Arc<dyn Records>,
    /// Tells the stories of invocations.
    pub timelines: Arc<dyn Timelines>,
    /// Knows the processes of the installation.
    pub workers: Arc<dyn Workers>,
    /// Shows dead letters and puts them back.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// Triggers, subscriptions, object types, callbacks, API clients.
    pub registry: Registry,
    /// Sign and verify access tokens, verify secrets of invocations.
    pub keys: ServerKeys,
    /// Numbers and switches.
    pub settings: Settings,
    /// Tells the time.
    pub clock: Clock,
    /// Makes signing secrets.
    pub signing_secret: SigningSecret,
}

/// Numbers and switches of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The base of the URLs in the API's own description, without a slash at the
    /// end.
    pub public_url: String,
    /// Bytes of a request body at most.
    pub body_bytes_max: usize,
    /// Rows of a page at most; also the default.
    pub page_rows_max: usize,
    /// Invocations that the status list can reach at most.
    pub status_rows_max: usize,
    /// Events of one batch at most.
    pub batch_events_max: usize,
    /// How long an access token is valid.
    pub token_lifetime: Duration,
    /// Triggers behind an event at most; beyond this it counts as a loop.
    pub depth_max: u32,
    /// How long the signing secret of before a rotation stays valid.
    pub signing_overlap: Duration,
    /// Fields of bodies whose values the history of callbacks does not show.
    pub secret_fields: SecretFields,
    /// Calls of one client at most; `None` is no limit.
    pub rate_limit: Option<RateLimit>,
}

/// Calls of one client to one version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls at most.
    pub calls: u32,
    /// In this time.
    pub window: Duration,
}

impl Default for Settings {
    /// The reference's numbers where it has any (reference 9); no rate limit.
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".into(),
            body_bytes_max: 1024 * 1024,
            page_rows_max: 250,
            status_rows_max: 2000,
            batch_events_max: 250,
            token_lifetime: Duration::from_mins(12),
            depth_max: 16,
            signing_overlap: Duration::from_hours(24),
            secret_fields: SecretFields::default(),
            rate_limit: None,
        }
    }
}

impl RateLimit {
    /// The reference's own limit: 100 calls in 10 seconds.
    pub const REFERENCE: Self = Self {
        calls: 100,
        window: Duration::from_secs(10),
    };
}

/// The state as the handlers share it.
pub(crate) type Shared = Arc<Inner>;

/// [`ApiState`], and what is kept between calls.
pub(crate) struct Inner {
    pub(crate) api: ApiState,
    pub(crate) limiter: Option<RateLimiter>,
}

impl Inner {
    pub(crate) fn new(api: ApiState) -> Shared {
        let limiter = api.settings.rate_limit.map(RateLimiter::new);
        Arc::new(Self { api, limiter })
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.api.clock)()
    }
}

impl std::ops::Deref for Inner {
    type Target = ApiState;

    fn deref(&self) -> &ApiState {
        &self.api
    }
}
