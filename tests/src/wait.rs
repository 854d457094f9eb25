//! Waiting for a condition, never for a time.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. Generous: it is only used up by
/// tests that fail.
pub const LIMIT: Duration = Duration::from_mins(1);

const BETWEEN: Duration = Duration::from_millis(10);

/// Looks again and again until `look` finds something.
///
/// # Panics
/// After [`LIMIT`], naming `what` was waited for.
pub async fn eventually<T>(what: impl Display, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "waited {LIMIT:?} in vain: {what}");
        tokio::time::sleep(BETWEEN).await;
    }
}

/// [`eventually`] for a condition that needs no waiting to look at.
///
/// # Panics
/// After [`LIMIT`], naming `what` was waited for.
pub async fn holds(what: impl Display, mut condition: impl FnMut() -> bool) {
    eventually(what, async || condition().then_some(())).await;
}
