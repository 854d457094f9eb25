//! Who reads a large answer, and who waits meanwhile.

use std::time::Duration;

use tokio::{sync::Semaphore, time::timeout};

/// What is read of every answer as it comes: nearly all are smaller.
pub(crate) const AT_ONCE: usize = 16 * 1024;
/// How many go on with a larger one at the same time.
const READERS: usize = 4;
/// How long one of them may wait for more to come: whoever has to wait longer does not keep the
/// processors busy, and lets the next one go on.
const IDLE: Duration = Duration::from_millis(2);

/// Lets a few go on with large answers, in turn: a thousand of them that come at the same time
/// would keep the processors from everything else.
#[derive(Debug)]
pub(crate) struct Pace {
    turns: Semaphore,
}

impl Pace {
    pub(crate) fn new() -> Self {
        let turns = Semaphore::new(READERS);
        Self { turns }
    }

    /// What comes of `reading`, which is begun when it has its turn.
    pub(crate) async fn in_turn<T>(&self, reading: impl Future<Output = T>) -> T {
        tokio::pin!(reading);
        {
            let _turn = self.turns.acquire().await.expect("it is never closed");
            if let Ok(read) = timeout(IDLE, &mut reading).await {
                return read;
            }
        }
        reading.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::{
        task::{JoinSet, yield_now},
        time::{Instant, sleep},
    };

    use super::*;

    #[tokio::test]
    async fn a_few_read_at_the_same_time_and_each_has_its_turn() {
        const ANSWERS: usize = 100;
        const CHUNKS: usize = 8;
        let pace = Arc::new(Pace::new());
        let (reading, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let read = Arc::new(AtomicUsize::new(0));
        let mut answers = JoinSet::new();
        for _ in 0..ANSWERS {
            let (pace, read) = (Arc::clone(&pace), Arc::clone(&read));
            let (reading, most) = (Arc::clone(&reading), Arc::clone(&most));
            answers.spawn(async move {
                for _ in 0..CHUNKS {
                    let chunk = async {
                        let now = reading.fetch_add(1, Ordering::Relaxed) + 1;
                        most.fetch_max(now, Ordering::Relaxed);
                        yield_now().await;
                        reading.fetch_sub(1, Ordering::Relaxed);
                    };
                    pace.in_turn(chunk).await;
                    read.fetch_add(1, Ordering::Relaxed);
                }
                read.load(Ordering::Relaxed)
            });
        }
        let first_done = answers.join_next().await.unwrap().unwrap();
        assert!(
            first_done > ANSWERS * (CHUNKS - 1),
            "{first_done} chunks were read"
        );
        answers.join_all().await;
        assert_eq!(most.load(Ordering::Relaxed), READERS);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_for_more_hold_nobody_up() {
        let pace = Arc::new(Pace::new());
        let mut slow = JoinSet::new();
        for _ in 0..READERS * 10 {
            let pace = Arc::clone(&pace);
            slow.spawn(async move { pace.in_turn(sleep(Duration::from_hours(1))).await });
        }
        yield_now().await;
        let began = Instant::now();
        assert_eq!(pace.in_turn(async { 7 }).await, 7);
        let waited = began.elapsed();
        assert!(waited <= IDLE * 11, "{waited:?}");
    }
}
