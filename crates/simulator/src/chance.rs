//! Numbers that a seed stands for.

use std::ops::Range;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Draws numbers; from one seed always the same ones (`splitmix64`).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The numbers of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The numbers of `seed` for one thing, whatever else is drawn.
    #[must_use]
    pub fn of(seed: u64, thing: &[u8]) -> Self {
        Self(xxh3_64_with_seed(thing, seed))
    }

    /// Any number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from the range.
    pub const fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// True once in so many times.
    pub const fn once_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }

    /// A time from the range, which is in milliseconds.
    pub const fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// One of them.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<T: Copy>(&mut self, some: &[T]) -> T {
        let count = u64::try_from(some.len()).unwrap_or(u64::MAX);
        let index = usize::try_from(self.within(0..count)).unwrap_or_default();
        some[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_stands_for_its_numbers() {
        let draw = |mut chance: Chance| [chance.next(), chance.next(), chance.next()];
        assert_eq!(draw(Chance::new(7)), draw(Chance::new(7)));
        assert_ne!(draw(Chance::new(7)), draw(Chance::new(8)));
        assert_ne!(draw(Chance::of(7, b"a")), draw(Chance::of(7, b"b")));
        let mut chance = Chance::new(1);
        let all: std::collections::BTreeSet<_> = (0..200).map(|_| chance.within(3..8)).collect();
        assert_eq!(all, (3..8).collect());
    }
}
