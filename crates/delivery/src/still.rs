//! Deadlines of a process that may have stood still.

use std::time::Duration;

use tokio::time::{self, Instant, error::Elapsed};

/// A deadline is noticed so late only by a process that was stopped, or starved.
const STILL: Duration = Duration::from_secs(1);
/// What came meanwhile is read in this time.
const GRACE: Duration = Duration::from_secs(1);

/// Waits for `future` until `deadline`. Who notices the deadline long after it has passed
/// stood still, and looks once more: the answer may have come meanwhile, and that it was not
/// read in time is no fault of the other side.
pub(crate) async fn timeout_at<F: Future>(
    deadline: Instant,
    future: F,
) -> Result<F::Output, Elapsed> {
    tokio::pin!(future);
    match time::timeout_at(deadline, &mut future).await {
        Err(_) if deadline.elapsed() >= STILL => time::timeout(GRACE, future).await,
        ended => ended,
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// Whether it ended in time, and after how long, if the clock jumps by `jump` and the
    /// answer is found `later`.
    async fn ended(jump: Duration, later: Duration) -> (bool, Duration) {
        let begun = Instant::now();
        let (answer, answered) = oneshot::channel();
        let waits = tokio::spawn(timeout_at(begun + LIMIT, answered));
        tokio::task::yield_now().await;
        time::advance(jump).await;
        let answers = tokio::spawn(async move {
            time::sleep(later).await;
            // Nobody may listen any more, which is what is looked at.
            let _ = answer.send(());
        });
        let is_in_time = waits.await.unwrap().is_ok();
        let took = begun.elapsed();
        answers.await.unwrap();
        (is_in_time, took)
    }

    #[tokio::test(start_paused = true)]
    async fn who_stood_still_looks_once_more() {
        let millis = Duration::from_millis;
        let cases = [
            // The clock goes as always.
            (millis(0), millis(9_900), true, millis(9_900)),
            (millis(0), millis(10_100), false, LIMIT),
            // A little late is late.
            (millis(10_900), millis(50), false, millis(10_900)),
            (millis(25_000), millis(50), true, millis(25_050)),
            (millis(25_000), millis(1_500), false, millis(26_000)),
        ];
        for (jump, later, in_time, took) in cases {
            let (is_in_time, has_taken) = ended(jump, later).await;
            assert_eq!(is_in_time, in_time, "{jump:?}, {later:?}");
            let difference = has_taken.abs_diff(took);
            assert!(
                difference < millis(20),
                "{jump:?}, {later:?}: {has_taken:?}"
            );
        }
    }
}
