//! How long a role may act for a partition.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

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

/// What comes of `work`, unless the partition is `released` first. From that moment on nothing
/// more of it is done: what it waited for may have come at the same time, and an append that is
/// tried again must not begin then.
pub async fn unless_released<T>(
    released: &CancellationToken,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        () = released.cancelled() => None,
        done = work => Some(done),
    }
}

/// As [`unless_released`], for work that is done for several partitions: it ends when the first
/// of them is released.
pub async fn unless_any_released<T>(
    released: &[CancellationToken],
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut ends: Vec<_> = released
        .iter()
        .map(|one| Box::pin(one.cancelled()))
        .collect();
    let mut work = pin!(work);
    poll_fn(|cx| {
        if ends.iter_mut().any(|one| one.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(None);
        }
        work.as_mut().poll(cx).map(Some)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn nothing_more_is_done_once_it_is_released() {
        let (released, steps) = (CancellationToken::new(), Cell::new(0));
        let step = || {
            poll_fn(|_| {
                steps.set(steps.get() + 1);
                Poll::<()>::Pending
            })
        };
        let work = unless_released(&released, step());
        let work = async { tokio::join!(work, async { released.cancel() }) };
        assert_eq!(work.await.0, None);
        assert_eq!(steps.get(), 1);
        assert_eq!(unless_released(&released, step()).await, None);
        assert_eq!(steps.get(), 1);
        let held = CancellationToken::new();
        assert_eq!(unless_released(&held, async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn what_is_done_for_several_ends_with_the_first() {
        let (held, released) = (CancellationToken::new(), CancellationToken::new());
        let of = [held, released.clone()];
        assert_eq!(unless_any_released(&of, async { 7 }).await, Some(7));
        let steps = Cell::new(0);
        let work = poll_fn(|_| {
            steps.set(steps.get() + 1);
            Poll::<()>::Pending
        });
        let work = unless_any_released(&of, work);
        let work = async { tokio::join!(work, async { released.cancel() }) };
        assert_eq!(work.await.0, None);
        assert_eq!(steps.get(), 1);
    }

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
