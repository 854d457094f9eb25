//! How well the log can be reached.

use std::ops::Range;
use std::time::Duration;

use crate::chance::Chance;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing of it happens, and the caller is told so.
    Before,
    /// A part of it happens, or all of it, and the caller is told that it may not have.
    Midway,
    /// It happens, and the caller is told that it may not have.
    After,
}

/// See the head of the file.
#[derive(Clone, Debug)]
pub struct Weather {
    /// What a call takes, in milliseconds; none at all if empty.
    pub lag: Range<u64>,
    /// One call in so many goes wrong; none if 0.
    pub trouble: u64,
    /// Whether every call goes wrong.
    pub is_down: bool,
    /// The most records that one poll brings.
    pub batch: usize,
    /// How long a session may take to give its partitions up.
    pub hand_over: Duration,
    chance: Chance,
}

impl Weather {
    /// Nothing takes time and nothing goes wrong.
    #[must_use]
    pub const fn fine(chance: Chance, hand_over: Duration) -> Self {
        Self {
            lag: 0..0,
            trouble: 0,
            is_down: false,
            batch: usize::MAX,
            hand_over,
            chance,
        }
    }

    pub(super) fn lag(&mut self) -> Duration {
        if self.lag.is_empty() {
            return Duration::ZERO;
        }
        let lag = self.lag.clone();
        // Now and then it takes much longer.
        let slow = if self.chance.once_in(50) { 20 } else { 1 };
        self.chance.millis(lag) * slow
    }

    pub(super) fn trouble(&mut self) -> Option<Trouble> {
        if self.is_down {
            return Some(Trouble::Before);
        }
        if self.trouble == 0 || !self.chance.once_in(self.trouble) {
            return None;
        }
        Some(
            self.chance
                .pick(&[Trouble::Before, Trouble::Midway, Trouble::After]),
        )
    }

    /// How many of so many there are, at least one.
    pub(super) fn some_of(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let some = self.chance.within(0..count.max(1)) + 1;
        usize::try_from(some).unwrap_or(usize::MAX)
    }
}
