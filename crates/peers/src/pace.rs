//! How long they are told to wait who ask for what can't be answered now.
//!
//! Each of them comes again, and refusing them takes time that whoever is behind needs to catch
//! up. So the more are refused, the longer they are told to wait: otherwise a great many who
//! wait for one partition could keep its owner from ever answering them.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(32);
/// Refusals in a second that take too little time to matter.
const FEW: u32 = 100;

/// Counts refusals by the second.
#[derive(Debug)]
pub(crate) struct Pace(Mutex<Second>);

#[derive(Debug)]
struct Second {
    began: Instant,
    refused: u32,
    wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(Second {
            began: Instant::now(),
            refused: 0,
            wait: WAIT_MIN,
        }))
    }
}

impl Pace {
    /// Somebody is refused: for how long.
    pub(crate) fn refuse(&self) -> Duration {
        let now = Instant::now();
        let mut second = self.0.lock();
        let over = now.duration_since(second.began).as_secs();
        if over > 0 {
            let wait = if second.refused > FEW {
                second.wait * 2
            } else {
                // Those after it brought none.
                second.wait / 2_u32.saturating_pow(u32::try_from(over).unwrap_or(u32::MAX))
            };
            *second = Second {
                began: now,
                refused: 0,
                wait: wait.clamp(WAIT_MIN, WAIT_MAX),
            };
        }
        second.refused += 1;
        second.wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wait at the end of a second with so many refusals.
    async fn second(pace: &Pace, refusals: u32) -> u64 {
        let waits = (0..refusals).map(|_| pace.refuse());
        let wait = waits.last().expect("some are refused");
        tokio::time::advance(Duration::from_secs(1)).await;
        wait.as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn the_more_are_refused_the_longer_they_wait() {
        let pace = Pace::default();
        for _ in 0..3 {
            assert_eq!(second(&pace, FEW).await, 1);
        }
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(second(&pace, FEW + 1).await);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 32, 32]);
        // The one before was full still.
        assert_eq!(second(&pace, 1).await, 32);
        assert_eq!(second(&pace, 1).await, 16);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(second(&pace, 1).await, 1);
    }
}
