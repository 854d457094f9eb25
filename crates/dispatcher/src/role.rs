//! The dispatcher's part in the loop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use triggerfish_core::{Effect, Invocation, SubscriptionId, Timestamp};
use triggerfish_log::{Appender, NewRecord, Partition};
use triggerfish_ops::metrics;
use triggerfish_registry::Registry;
use triggerfish_runtime::{Role, Views};
use triggerfish_view::View;

use crate::{
    call::{Calls, is_healthy},
    scheduler::{Limits, Scheduler, Start},
};

/// How the dispatcher runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bounds of the scheduler.
    pub limits: Limits,
    /// Calls in flight of one subscription, unless it has its own number.
    pub in_flight_per_subscription: usize,
    /// A subscription whose calls have all failed for this long is disabled.
    pub disable_after: Option<Duration>,
}

/// Calls subscribers.
pub struct Dispatcher<A> {
    calls: Calls<A>,
    settings: Settings,
    scheduler: Scheduler,
    epochs: HashMap<Partition, CancellationToken>,
    finished: mpsc::UnboundedReceiver<Finished>,
    finish: mpsc::UnboundedSender<Finished>,
    tasks: TaskTracker,
    wake: Arc<Notify>,
    draining: bool,
}

struct Finished {
    subscription: SubscriptionId,
    healthy: Option<bool>,
    at: Timestamp,
}

impl<A: Appender> Dispatcher<A> {
    /// `wake` wakes the loop that this runs in.
    pub fn new(calls: Calls<A>, settings: Settings, wake: Arc<Notify>) -> Self {
        let (finish, finished) = mpsc::unbounded_channel();
        Self {
            calls,
            settings,
            scheduler: Scheduler::new(settings.limits),
            epochs: HashMap::new(),
            finished,
            finish,
            tasks: TaskTracker::new(),
            wake,
            draining: false,
        }
    }

    fn take_finished(&mut self) {
        while let Ok(Finished {
            subscription,
            healthy,
            at,
        }) = self.finished.try_recv()
        {
            let failing_since = self.scheduler.finished(subscription, healthy, at);
            if let (Some(since), Some(after)) = (failing_since, self.settings.disable_after)
                && since.until(at) >= after
            {
                disable(
                    self.calls.registry().clone(),
                    subscription,
                    since,
                    &self.tasks,
                );
            }
        }
    }

    fn start(&self, start: Start) {
        let Start {
            partition,
            invocation,
            attempt,
        } = start;
        let released = self.epochs.get(&partition).cloned().unwrap_or_default();
        let (calls, finish) = (self.calls.clone(), self.finish.clone());
        let wake = Arc::clone(&self.wake);
        self.tasks.spawn(async move {
            let subscription = invocation.request.subscription_id;
            let made = released
                .run_until_cancelled(calls.make(&invocation, attempt))
                .await;
            let finished = |healthy, at| {
                // The loop that would hear it may be gone.
                drop(finish.send(Finished {
                    subscription,
                    healthy,
                    at,
                }));
                wake.notify_one();
            };
            match made {
                Some(report) => {
                    finished(is_healthy(&report.reply), report.started.after(report.took));
                    calls.report(&invocation, report, &released).await;
                }
                None => finished(None, invocation.request.created),
            }
        });
    }
}

/// Disables a subscription that has been failing for too long, so that somebody sees.
fn disable(registry: Registry, id: SubscriptionId, since: Timestamp, tasks: &TaskTracker) {
    let enabled = registry
        .snapshot()
        .subscription(id)
        .is_some_and(|found| found.subscription.enabled);
    if !enabled {
        return;
    }
    tasks.spawn(async move {
        let reason = format!("every call has failed since {since}; enable it again when it is mended");
        match registry.set_enabled(id, false, Some(reason)).await {
            Ok(_) => tracing::warn!(subscription = %id, %since, "subscription disabled: every call has failed"),
            Err(error) => tracing::warn!(subscription = %id, %error, "could not disable a failing subscription"),
        }
    });
}

impl<A: Appender> Role for Dispatcher<A> {
    fn name(&self) -> &'static str {
        "dispatcher"
    }

    fn outputs(&mut self, _: &Invocation, _: &[Effect], _: &mut Vec<NewRecord>) {}

    fn applied(&mut self, partition: Partition, invocation: &Invocation, _: &[Effect]) {
        self.scheduler.applied(partition, invocation);
    }

    fn opened(&mut self, partition: Partition, view: &mut View) {
        self.epochs.insert(partition, CancellationToken::new());
        if let Err(error) = self.scheduler.opened(partition, view) {
            tracing::error!(%partition, %error, "the calls that are owed could not be read");
        }
    }

    fn released(&mut self, partition: Partition) {
        if let Some(epoch) = self.epochs.remove(&partition) {
            epoch.cancel();
        }
        self.scheduler.released(partition);
    }

    fn act(&mut self, now: Timestamp, views: &mut Views<'_>) -> Option<Timestamp> {
        self.take_finished();
        if self.draining {
            return None;
        }
        let snapshot = self.calls.registry().snapshot();
        let default = self.settings.in_flight_per_subscription;
        let limit_of = |id| {
            let own = snapshot
                .subscription(id)
                .and_then(|s| s.subscription.delivery.max_in_flight);
            own.map_or(default, |own| own as usize)
        };
        match self.scheduler.next(now, views, limit_of) {
            Ok(starts) => starts.into_iter().for_each(|start| self.start(start)),
            Err(error) => tracing::error!(%error, "the calls that are owed could not be read"),
        }
        metrics::calls(
            self.scheduler.in_flight(),
            self.scheduler.queued(),
            self.scheduler.open_breakers(),
        );
        self.scheduler.wake_at()
    }

    fn drain(&mut self) {
        self.draining = true;
    }

    fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }
}
