//! Bounds on what the registry takes.

use std::{fmt, sync::Arc, time::Duration};

/// Characters of a name, unless a caller says otherwise.
pub(crate) const NAME_CHARS_MAX: usize = 255;

/// Judges the URL of a receiver; the error says what is wrong with it.
pub type UrlCheck = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Bounds on what the registry takes. A change of them never touches what is
/// in the registry already.
#[derive(Clone)]
pub struct Limits {
    /// Subscriptions of one `FIRE_AND_FORGET` trigger (reference 9: 50).
    pub fire_and_forget_subscriptions_max: usize,
    /// Subscriptions of one `REQUEST_RESPONSE` trigger (reference 9: 1).
    pub request_response_subscriptions_max: usize,
    /// Callbacks of one object type and timing.
    pub callbacks_max: usize,
    /// The longest `responseDeadline`; must stay below the log's retention.
    pub response_deadline_max: Duration,
    /// Characters of a name.
    pub name_chars_max: usize,
    /// Whether a URL may be called, as far as its text tells.
    pub check_url: UrlCheck,
}

impl Limits {
    /// The reference's numbers, with the two that only the caller knows.
    #[must_use]
    pub fn new(response_deadline_max: Duration, check_url: UrlCheck) -> Self {
        Self {
            fire_and_forget_subscriptions_max: 50,
            request_response_subscriptions_max: 1,
            response_deadline_max,
            callbacks_max: 50,
            name_chars_max: NAME_CHARS_MAX,
            check_url,
        }
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field(
                "fire_and_forget_subscriptions_max",
                &self.fire_and_forget_subscriptions_max,
            )
            .field(
                "request_response_subscriptions_max",
                &self.request_response_subscriptions_max,
            )
            .field("callbacks_max", &self.callbacks_max)
            .field("response_deadline_max", &self.response_deadline_max)
            .field("name_chars_max", &self.name_chars_max)
            .finish_non_exhaustive()
    }
}
