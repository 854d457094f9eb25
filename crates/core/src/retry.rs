//! When a failed call is made again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::id::InvocationId;

/// How often and how far apart calls are repeated. Pinned in the request, so that
/// a later change of settings never changes what the log means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryPolicy {
    /// Calls in all, the first included; 1 means no retry.
    pub max_attempts: u32,
    /// Wait before the second call, in milliseconds; doubles from call to call.
    pub initial_delay_ms: u64,
    /// Longest wait between two calls, in milliseconds; `Retry-After` is cut to it.
    pub max_delay_ms: u64,
}

impl RetryPolicy {
    /// One call, as the reference does for `REQUEST_RESPONSE`.
    pub const ONCE: Self = Self {
        max_attempts: 1,
        initial_delay_ms: 0,
        max_delay_ms: 0,
    };
    /// About ten hours of tries, the default for `FIRE_AND_FORGET`.
    pub const PERSISTENT: Self = Self {
        max_attempts: 20,
        initial_delay_ms: 1_000,
        max_delay_ms: 3_600_000,
    };

    /// How long to wait after call number `attempt` failed; `None` when it was the last.
    ///
    /// The wait lies between half and the whole of the exponential step; where in
    /// between follows from id and attempt, so every reader of the log agrees.
    /// A `Retry-After` lengthens the wait, up to `max_delay_ms`.
    #[must_use]
    pub fn delay_after(
        &self,
        id: InvocationId,
        attempt: u32,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(40);
        let step = self
            .initial_delay_ms
            .saturating_mul(1 << doublings)
            .min(self.max_delay_ms);
        let spread = xxh3_64_with_seed(id.as_bytes(), u64::from(attempt)) % (step / 2 + 1);
        let asked = retry_after.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
        let delay = (step - step / 2 + spread)
            .max(asked.min(self.max_delay_ms))
            .min(self.max_delay_ms);
        Some(Duration::from_millis(delay))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{id::InvocationKey, time::Timestamp};

    fn id(key: u64) -> InvocationId {
        InvocationId::new(Timestamp::EPOCH, 0, InvocationKey(key))
    }

    proptest! {
        #[test]
        fn delays_stay_in_bounds(key: u64, attempt: u32, max_attempts: u32, initial: u64, max: u64, after: Option<u64>) {
            let policy = RetryPolicy { max_attempts, initial_delay_ms: initial, max_delay_ms: max };
            let delay = policy.delay_after(id(key), attempt, after.map(Duration::from_millis));
            prop_assert_eq!(delay.is_none(), attempt >= max_attempts);
            if let Some(delay) = delay {
                prop_assert!(delay <= Duration::from_millis(max));
            }
        }
    }

    #[test]
    fn doubles_with_jitter_that_every_reader_shares() {
        let policy = RetryPolicy {
            max_attempts: 9,
            initial_delay_ms: 100,
            max_delay_ms: 1_000,
        };
        for (attempt, step) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (8, 1000)] {
            let delay = policy
                .delay_after(id(7), attempt, None)
                .unwrap()
                .as_millis();
            assert!(
                (step / 2..=step).contains(&delay),
                "attempt {attempt}: {delay}"
            );
            assert_eq!(
                policy
                    .delay_after(id(7), attempt, None)
                    .unwrap()
                    .as_millis(),
                delay
            );
        }
        let spread: std::collections::HashSet<_> = (0..50)
            .map(|key| policy.delay_after(id(key), 5, None))
            .collect();
        assert!(spread.len() > 20);
    }

    #[test]
    fn retry_after_is_honoured_within_the_policy() {
        let policy = RetryPolicy {
            max_attempts: 3,
            initial_delay_ms: 10,
            max_delay_ms: 5_000,
        };
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(policy.delay_after(id(1), 1, seconds(3)), seconds(3));
        assert_eq!(policy.delay_after(id(1), 1, seconds(3600)), seconds(5));
        assert_eq!(policy.delay_after(id(1), 3, seconds(1)), None);
    }
}
