//! The clock of one host: right, until somebody sets it.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::time::Instant;
use triggerfish_core::Timestamp;
use triggerfish_runtime::Clock;

/// When every world begins, in microseconds: 2023-11-14T22:13:20Z.
const BEGINNING: i64 = 1_700_000_000_000_000;

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct SimClock {
    began: Instant,
    /// By how many microseconds it is wrong.
    off: AtomicI64,
}

impl SimClock {
    /// A clock that is right in a world that began at `began`.
    #[must_use]
    pub(crate) const fn new(began: Instant) -> Self {
        Self {
            began,
            off: AtomicI64::new(0),
        }
    }

    /// Somebody sets it, by so many milliseconds.
    pub(crate) fn jump(&self, millis: i64) {
        self.off.fetch_add(millis * 1_000, Ordering::Relaxed);
    }

    /// Somebody sets it right.
    pub(crate) fn set_right(&self) {
        self.off.store(0, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(BEGINNING + passed + self.off.load(Ordering::Relaxed))
    }
}
