//! Calls per client and API version (reference 2.4: 100 in 10 seconds).
//!
//! Counts in fixed windows: simple, bounded by the number of clients that ever got a
//! token, and a client gets at most twice its limit across the seam of two windows.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use triggerfish_core::Timestamp;

use crate::state::RateLimit;

/// The counters of all clients.
pub(crate) struct RateLimiter {
    limit: RateLimit,
    counters: Mutex<HashMap<Caller, Counter>>,
}

/// A client, and the version of the API that it calls.
#[derive(PartialEq, Eq, Hash)]
struct Caller {
    client: String,
    version: &'static str,
}

struct Counter {
    since: Timestamp,
    calls: u32,
}

impl RateLimiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            counters: Mutex::default(),
        }
    }

    /// Counts a call; `Err` says how long to wait.
    pub(crate) fn admit(&self, client: &str, path: &str, now: Timestamp) -> Result<(), Duration> {
        let caller = Caller {
            client: client.to_owned(),
            version: version(path),
        };
        let mut counters = self.counters.lock();
        let counter = counters.entry(caller).or_insert(Counter {
            since: now,
            calls: 0,
        });
        if counter.since.until(now) >= self.limit.window {
            *counter = Counter {
                since: now,
                calls: 0,
            };
        }
        if counter.calls >= self.limit.calls {
            return Err(now.until(counter.since.after(self.limit.window)));
        }
        counter.calls += 1;
        Ok(())
    }
}

/// The version that a path belongs to.
fn version(path: &str) -> &'static str {
    let first = path.trim_start_matches('/').split('/').next();
    crate::router::PREFIXES
        .into_iter()
        .find(|prefix| prefix.trim_start_matches('/') == first.unwrap_or_default())
        .unwrap_or("/v1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_each_client_and_version_and_forgets() {
        let limiter = RateLimiter::new(RateLimit {
            calls: 2,
            window: Duration::from_secs(10),
        });
        let admit =
            |client, path, millis| limiter.admit(client, path, Timestamp::from_millis(millis));
        assert!(admit("a", "/v2025/triggers", 0).is_ok());
        assert!(admit("a", "/v2025/trigger-subscriptions", 3_000).is_ok());
        assert_eq!(
            admit("a", "/v2025/triggers", 4_000),
            Err(Duration::from_secs(6))
        );
        assert!(admit("a", "/v2024/triggers", 4_000).is_ok());
        assert!(admit("a", "/triggers/v1", 4_000).is_ok());
        assert!(admit("b", "/v2025/triggers", 4_000).is_ok());
        assert!(admit("a", "/v2025/triggers", 10_000).is_ok());
    }
}
