//! The dispatcher's part in the loop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_util::task::TaskTracker;
use triggerfish_core::{Effect, Invocation, SubscriptionId, Timestamp};
use triggerfish_log::{Appender, NewRecord, Partition};
use triggerfish_ops::metrics;
use triggerfish_registry::Registry;
#[cfg(feature = "faults")]
use triggerfish_runtime::faults::{self, Fault};
use triggerfish_runtime::{Observer, Role, Tenures, Views, unless_released};
use triggerfish_view::View;

use crate::{
    call::{Calls, health},
    report::{Report, Reports},
    scheduler::{Finished, Health, Limits, Scheduler, Start},
};

/// How the dispatcher runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bounds of the scheduler.
    pub limits: Limits,
    /// Calls in flight of one subscription, unless it has its own number.
    pub in_flight_per_subscription: usize,
    /// Calls in flight of one callback.
    pub in_flight_per_callback: usize,
    /// A subscription whose calls have all failed for this long is disabled.
    pub disable_after: Option<Duration>,
}

/// Calls subscribers.
pub struct Dispatcher<A> {
    calls: Calls,
    reports: Reports<A>,
    settings: Settings,
    scheduler: Scheduler,
    tenures: Tenures,
    finished: mpsc::UnboundedReceiver<Finished>,
    finish: mpsc::UnboundedSender<Finished>,
    tasks: TaskTracker,
    /// Calls and their reports, of each partition.
    under_way: HashMap<Partition, TaskTracker>,
    wake: Arc<Notify>,
    draining: bool,
    counted: Timestamp,
}

/// Tells the loop that a call is over, whatever becomes of its task.
struct Over {
    news: Finished,
    finish: mpsc::UnboundedSender<Finished>,
    wake: Arc<Notify>,
}

impl Drop for Over {
    fn drop(&mut self) {
        // The loop that would hear it may be gone.
        let _gone = self.finish.send(self.news);
        self.wake.notify_one();
    }
}

impl<A: Appender> Dispatcher<A> {
    /// Reports of calls go into the log by `observer`; `wake` wakes the loop that this runs in.
    pub fn new(calls: Calls, observer: Observer<A>, settings: Settings, wake: Arc<Notify>) -> Self {
        let (finish, finished) = mpsc::unbounded_channel();
        Self {
            calls,
            reports: Reports::new(observer),
            settings,
            scheduler: Scheduler::new(settings.limits),
            tenures: Tenures::default(),
            finished,
            finish,
            tasks: TaskTracker::new(),
            under_way: HashMap::new(),
            wake,
            draining: false,
            counted: Timestamp::EPOCH,
        }
    }

    /// Shows how many calls there are. Goes through all lanes, so not at every act.
    fn count(&mut self, now: Timestamp) {
        const EVERY: Duration = Duration::from_millis(250);
        if self.counted.until(now) < EVERY {
            return;
        }
        self.counted = now;
        metrics::calls(
            self.scheduler.in_flight(),
            self.scheduler.queued(),
            self.scheduler.open_breakers(),
        );
    }

    fn take_finished(&mut self, now: Timestamp) {
        while let Ok(finished) = self.finished.try_recv() {
            let subscription = finished.subscription;
            let failing_since = self.scheduler.finished(finished, now);
            if let (Some(since), Some(after)) = (failing_since, self.settings.disable_after)
                && since.until(now) >= after
            {
                self.scheduler.forgive(subscription);
                let registry = self.calls.registry().clone();
                disable(registry, subscription, since, &self.tasks);
            }
        }
    }

    fn start(&mut self, start: Start) {
        let Start {
            partition,
            invocation,
            attempt,
            ticket,
        } = start;
        let mut over = Over {
            news: Finished {
                subscription: invocation.request.subscription_id,
                call: (partition, invocation.id.key()),
                ticket,
                health: Health::Abandoned,
            },
            finish: self.finish.clone(),
            wake: Arc::clone(&self.wake),
        };
        let Some(released) = self.tenures.of(partition) else {
            return;
        };
        #[cfg(feature = "faults")]
        let released = Some(released)
            .filter(|_| !faults::is_on(Fault::AppendAfterRelease))
            .unwrap_or_default();
        let (calls, reports) = (self.calls.clone(), self.reports.clone());
        let under_way = self.under_way.entry(partition).or_default().token();
        // A call is a large future; a task that holds it moves it about.
        self.tasks.spawn(Box::pin(async move {
            let made = calls.make(&invocation, attempt);
            let Some(seen) = unless_released(&released, made).await else {
                return;
            };
            over.news.health = health(&invocation.request, &seen.reply);
            drop(over);
            let report = Report {
                id: invocation.id,
                seen,
                released,
                under_way,
            };
            reports.append(report).await;
        }));
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
        self.tenures.begin(partition);
        if let Err(error) = self.scheduler.opened(partition, view) {
            tracing::error!(%partition, %error, "the calls that are owed could not be read");
        }
    }

    fn leaving(&mut self, partition: Partition) {
        self.scheduler.released(partition);
    }

    fn is_idle_for(&self, partition: Partition) -> bool {
        let under_way = self.under_way.get(&partition);
        under_way.is_none_or(TaskTracker::is_empty)
    }

    fn released(&mut self, partition: Partition) {
        self.tenures.end(partition);
        self.under_way.remove(&partition);
        self.scheduler.released(partition);
    }

    fn act(&mut self, now: Timestamp, views: &mut Views<'_>) -> Option<Timestamp> {
        self.take_finished(now);
        if self.draining {
            return None;
        }
        let snapshot = self.calls.registry().snapshot();
        let default = self.settings.in_flight_per_subscription;
        let of_callback = self.settings.in_flight_per_callback;
        let limit_of = |id| match snapshot.subscription(id) {
            Some(found) => {
                let own = found.subscription.delivery.max_in_flight;
                own.map_or(default, |own| own as usize)
            }
            None if snapshot.callback(id).is_some() => of_callback,
            None => default,
        };
        let mut starts = Vec::new();
        if let Err(error) = self.scheduler.next(now, views, limit_of, &mut starts) {
            tracing::error!(%error, "the calls that are owed could not be read");
        }
        for start in starts {
            self.start(start);
        }
        self.count(now);
        self.scheduler.wake_at()
    }

    fn drain(&mut self) {
        self.draining = true;
    }

    fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }
}
