//! What happened in a world, in order, and a digest of it.

use parking_lot::Mutex;
use tokio::time::Instant;
use xxhash_rust::xxh3::Xxh3;

/// See the head of the file. Two runs of one plan have the same digest.
pub(crate) struct History {
    began: Instant,
    told: Mutex<(Vec<String>, Xxh3)>,
}

impl History {
    /// Of a world that begins now.
    #[must_use]
    pub(crate) fn new(began: Instant) -> Self {
        Self {
            began,
            told: Mutex::new((Vec::new(), Xxh3::new())),
        }
    }

    /// Something happened.
    pub(crate) fn tell(&self, what: &str) {
        let line = format!("{:>9.3} s  {what}", self.began.elapsed().as_secs_f64());
        let mut told = self.told.lock();
        told.1.update(line.as_bytes());
        told.1.update(b"\n");
        told.0.push(line);
    }

    /// How many milliseconds have passed.
    #[must_use]
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The digest of everything so far.
    #[must_use]
    pub(crate) fn digest(&self) -> u64 {
        self.told.lock().1.digest()
    }

    /// Everything so far, a line each.
    #[must_use]
    pub(crate) fn lines(&self) -> Vec<String> {
        self.told.lock().0.clone()
    }
}
