//! The parts of a process, each a task that ends when it is told to.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How much longer than calls in flight a part may take for its end.
const END_WITHIN: Duration = Duration::from_secs(5);

/// What runs.
pub(super) struct Tasks {
    running: JoinSet<anyhow::Result<()>>,
    /// How long a part may take from the moment on at which it is told to end.
    patience: Duration,
}

impl Tasks {
    /// None yet; calls in flight get `drain_timeout`.
    pub(super) fn new(drain_timeout: Duration) -> Self {
        Self {
            running: JoinSet::new(),
            patience: drain_timeout + END_WITHIN,
        }
    }

    /// Runs a part, which ends by itself at the `stop` that it is given. One that waits for somebody else too long,
    /// a broker or a client, is cut off: what was acknowledged is in the log, and whoever takes
    /// over goes on from there.
    pub(super) fn add<F>(
        &mut self,
        part: &'static str,
        stop: &CancellationToken,
        run: impl FnOnce(CancellationToken) -> F,
    ) where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (run, stop, patience) = (run(stop.clone()), stop.clone(), self.patience);
        let late = async move {
            stop.cancelled().await;
            tokio::time::sleep(patience).await;
        };
        self.running.spawn(async move {
            tokio::select! {
                biased;
                ended = run => ended,
                () = late => {
                    tracing::warn!(part, ?patience, "it did not end in time and is cut off");
                    Ok(())
                }
            }
        });
    }

    /// How the next one ended; `None` when all have.
    pub(super) async fn next(&mut self) -> Option<anyhow::Result<()>> {
        let ended = self.running.join_next().await?;
        Some(ended.unwrap_or_else(|error| Err(error.into())))
    }
}
