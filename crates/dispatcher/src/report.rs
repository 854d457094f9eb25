//! Appends what was seen of calls, those that end at the same time together.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::{task::yield_now, time::sleep};
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};
use triggerfish_core::{AttemptReport, Failure, FailureKind, InvocationId, Observation, Reply};
use triggerfish_log::{Appender, LogError};
use triggerfish_runtime::{Observer, unless_any_released};

const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Reports on their way into the log. Clones share it.
#[derive(Clone)]
pub(crate) struct Reports<A> {
    observer: Observer<A>,
    waiting: Arc<Mutex<Vec<Report>>>,
}

/// What came of one call, for as long as its partition is not released.
pub(crate) struct Report {
    pub(crate) id: InvocationId,
    pub(crate) seen: AttemptReport,
    pub(crate) released: CancellationToken,
    /// Dropped when the report is in the log, or nobody's affair any more.
    #[expect(dead_code, reason = "held, not read")]
    pub(crate) under_way: TaskTrackerToken,
}

impl<A: Appender> Reports<A> {
    pub(crate) fn new(observer: Observer<A>) -> Self {
        Self {
            observer,
            waiting: Arc::default(),
        }
    }

    /// Appends `report`, or leaves it to another call that is just about to append its own:
    /// whoever finds nobody waiting takes along those who come meanwhile.
    pub(crate) async fn append(&self, report: Report) {
        let is_first = {
            let mut waiting = self.waiting.lock();
            waiting.push(report);
            waiting.len() == 1
        };
        if is_first {
            yield_now().await;
            let together = std::mem::take(&mut *self.waiting.lock());
            self.append_all(together).await;
        }
    }

    /// One that is larger than the log takes is alone to blame for it.
    async fn append_all(&self, mut reports: Vec<Report>) {
        let Err(error) = self.append_surely(&mut reports).await else {
            return;
        };
        if let LogError::TooLarge { .. } = error {
            for report in reports {
                self.append_alone(report).await;
            }
            return;
        }
        for Report { id: invocation, .. } in &reports {
            tracing::error!(%invocation, %error, "the report of a call was not appended; the call is made again after a restart");
        }
    }

    /// An answer that is more than the log takes is a failure of the subscriber's: left
    /// without a report, the call would stay owed and never be made again.
    async fn append_alone(&self, report: Report) {
        let mut alone = vec![report];
        let mut appended = self.append_surely(&mut alone).await;
        if let Err(LogError::TooLarge { limit, .. }) = appended {
            let failure = Failure {
                kind: FailureKind::TooLarge,
                message: format!("the answer does not fit into a record of {limit} bytes").into(),
            };
            // Its partition may have been released.
            if let Some(report) = alone.first_mut() {
                report.seen.reply = Reply::Refused(failure);
            }
            appended = self.append_surely(&mut alone).await;
        }
        if let (Err(error), Some(Report { id: invocation, .. })) = (appended, alone.first()) {
            tracing::error!(%invocation, %error, "the report of a call was not appended; the call is made again after a restart");
        }
    }

    /// Tries until they are in the log or it is closed for good. Those whose partition is
    /// released are let go at that moment; the others are appended again then, which changes
    /// nothing where it was done before.
    async fn append_surely(&self, reports: &mut Vec<Report>) -> Result<(), LogError> {
        let mut pause = PAUSE_MIN;
        loop {
            reports.retain(|report| !report.released.is_cancelled());
            if reports.is_empty() {
                return Ok(());
            }
            let records = reports.iter().map(|Report { id, seen, .. }| {
                let seen = Observation::AttemptReported(seen.clone());
                self.observer.record(*id, &seen)
            });
            let appending = self.observer.append_all(records.collect());
            match unless_any_released(&tenures(reports), appending).await {
                None => {}
                Some(Err(error)) if error.is_retryable() => {
                    let count = reports.len();
                    tracing::warn!(count, %error, "appending reports of calls failed, trying again");
                    unless_any_released(&tenures(reports), sleep(pause)).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Some(result) => return result,
            }
        }
    }
}

/// A token for each partition that they are of.
fn tenures(reports: &[Report]) -> Vec<CancellationToken> {
    let mut of = Vec::new();
    let mut tenures = Vec::new();
    for report in reports {
        let partition = report.id.partition();
        if !of.contains(&partition) {
            of.push(partition);
            tenures.push(report.released.clone());
        }
    }
    tenures
}
