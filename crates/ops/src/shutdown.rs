//! How a process ends.
//!
//! SIGTERM or SIGINT: readiness fails, the root token is cancelled, whoever holds a
//! child of it stops taking work, and tasks on the tracker may finish until the
//! drain timeout. A second signal ends the process at once with the exit code the
//! signal stands for (130 for SIGINT, 143 for SIGTERM); that is safe at any moment,
//! since what was acknowledged is in the log.
//!
//! Every task that must be waited for is spawned on [`Shutdown::tracker`].

use std::{io, sync::mpsc, thread, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::health::Readiness;

/// The shutdown of a process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Shutdown {
    token: CancellationToken,
    tracker: TaskTracker,
    readiness: Readiness,
}

/// Whether everything was finished in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// All tasks have ended.
    Fully,
    /// So many were still running when the time was over. What they were doing will
    /// be done again by whoever comes next.
    TimedOut {
        /// Tasks still running.
        left: usize,
    },
}

impl Shutdown {
    /// A shutdown that signals begin.
    ///
    /// The signals are awaited in a thread of their own, so that the second one works
    /// even when every other thread is stuck.
    ///
    /// # Errors
    /// When the operating system refuses the handlers or the thread.
    pub fn install(readiness: Readiness) -> io::Result<Self> {
        let shutdown = Self::without_signals(readiness);
        let (installed, outcome) = mpsc::sync_channel(1);
        let begun = shutdown.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_io()
                    .build();
                let handlers = runtime.and_then(|runtime| {
                    let entered = runtime.enter();
                    let signals = Signals::new()?;
                    drop(entered);
                    Ok((runtime, signals))
                });
                match handlers {
                    Ok((runtime, signals)) => {
                        let _ = installed.send(Ok(()));
                        runtime.block_on(signals.end(&begun));
                    }
                    Err(error) => {
                        let _ = installed.send(Err(error));
                    }
                }
            })?;
        outcome
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the signal thread has ended")))?;
        Ok(shutdown)
    }

    /// A shutdown that only [`Shutdown::begin`] begins: for tests and short commands.
    #[must_use]
    pub fn without_signals(readiness: Readiness) -> Self {
        Self {
            token: CancellationToken::new(),
            tracker: TaskTracker::new(),
            readiness,
        }
    }

    /// Cancelled when the shutdown begins. Parts of the process take child tokens.
    #[must_use]
    pub const fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Where tasks are spawned that must end before the process may.
    #[must_use]
    pub const fn tracker(&self) -> &TaskTracker {
        &self.tracker
    }

    /// Begins the shutdown; a second time does nothing.
    pub fn begin(&self, reason: &str) {
        self.readiness.close();
        if !self.token.is_cancelled() {
            tracing::info!(reason, "shutting down");
            self.token.cancel();
        }
    }

    /// Waits until all tasks on the tracker have ended, at most for `timeout`.
    pub async fn wait_drained(&self, timeout: Duration) -> Drained {
        self.tracker.close();
        if tokio::time::timeout(timeout, self.tracker.wait())
            .await
            .is_ok()
        {
            return Drained::Fully;
        }
        let left = self.tracker.len();
        tracing::warn!(
            left,
            "the drain timeout is over; work in flight is abandoned and done again later (shutdown.drain_timeout)"
        );
        Drained::TimedOut { left }
    }
}

/// The two signals that ask a process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name and number of the next one.
    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
            _ = self.interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
        }
    }

    async fn end(mut self, shutdown: &Shutdown) {
        let (name, _) = self.next().await;
        shutdown.begin(name);
        let (name, number) = self.next().await;
        tracing::warn!(signal = name, "second signal: ending at once");
        std::process::exit(128 + number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_tasks_that_end_when_told() {
        let readiness = Readiness::new();
        let condition = readiness.condition("log");
        condition.met();
        let shutdown = Shutdown::without_signals(readiness.clone());
        let child = shutdown.token().child_token();
        shutdown
            .tracker()
            .spawn(async move { child.cancelled().await });
        assert!(readiness.is_ready());
        shutdown.begin("test");
        shutdown.begin("test");
        assert!(!readiness.is_ready());
        let drained = shutdown.wait_drained(Duration::from_mins(1)).await;
        assert_eq!(drained, Drained::Fully);
    }

    #[tokio::test]
    async fn gives_up_on_tasks_that_do_not_end() {
        let shutdown = Shutdown::without_signals(Readiness::new());
        shutdown.tracker().spawn(std::future::pending::<()>());
        shutdown.tracker().spawn(async {});
        shutdown.begin("test");
        let drained = shutdown.wait_drained(Duration::from_millis(50)).await;
        assert_eq!(drained, Drained::TimedOut { left: 1 });
    }
}
