//! The pace of an open loop: work begins when it is due, whether or not earlier work is over.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Tells when the next piece of work is due. Latencies count from there: who is held up by an
/// earlier piece has waited.
pub(super) struct Pace {
    next: Instant,
    every: Duration,
}

impl Pace {
    /// The first piece of work is due in `every`.
    pub(super) fn new(every: Duration) -> Self {
        let next = Instant::now() + every;
        Self { next, every }
    }

    /// Waits until the next piece of work is due, and tells since when it is. It blocks: the
    /// timers of a runtime are a millisecond too coarse for what is measured here, so this
    /// wants a thread of its own.
    pub(super) fn wait(&mut self) -> Instant {
        let due = self.next;
        self.next += self.every;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due
    }
}

/// For latencies in microseconds.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are allowed")
}

/// Adds how long it is since `began`.
pub(super) fn record(histogram: &mut Histogram<u64>, began: Instant) -> anyhow::Result<()> {
    let took = u64::try_from(began.elapsed().as_micros())?;
    Ok(histogram.record(took)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_was_held_up_is_due_since_its_turn() {
        let every = Duration::from_millis(2);
        let mut pace = Pace::new(every);
        let first = pace.wait();
        std::thread::sleep(5 * every);
        let late = [pace.wait(), pace.wait()];
        assert_eq!(late, [first + every, first + 2 * every]);
        assert!(late[1] < Instant::now());
    }
}
