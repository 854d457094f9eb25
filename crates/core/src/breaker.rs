//! The circuit breaker of one subscriber. Lives in memory, is not in the log.

use std::time::Duration;

use crate::time::Timestamp;

/// When a breaker opens and how long it stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it; 0 turns it off.
    pub failures_to_open: u32,
    /// First pause; doubles with every failed probe.
    pub pause: Duration,
    /// Longest pause.
    pub pause_max: Duration,
}

/// Closed: calls pass. Open: none do until the pause is over. Probing: one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Timestamp, pause: Duration },
    Probing { pause: Duration },
}

/// What the breaker says to a call that wants to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Go ahead.
    Pass,
    /// Go ahead alone: this call decides whether the breaker closes.
    Probe,
    /// Ask again at this time.
    Wait(Timestamp),
    /// A probe is out; ask again when it has come back.
    WaitForProbe,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: State::Closed { failures: 0 },
        }
    }

    /// Whether a call may start at `now`. A [`Admission::Probe`] takes the only place.
    pub fn admit(&mut self, now: Timestamp) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Pass,
            State::Open { until, pause } if now >= until => {
                self.state = State::Probing { pause };
                Admission::Probe
            }
            State::Open { until, .. } => Admission::Wait(until),
            State::Probing { .. } => Admission::WaitForProbe,
        }
    }

    /// The subscriber answered: it is alive.
    pub fn on_success(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// A call failed at `now`. Stragglers of before the opening change nothing.
    pub fn on_failure(&mut self, now: Timestamp) {
        self.state = match self.state {
            State::Closed { failures } => {
                let failures = failures.saturating_add(1);
                if self.policy.failures_to_open > 0 && failures >= self.policy.failures_to_open {
                    State::Open {
                        until: now.after(self.policy.pause),
                        pause: self.policy.pause,
                    }
                } else {
                    State::Closed { failures }
                }
            }
            State::Probing { pause } => {
                let pause = pause.saturating_mul(2).min(self.policy.pause_max);
                State::Open {
                    until: now.after(pause),
                    pause,
                }
            }
            open @ State::Open { .. } => open,
        };
    }

    /// Whether calls are held back.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: BreakerPolicy = BreakerPolicy {
        failures_to_open: 3,
        pause: Duration::from_secs(1),
        pause_max: Duration::from_secs(3),
    };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn opens_after_failures_in_a_row_only() {
        let mut breaker = Breaker::new(POLICY);
        for _ in 0..10 {
            breaker.on_failure(at(0));
            breaker.on_failure(at(0));
            breaker.on_success();
        }
        assert!(!breaker.is_open());
        (0..3).for_each(|_| breaker.on_failure(at(0)));
        assert_eq!(breaker.admit(at(0)), Admission::Wait(at(1)));
    }

    #[test]
    fn probes_once_and_backs_off() {
        let mut breaker = Breaker::new(POLICY);
        (0..3).for_each(|_| breaker.on_failure(at(0)));
        assert_eq!(breaker.admit(at(1)), Admission::Probe);
        assert_eq!(breaker.admit(at(1)), Admission::WaitForProbe);
        breaker.on_failure(at(1));
        assert_eq!(breaker.admit(at(2)), Admission::Wait(at(3)));
        assert_eq!(breaker.admit(at(3)), Admission::Probe);
        breaker.on_failure(at(3));
        assert_eq!(
            breaker.admit(at(5)),
            Admission::Wait(at(6)),
            "pause is capped"
        );
        assert_eq!(breaker.admit(at(6)), Admission::Probe);
        breaker.on_success();
        assert_eq!(breaker.admit(at(6)), Admission::Pass);
    }

    #[test]
    fn zero_turns_it_off() {
        let mut breaker = Breaker::new(BreakerPolicy {
            failures_to_open: 0,
            ..POLICY
        });
        (0..100).for_each(|_| breaker.on_failure(at(0)));
        assert_eq!(breaker.admit(at(0)), Admission::Pass);
    }
}
