//! Where "now" comes from.

use std::time::{SystemTime, UNIX_EPOCH};

use triggerfish_core::Timestamp;

/// Tells the time; a simulation has its own.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::EPOCH.after(since)
    }
}
