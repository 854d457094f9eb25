//! Tells the API what the log has about an invocation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _};
use triggerfish_api::ports::{Timeline, TimelineEntry, Timelines, Unavailable};
use triggerfish_core::{
    ActionRequest, Ignored, Invocation, InvocationId, Observation, Seen, Timestamp, action::expand,
    apply,
};
use triggerfish_log::{EventLog, Limit, LogError, Offset, Partition, Reader as _, Record};
use triggerfish_runtime::Topics;
use triggerfish_wire::envelope;

use crate::records::observation;

const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Records of other invocations are in between; nobody waits longer for the end of them.
const PATIENCE: Duration = Duration::from_secs(3);
const RECORDS_AT_ONCE: usize = 2000;

/// Reads the invocation log.
pub(super) struct LogTimelines<L> {
    log: L,
    topics: Topics,
}

impl<L: EventLog> LogTimelines<L> {
    pub(super) fn new(log: L, topics: Topics) -> Self {
        Self { log, topics }
    }

    /// Reads on from the record that requested the invocation.
    async fn read(&self, invocation: &Invocation) -> Result<Timeline, LogError> {
        let topic = &self.topics.invocation_log;
        let partition = Partition(u32::from(invocation.id.partition()));
        let mut reader = self.log.open_reader().await?;
        let mut story = Story::new(invocation);
        let mut from = Offset(invocation.offset);
        let until = Instant::now() + PATIENCE;
        loop {
            let limit = Limit::records(RECORDS_AT_ONCE);
            let page = reader.read(topic, partition, from, limit).await?;
            page.records.iter().for_each(|record| story.take(record));
            from = page.next;
            if page.at_end || Instant::now() >= until {
                return Ok(Timeline {
                    entries: story.entries,
                    is_complete: page.at_end,
                });
            }
        }
    }
}

/// Folds the records of one invocation, to tell what each of them meant.
struct Story<'a> {
    invocation: &'a Invocation,
    state: Option<Invocation>,
    entries: Vec<TimelineEntry>,
}

impl<'a> Story<'a> {
    fn new(invocation: &'a Invocation) -> Self {
        Self {
            invocation,
            state: None,
            entries: Vec::new(),
        }
    }

    fn take(&mut self, record: &Record) {
        let id = self.invocation.id;
        let key = record.key.as_deref();
        let member = self.invocation.request.member.as_deref();
        let action = member.map(|member| member.action_id);
        let is_about = |id: InvocationId| key == Some(id.as_bytes().as_slice());
        if !is_about(id) && !action.is_some_and(is_about) {
            return;
        }
        let Some(value) = record.value.clone() else {
            return;
        };
        let Ok((of, at, seen)) = envelope::decode(value.clone()) else {
            return;
        };
        let Some(shown) = observation::json(value) else {
            return;
        };
        let offset = record.offset.0;
        let at = Seen { id: of, offset, at };
        let ignored = match seen {
            Observation::ActionAsked(request) => self.begin(at, request),
            seen if of == id => self.go_on(at, seen),
            _ => return,
        };
        let closing = self.state.as_ref().and_then(Invocation::closing);
        self.entries.push(TimelineEntry {
            offset,
            appended: Timestamp::from_micros(record.timestamp_us),
            observation: shown,
            ignored: ignored.map(Ignored::as_str),
            outcome: closing
                .filter(|closing| closing.offset == offset)
                .map(|closing| closing.outcome.as_str()),
        });
    }

    fn go_on(&mut self, seen: Seen, observation: Observation) -> Option<Ignored> {
        let step = apply(self.state.take(), seen, observation);
        self.state = step.state;
        step.ignored
    }

    /// The call of a callback begins with the question about its action.
    fn begin(&mut self, seen: Seen, request: Arc<ActionRequest>) -> Option<Ignored> {
        if self.state.is_some() {
            return Some(Ignored::AlreadyRequested);
        }
        let members = expand(seen, request).members.into_iter();
        let mut states = members.filter_map(|step| step.state);
        self.state = states.find(|state| state.id == self.invocation.id);
        None
    }
}

impl<L: EventLog> Timelines for LogTimelines<L> {
    fn of<'a>(
        &'a self,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Result<Timeline, Unavailable>> {
        let unavailable = |error: LogError| Unavailable {
            retry_after: RETRY_AFTER,
            reason: error.to_string(),
        };
        async move { self.read(invocation).await.map_err(unavailable) }.boxed()
    }
}
