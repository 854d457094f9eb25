//! The completion-consumer's part in the loop.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::task::TaskTracker;
use triggerfish_core::{
    ActionState, Effect, Invocation, InvocationId, InvocationKey, Observation, Timestamp,
};
use triggerfish_log::{Appender, NewRecord, Partition};
use triggerfish_ops::metrics;
#[cfg(feature = "faults")]
use triggerfish_runtime::faults::{self, Fault};
use triggerfish_runtime::{
    Clock, Role, Tenures, Topics, Views, observation_record, unless_released,
};
use triggerfish_view::View;
use triggerfish_wire::{completion, decision};

/// Deadlines reported by one append.
const DEADLINES_PER_APPEND: usize = 2_000;
/// While as many deadlines of one partition are reported and not folded yet, none are looked
/// for: every look reads these again.
const REPORTED_MAX: usize = 1_000;
/// Pause between two tries of an append.
const PAUSE: Duration = Duration::from_millis(100);

/// Emits completions and watches deadlines.
pub struct CompletionConsumer<A> {
    topics: Topics,
    appender: A,
    clock: Arc<dyn Clock>,
    /// Deadlines that have been reported and not been folded yet.
    reported: HashMap<Partition, HashSet<InvocationKey>>,
    tenures: Tenures,
    tasks: TaskTracker,
    draining: bool,
}

impl<A: Appender> CompletionConsumer<A> {
    /// Deadlines are reported by `appender`.
    pub fn new(topics: Topics, appender: A, clock: Arc<dyn Clock>) -> Self {
        Self {
            topics,
            appender,
            clock,
            reported: HashMap::new(),
            tenures: Tenures::default(),
            tasks: TaskTracker::new(),
            draining: false,
        }
    }

    /// Reports the deadlines of one partition that have passed.
    fn report_passed(&mut self, partition: Partition, view: &mut View, now: Timestamp) {
        let reported = self.reported.entry(partition).or_default();
        if reported.len() >= REPORTED_MAX {
            return;
        }
        let passed = match view.deadlines_until(now, DEADLINES_PER_APPEND + reported.len()) {
            Ok(passed) => passed,
            Err(error) => {
                tracing::error!(%partition, %error, "the deadlines could not be read");
                return;
            }
        };
        let due: Vec<InvocationId> = passed
            .into_iter()
            .filter(|id| reported.insert(id.key()))
            .collect();
        #[cfg(feature = "faults")]
        if faults::is_on(Fault::TimerLost) {
            return;
        }
        if !due.is_empty() {
            self.append(partition, &due, now);
        }
    }

    /// Reports deadlines as passed, and not before `now`, by which they were found: the
    /// clock may have been set back since. Tried until the partition is released, for
    /// none of them is looked for again.
    fn append(&self, partition: Partition, due: &[InvocationId], now: Timestamp) {
        let Some(released) = self.tenures.of(partition) else {
            return;
        };
        let topic = &self.topics.invocation_log;
        let at = At(now.max(self.clock.now()));
        let record =
            |id: &InvocationId| observation_record(topic, *id, &at, &Observation::DeadlinePassed);
        let records: Vec<NewRecord> = due.iter().map(record).collect();
        let appender = self.appender.clone();
        self.tasks.spawn(async move {
            let reporting = async {
                while let Err(error) = appender.append(records.clone()).await {
                    tracing::warn!(%partition, %error, "reporting deadlines failed, trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            };
            unless_released(&released, reporting).await
        });
    }
}

/// A clock that stands still.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

impl<A: Appender> Role for CompletionConsumer<A> {
    fn name(&self) -> &'static str {
        "completion-consumer"
    }

    fn outputs(&mut self, invocation: &Invocation, effects: &[Effect], out: &mut Vec<NewRecord>) {
        if !effects.contains(&Effect::EmitCompletion) {
            return;
        }
        let (Some(closing), Some(value)) = (invocation.closing(), completion::value(invocation))
        else {
            return;
        };
        let request = &invocation.request;
        metrics::completion_emitted(
            closing.outcome.as_str(),
            request.mode,
            request.created.until(closing.at),
        );
        out.push(NewRecord {
            topic: self.topics.completions.clone(),
            partition: Partition(u32::from(invocation.id.partition())),
            key: Some(Bytes::from(invocation.id.to_string())),
            value: Some(value),
            headers: completion::headers(invocation, closing),
        });
    }

    fn decided(&mut self, action: &ActionState, out: &mut Vec<NewRecord>) {
        let (Some(decision), Some(value)) = (&action.decision, decision::value(action)) else {
            return;
        };
        metrics::decision_emitted(decision.verdict, action.request.asked.until(decision.at));
        out.push(NewRecord {
            topic: self.topics.decisions.clone(),
            partition: Partition(u32::from(action.id.partition())),
            key: Some(decision::key(action)),
            value: Some(value),
            headers: decision::headers(action),
        });
    }

    fn applied(&mut self, partition: Partition, invocation: &Invocation, _: &[Effect]) {
        if !invocation.is_open()
            && let Some(reported) = self.reported.get_mut(&partition)
        {
            reported.remove(&invocation.id.key());
        }
    }

    fn opened(&mut self, partition: Partition, _: &mut View) {
        self.tenures.begin(partition);
    }

    fn released(&mut self, partition: Partition) {
        self.tenures.end(partition);
        self.reported.remove(&partition);
    }

    fn act(&mut self, now: Timestamp, views: &mut Views<'_>) -> Option<Timestamp> {
        if self.draining {
            return None;
        }
        #[cfg(feature = "faults")]
        let now = faults::seen_late(now);
        let mut next: Option<Timestamp> = None;
        for (partition, view) in views.iter() {
            match view.next_deadline() {
                Ok(Some(deadline)) if deadline <= now => self.report_passed(partition, view, now),
                Ok(Some(deadline)) => next = Some(next.map_or(deadline, |n| n.min(deadline))),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%partition, %error, "the deadlines could not be read");
                }
            }
        }
        next
    }

    fn drain(&mut self) {
        self.draining = true;
    }

    fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }
}
