//! How long a role may act for a partition.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;
use triggerfish_log::Partition;

/// The partitions a role acts for. Each has a token that is cancelled when the
/// partition is released, and when the role itself is dropped: what a task of the role
/// still wanted to append then is appended by nobody (invariant I8).
#[derive(Debug, Default)]
pub struct Tenures(HashMap<Partition, CancellationToken>);

impl Tenures {
    /// A partition is running; its token.
    pub fn begin(&mut self, partition: Partition) -> CancellationToken {
        self.end(partition);
        let token = CancellationToken::new();
        self.0.insert(partition, token.clone());
        token
    }

    /// A partition is released.
    pub fn end(&mut self, partition: Partition) {
        if let Some(token) = self.0.remove(&partition) {
            token.cancel();
        }
    }

    /// The token of a partition that is running.
    #[must_use]
    pub fn of(&self, partition: Partition) -> Option<CancellationToken> {
        self.0.get(&partition).cloned()
    }
}

impl Drop for Tenures {
    fn drop(&mut self) {
        self.0.values().for_each(CancellationToken::cancel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_with_its_tenure_and_with_the_role() {
        let (one, two) = (Partition(1), Partition(2));
        let mut tenures = Tenures::default();
        assert!(tenures.of(one).is_none());
        tenures.begin(one);
        tenures.begin(two);
        let first = tenures.of(one).unwrap();
        tenures.end(one);
        assert!(first.is_cancelled() && tenures.of(one).is_none());
        tenures.begin(one);
        let second = tenures.of(one).unwrap();
        let other = tenures.of(two).unwrap();
        assert!(!second.is_cancelled() && !other.is_cancelled());
        drop(tenures);
        assert!(second.is_cancelled() && other.is_cancelled());
    }
}
