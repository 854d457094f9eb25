//! The completion-consumer's part in the loop.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use triggerfish_core::{Effect, Invocation, InvocationId, InvocationKey, Observation, Timestamp};
use triggerfish_log::{Appender, NewRecord, Partition};
use triggerfish_ops::metrics;
use triggerfish_runtime::{Clock, Role, Topics, Views, observation_record};
use triggerfish_view::View;
use triggerfish_wire::completion;

/// Deadlines reported by one append.
const DEADLINES_PER_APPEND: usize = 2_000;

/// Emits completions and watches deadlines.
pub struct CompletionConsumer<A> {
    topics: Topics,
    appender: A,
    clock: Arc<dyn Clock>,
    /// Deadlines that have been reported and not been folded yet.
    reported: HashMap<Partition, HashSet<InvocationKey>>,
    epochs: HashMap<Partition, CancellationToken>,
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
            epochs: HashMap::new(),
            tasks: TaskTracker::new(),
            draining: false,
        }
    }

    /// Reports the deadlines of one partition that have passed.
    fn report_passed(&mut self, partition: Partition, view: &mut View, now: Timestamp) {
        let reported = self.reported.entry(partition).or_default();
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
        if !due.is_empty() {
            self.append(partition, &due);
        }
    }

    fn append(&self, partition: Partition, due: &[InvocationId]) {
        let topic = &self.topics.invocation_log;
        let record = |id: &InvocationId| {
            observation_record(topic, *id, &*self.clock, &Observation::DeadlinePassed)
        };
        let records: Vec<NewRecord> = due.iter().map(record).collect();
        let appender = self.appender.clone();
        let released = self.epochs.get(&partition).cloned().unwrap_or_default();
        self.tasks
            .spawn(released.run_until_cancelled_owned(async move {
                while let Err(error) = appender.append(records.clone()).await {
                    tracing::warn!(%partition, %error, "reporting deadlines failed");
                    if !error.is_retryable() {
                        return;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }));
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
            headers: completion::headers(invocation, closing.at),
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
        self.epochs.insert(partition, CancellationToken::new());
    }

    fn released(&mut self, partition: Partition) {
        if let Some(epoch) = self.epochs.remove(&partition) {
            epoch.cancel();
        }
        self.reported.remove(&partition);
    }

    fn act(&mut self, now: Timestamp, views: &mut Views<'_>) -> Option<Timestamp> {
        if self.draining {
            return None;
        }
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
