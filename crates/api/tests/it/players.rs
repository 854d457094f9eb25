//! The services behind the API, played: they note what they are asked and answer
//! as told.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::{BoxFuture, FutureExt as _};
use parking_lot::Mutex;
use serde_json::{Value, json};
use triggerfish_api::ports::{
    Ask, AskError, Asked, DeadLetterView, DeadLetters, Gate, Ingest, Invocations, ListQuery,
    Listing, Load, PendingCount, Place, Records, RecordsError, RecordsPage, RecordsQuery, Redrive,
    RedriveResult, Start, StartError, Started, Timeline, TimelineEntry, Timelines, Unavailable,
    Verdict, Worker, WorkerPartition, Workers,
};
use triggerfish_core::{
    ActionState, CompletionReport, Invocation, InvocationId, InvocationKey, SubscriptionId,
    Timestamp, keys::ServerKeys,
};

/// A trigger id that makes the played ingest panic.
pub(crate) const PANICS: &str = "panics:now";

/// Takes events in.
pub(crate) struct Intake {
    pub(crate) keys: ServerKeys,
    /// What it was asked, in order.
    pub(crate) starts: Mutex<Vec<Start>>,
    /// What it answers next; if there is nothing, one invocation.
    pub(crate) answers: Mutex<Vec<Result<usize, StartError>>>,
}

impl Intake {
    /// Invocation number `n` that it starts.
    pub(crate) fn id(n: usize) -> InvocationId {
        InvocationId::new(Timestamp::EPOCH, 5, InvocationKey(n as u64))
    }

    /// The subscription of every invocation that it starts.
    pub(crate) fn subscription_id() -> SubscriptionId {
        SubscriptionId(uuid::Uuid::from_u128(77))
    }
}

impl Ingest for Intake {
    fn start(&self, start: Start) -> BoxFuture<'_, Result<Vec<Started>, StartError>> {
        assert_ne!(start.trigger_id, PANICS, "as asked");
        let mut answers = self.answers.lock();
        let answer = if answers.is_empty() {
            Ok(1)
        } else {
            answers.remove(0)
        };
        let started = answer.map(|count| {
            (0..count)
                .map(|n| Started {
                    id: Self::id(n),
                    trigger_id: start.trigger_id.as_str().into(),
                    secret: self.keys.invocation_secret(Self::id(n)),
                    content_json: start.content_json.clone(),
                    subscription_id: Self::subscription_id(),
                })
                .collect()
        });
        self.starts.lock().push(start);
        async move { started }.boxed()
    }
}

/// Knows invocations.
#[derive(Default)]
pub(crate) struct Archive {
    pub(crate) known: Mutex<BTreeMap<InvocationId, Invocation>>,
    /// What the fold says to the next completions.
    pub(crate) verdicts: Mutex<Vec<Verdict>>,
    /// The completions it got.
    pub(crate) reports: Mutex<Vec<(InvocationId, CompletionReport)>>,
    /// The lists it was asked for.
    pub(crate) queries: Mutex<Vec<ListQuery>>,
    /// Whether it is away.
    pub(crate) away: Mutex<bool>,
}

impl Archive {
    fn reachable(&self) -> Result<(), Unavailable> {
        if *self.away.lock() {
            return Err(Unavailable {
                retry_after: Duration::from_millis(1500),
                reason: "the owner of partition 5 is away".into(),
            });
        }
        Ok(())
    }

    pub(crate) fn add(&self, invocation: Invocation) {
        self.known.lock().insert(invocation.id, invocation);
    }
}

impl Invocations for Archive {
    fn get(&self, id: InvocationId) -> BoxFuture<'_, Result<Option<Invocation>, Unavailable>> {
        let found = self
            .reachable()
            .map(|()| self.known.lock().get(&id).cloned());
        async move { found }.boxed()
    }

    fn list(&self, query: ListQuery) -> BoxFuture<'_, Result<Listing, Unavailable>> {
        let fits = |row: &&Invocation| {
            query.id.is_none_or(|id| id == row.id)
                && query
                    .trigger_id
                    .as_deref()
                    .is_none_or(|id| id == &*row.request.trigger_id)
                && query
                    .subscription_id
                    .is_none_or(|id| id == row.request.subscription_id)
                && (!query.open_only || row.is_open())
        };
        let listing = self.reachable().map(|()| {
            let known = self.known.lock();
            let mut rows: Vec<_> = known.values().filter(fits).cloned().collect();
            rows.retain(|row| {
                let before = query.before.get(&u32::from(row.id.partition()));
                before.is_none_or(|before| row.place() < *before)
            });
            rows.sort_by_key(|row| std::cmp::Reverse(row.request.created));
            if query.soonest {
                rows.sort_by_key(|row| row.request.deadline);
            }
            let total = rows.len();
            rows.truncate(query.limit);
            Listing {
                invocations: rows,
                total,
            }
        });
        self.queries.lock().push(query);
        async move { listing }.boxed()
    }

    fn complete(
        &self,
        found: Invocation,
        report: CompletionReport,
    ) -> BoxFuture<'_, Result<Verdict, Unavailable>> {
        self.reports.lock().push((found.id, report));
        let verdict = self.verdicts.lock().pop().unwrap_or(Verdict::Accepted);
        async move { Ok(verdict) }.boxed()
    }

    fn pending(&self) -> BoxFuture<'_, Result<Vec<PendingCount>, Unavailable>> {
        let row = |topic: &str, count| PendingCount {
            topic: topic.into(),
            count,
        };
        let rows = self
            .reachable()
            .map(|()| vec![row("trigger-events", 3), row("invocation-log", 0)]);
        async move { rows }.boxed()
    }
}

/// Shows records.
#[derive(Default)]
pub(crate) struct Shelf {
    /// What it was asked for.
    pub(crate) queries: Mutex<Vec<RecordsQuery>>,
    /// What it answers next; if there is nothing, an empty page.
    pub(crate) answers: Mutex<Vec<Result<RecordsPage, RecordsError>>>,
    /// The dead letters.
    pub(crate) letters: Mutex<Vec<DeadLetterView>>,
    /// What was to be put back.
    pub(crate) redrives: Mutex<Vec<Redrive>>,
}

impl Records for Shelf {
    fn read(&self, query: RecordsQuery) -> BoxFuture<'_, Result<RecordsPage, RecordsError>> {
        self.queries.lock().push(query);
        let empty = RecordsPage {
            records: vec![],
            cursor: "0.0".into(),
        };
        let answer = self.answers.lock().pop().unwrap_or(Ok(empty));
        async move { answer }.boxed()
    }
}

/// Two processes, one of which has a partition.
pub(crate) struct Staff;

/// Tells of every invocation that it was requested.
pub(crate) struct Chronicle;

impl Timelines for Chronicle {
    fn of<'a>(
        &'a self,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Result<Timeline, Unavailable>> {
        let input: Value = serde_json::from_slice(&invocation.request.input).unwrap();
        let id = invocation.id.to_string();
        let observation = json!({"observation": "requested", "invocationId": id, "input": input});
        let entry = TimelineEntry {
            offset: invocation.offset,
            appended: invocation.request.created,
            observation: serde_json::value::to_raw_value(&observation).unwrap(),
            ignored: None,
            outcome: None,
        };
        let timeline = Timeline {
            entries: vec![entry],
            is_complete: true,
        };
        async move { Ok(timeline) }.boxed()
    }
}

/// Asks nobody, notes what it is asked and answers as told.
#[derive(Default)]
pub(crate) struct Gatekeeper {
    /// What it was asked, in order.
    pub(crate) asked: Mutex<Vec<Ask>>,
    /// What it answers next; if there is nothing, it can't now.
    pub(crate) answers: Mutex<Vec<Result<Asked, AskError>>>,
    /// The actions it knows.
    pub(crate) actions: Mutex<BTreeMap<InvocationId, Arc<ActionState>>>,
    /// The newest activation of each callback.
    pub(crate) newest: Mutex<Vec<Invocation>>,
}

impl Gate for Gatekeeper {
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Asked, AskError>> {
        self.asked.lock().push(ask);
        let retry_after = Duration::from_secs(1);
        let answer = self.answers.lock().pop();
        std::future::ready(answer.unwrap_or(Err(AskError::Unavailable { retry_after }))).boxed()
    }

    fn action(
        &self,
        id: InvocationId,
    ) -> BoxFuture<'_, Result<Option<Arc<ActionState>>, Unavailable>> {
        std::future::ready(Ok(self.actions.lock().get(&id).cloned())).boxed()
    }

    fn last_activations(
        &self,
        callbacks: Vec<SubscriptionId>,
    ) -> BoxFuture<'_, Result<Vec<Invocation>, Unavailable>> {
        let newest = self.newest.lock().clone().into_iter();
        let of = newest.filter(|row| callbacks.contains(&row.request.subscription_id));
        std::future::ready(Ok(of.collect())).boxed()
    }
}

impl Workers for Staff {
    fn load(&self) -> Vec<Load> {
        vec![Load {
            at: Timestamp::EPOCH,
            started_per_second: 1.5,
            completed_per_second: 1.0,
            failed_per_second: 0.5,
            open: 3,
            queued: 2,
            lag: 1,
        }]
    }

    fn living(&self) -> Vec<Worker> {
        let worker = |instance: &str, role: &str, partitions| Worker {
            instance: instance.to_owned(),
            roles: vec![role.to_owned()],
            version: "1.2.3".to_owned(),
            started: Timestamp::EPOCH,
            seconds_since_heard: 2,
            partitions,
        };
        let partition = WorkerPartition {
            partition: 7,
            since: Timestamp::EPOCH,
            position: Some(10),
            lag: Some(1),
            open: Some(3),
            queued: None,
        };
        vec![
            worker("consumer-1", "completion-consumer", vec![partition]),
            worker("producer-1", "producer", vec![]),
        ]
    }
}

impl DeadLetters for Shelf {
    fn get(&self, place: Place) -> BoxFuture<'_, Result<Option<DeadLetterView>, Unavailable>> {
        let place = place.to_string();
        let letters = self.letters.lock();
        let found = letters.iter().find(|letter| letter.place == place).cloned();
        async move { Ok(found) }.boxed()
    }

    /// Refuses offset 0.
    fn redrive(&self, redrive: Redrive) -> BoxFuture<'_, Result<Vec<RedriveResult>, Unavailable>> {
        let result = |place: &Place| RedriveResult {
            place: *place,
            topic: (place.offset > 0).then(|| "trigger-events".to_owned()),
            refused: (place.offset == 0).then(|| "no".to_owned()),
        };
        let results = redrive.places.iter().map(result).collect();
        self.redrives.lock().push(redrive);
        async move { Ok(results) }.boxed()
    }
}
