//! What a partition has seen since it runs here; for people, and gone with the process.

use triggerfish_core::{Invocation, Outcome};

/// How many invocations have begun and ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that were requested.
    pub requested: u64,
    /// Those that were completed.
    pub completed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that expired.
    pub expired: u64,
}

impl Tally {
    /// Counts what the record at `offset` made of `invocation`.
    pub(crate) fn count(&mut self, invocation: &Invocation, offset: u64) {
        if invocation.offset == offset {
            self.requested += 1;
        }
        let closing = invocation.closing();
        if let Some(closing) = closing.filter(|closing| closing.offset == offset) {
            match closing.outcome {
                Outcome::Completed(_) => self.completed += 1,
                Outcome::Failed { .. } => self.failed += 1,
                Outcome::Expired { .. } => self.expired += 1,
            }
        }
    }
}
