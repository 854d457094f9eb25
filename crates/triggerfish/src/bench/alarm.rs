//! Waits as exact as the system has them. The timers of a runtime are a millisecond coarse,
//! which is much for a subscriber that takes a few.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Somebody who is to be woken.
type Sleeper = (Instant, oneshot::Sender<()>);

/// A thread that wakes whoever asks it to; it ends when this is dropped.
pub(super) struct Alarm {
    sleepers: Sender<Sleeper>,
}

impl Alarm {
    pub(super) fn start() -> Self {
        let (sleepers, asked) = channel();
        std::thread::spawn(move || wake(&asked));
        Self { sleepers }
    }

    pub(super) async fn sleep(&self, pause: Duration) {
        let (sleeper, woken) = oneshot::channel();
        let asked = self.sleepers.send((Instant::now() + pause, sleeper));
        if asked.is_ok() {
            // Nobody is woken for nothing: the thread lives as long as this.
            let _ = woken.await;
        }
    }
}

fn wake(asked: &Receiver<Sleeper>) {
    let mut sleeping: BTreeMap<(Instant, u64), oneshot::Sender<()>> = BTreeMap::new();
    // Tells sleepers apart who are to be woken at the same time.
    let mut number = 0;
    loop {
        let first = sleeping.first_key_value().map(|((due, _), _)| *due);
        let next = match first {
            Some(due) => asked.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok((due, sleeper)) => {
                number += 1;
                sleeping.insert((due, number), sleeper);
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = Instant::now();
                while let Some(first) = sleeping.first_entry()
                    && first.key().0 <= now
                {
                    // Who has gone meanwhile need not be woken.
                    let _ = first.remove().send(());
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_is_woken_before_the_time() {
        let alarm = Alarm::start();
        let pauses = [30, 10, 0, 20, 10].map(Duration::from_millis);
        let sleeping = pauses.map(|pause| {
            let alarm = &alarm;
            async move {
                let began = Instant::now();
                alarm.sleep(pause).await;
                began.elapsed() >= pause
            }
        });
        let woken = futures::future::join_all(sleeping).await;
        assert_eq!(woken, [true; 5]);
    }
}
