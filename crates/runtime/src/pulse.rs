//! Notices that the loop stood still.
//!
//! A process that was stopped and goes on believes that it owns what it owned before,
//! until its session has heard otherwise. In between it could tell people what has long
//! changed, and make calls that another has made, so for a moment it does neither.

use std::time::Duration;

use tokio::time::Instant;

/// Less than any group waits before it gives partitions of a silent member away.
const STILL: Duration = Duration::from_secs(4);
/// In this time of polling a session hears that it has lost what it owned.
const SETTLE: Duration = Duration::from_secs(1);

/// When the loop last went round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    last: Instant,
    in_doubt_until: Option<Instant>,
}

impl Pulse {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            last: now,
            in_doubt_until: None,
        }
    }

    /// The loop goes round, so it hears what its session has to say.
    pub(crate) fn beat(&mut self, now: Instant) {
        let stood_still = now.saturating_duration_since(self.last);
        self.last = now;
        if stood_still >= STILL {
            tracing::warn!(
                ?stood_still,
                "the loop stood still; questions and calls wait until the group has been heard"
            );
            self.in_doubt_until = Some(now + SETTLE);
        }
        self.in_doubt_until = self.in_doubt_until.filter(|until| now < *until);
    }

    /// Whether the loop may answer questions and act: what it knows is what its session knew a
    /// moment ago. To be asked right before it matters, since the loop can stand still anywhere.
    pub(crate) fn is_sure(&self, now: Instant) -> bool {
        let since_last = now.saturating_duration_since(self.last);
        since_last < STILL && self.in_doubt_until.is_none_or(|until| now >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_standing_still_nobody_is_answered_for_a_moment() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pulse = Pulse::new(start);
        let beats = [
            (250, true),
            (4_000, true),
            (8_000, false),
            (8_999, false),
            (9_000, true),
            (20_000, false),
            // Standing still again while in doubt begins the doubt anew.
            (24_500, false),
            (25_400, false),
            (25_500, true),
        ];
        for (millis, sure) in beats {
            pulse.beat(at(millis));
            assert_eq!(pulse.is_sure(at(millis)), sure, "at {millis} ms");
        }
    }

    #[test]
    fn while_it_stands_still_it_is_sure_for_a_moment_only() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pulse = Pulse::new(start);
        assert!(pulse.is_sure(at(3_999)));
        assert!(!pulse.is_sure(at(4_000)));
        assert!(!pulse.is_sure(at(6_000)), "nothing was heard meanwhile");
        pulse.beat(at(6_000));
        assert!(!pulse.is_sure(at(6_999)));
        assert!(pulse.is_sure(at(7_000)));
    }
}
