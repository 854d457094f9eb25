//! A scheduler, the views it reads, and a model that knows every invocation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use triggerfish_core::{
    AttemptReport, CompletionReport, Failure, FailureKind, Invocation, InvocationId, InvocationKey,
    Mode, Observation, Origin, Phase, Reply, Request, RetryPolicy, Seen, SubscriptionId, Timestamp,
    TriggerType, apply, breaker::BreakerPolicy,
};
use triggerfish_log::Partition;
use triggerfish_runtime::testing::RunningViews;
use triggerfish_view::{LogIdentity, Settings, View};
use triggerfish_wire::envelope;

use crate::{
    flood,
    scheduler::{Finished, Health, Limits, Scheduler, Start},
};

pub(super) const NO_BREAKER: BreakerPolicy = BreakerPolicy {
    failures_to_open: 0,
    pause: Duration::ZERO,
    pause_max: Duration::ZERO,
};

const SETTINGS: Settings = Settings {
    keep_completed: Duration::from_hours(1),
    keep_failed: Duration::from_hours(1),
    keep_callbacks: Duration::from_hours(1),
    cache_bytes: 4 << 20,
};

/// What an event asks for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) partition: u32,
    pub(super) subscription: u128,
    pub(super) key: Option<u8>,
    /// Milliseconds from now until it is due.
    pub(super) later: u64,
    /// Milliseconds that a failed call waits at most.
    pub(super) retry_ms: u64,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Output,
    Unavailable,
    Nothing,
    /// More than is read.
    Flood,
}

/// A call that was started and whose task is not over.
#[derive(Clone, Debug)]
pub(super) struct Out {
    pub(super) start: Start,
    /// Of which tenure of its partition.
    tenure: u32,
}

pub(super) struct World {
    folder: TempDir,
    pub(super) views: RunningViews,
    pub(super) scheduler: Scheduler,
    limits: Limits,
    per_lane: usize,
    pub(super) now: Timestamp,
    offsets: BTreeMap<Partition, u64>,
    /// Partitions that are open, and how often each was opened.
    tenures: BTreeMap<Partition, u32>,
    open: BTreeMap<Partition, bool>,
    /// Every invocation, as the fold has it.
    pub(super) invocations: BTreeMap<(Partition, InvocationKey), Invocation>,
    pub(super) out: Vec<Out>,
    /// Over, but not folded.
    pub(super) unfolded: Vec<Start>,
    /// Calls started in this tenure of their partition.
    made: Vec<(Partition, InvocationKey, u32, u32)>,
    /// Whose last answer was more than is read.
    floods: BTreeSet<SubscriptionId>,
    /// When calls of those began.
    turns: Vec<Timestamp>,
    next_key: u64,
}

impl World {
    pub(super) fn new(partitions: u32, limits: Limits, per_lane: usize) -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            views: RunningViews::default(),
            scheduler: Scheduler::new(limits),
            limits,
            per_lane,
            now: Timestamp::from_millis(1_700_000_000_000),
            offsets: BTreeMap::new(),
            tenures: BTreeMap::new(),
            open: BTreeMap::new(),
            invocations: BTreeMap::new(),
            out: Vec::new(),
            unfolded: Vec::new(),
            made: Vec::new(),
            floods: BTreeSet::new(),
            turns: Vec::new(),
            next_key: 0,
        };
        (0..partitions).for_each(|partition| world.open(Partition(partition)));
        world
    }

    pub(super) fn is_open(&self, partition: Partition) -> bool {
        self.open.get(&partition) == Some(&true)
    }

    /// A partition begins, from its view on disk.
    pub(super) fn open(&mut self, partition: Partition) {
        let identity = LogIdentity {
            cluster: "test".into(),
            topic: "invocation-log".into(),
            partition: u16::try_from(partition.0).unwrap(),
        };
        let folder = self.folder.path().join(partition.to_string());
        let (view, opened) = View::open(&folder, &identity, SETTINGS).unwrap();
        assert_eq!(opened.wiped, None);
        self.views.insert(partition, view);
        *self.tenures.entry(partition).or_default() += 1;
        self.open.insert(partition, true);
        let mut views = self.views.views();
        let view = views.get(partition).unwrap();
        self.scheduler.opened(partition, view).unwrap();
    }

    /// A partition goes; what is in flight for it is given up a little later.
    pub(super) fn release(&mut self, partition: Partition) {
        self.scheduler.released(partition);
        let mut view = self.views.remove(partition).unwrap();
        view.save().unwrap();
        self.open.insert(partition, false);
        self.unfolded.retain(|start| start.partition != partition);
        self.made.retain(|(of, ..)| *of != partition);
    }

    pub(super) fn save(&mut self, partition: Partition) {
        let mut views = self.views.views();
        if let Some(view) = views.get(partition) {
            view.save().unwrap();
        }
    }

    pub(super) fn request(&mut self, asked: &Asked) -> (Partition, InvocationKey) {
        self.next_key += 1;
        let key = InvocationKey(self.next_key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 3);
        let partition = u16::try_from(asked.partition).unwrap();
        let id = InvocationId::new(self.now, partition, key);
        let created = self.now.after(Duration::from_millis(asked.later));
        let request = Request {
            trigger_id: "test:trigger".into(),
            trigger_type: TriggerType::RequestResponse,
            subscription_id: SubscriptionId(uuid::Uuid::from_u128(asked.subscription)),
            subscription_name: "test".into(),
            origin: Origin::RealTime,
            mode: Mode::Sync,
            created,
            deadline: created.after(Duration::from_hours(10_000)),
            retry: RetryPolicy {
                max_attempts: 3,
                initial_delay_ms: asked.retry_ms,
                max_delay_ms: asked.retry_ms,
            },
            ordering_key: asked.key.map(|key| format!("key-{key}").into()),
            input: Bytes::from_static(b"{}"),
            content_json: Bytes::from_static(b"{}"),
            depth: 0,
            traceparent: None,
            event_id: None,
            member: None,
        };
        self.observe(id, Observation::Requested(Arc::new(request)));
        (Partition(asked.partition), id.key())
    }

    /// A record of the log is folded.
    fn observe(&mut self, id: InvocationId, observation: Observation) {
        let partition = Partition(u32::from(id.partition()));
        let offset = self.offsets.entry(partition).or_default();
        let seen = Seen {
            id,
            offset: *offset,
            at: self.now,
        };
        *offset += 1;
        let mut views = self.views.views();
        let view = views
            .get(partition)
            .expect("only open partitions are folded");
        view.set_log_time(self.now);
        let record = envelope::encode(id, self.now, &observation);
        let before = view.get(id.key()).unwrap();
        let is_new = before.is_none();
        let step = apply(before, seen, observation);
        view.advance(seen.offset + 1);
        if step.ignored.is_some() {
            return;
        }
        let state = step.state.unwrap();
        view.put(state.clone(), is_new.then_some(record)).unwrap();
        self.scheduler.applied(partition, &state);
        self.invocations.insert((partition, id.key()), state);
    }

    /// A call comes back: the loop hears of it, and its report is in the log, `folded`
    /// before or after that or later.
    pub(super) fn finish(&mut self, index: usize, answer: Answer, folded: Folded) {
        let out = self.out.remove(index);
        let is_ours = self.is_ours(&out);
        if is_ours && folded == Folded::Before {
            self.report(&out.start, answer);
        }
        let health = match answer {
            _ if !is_ours => Health::Abandoned,
            Answer::Output => Health::Alive,
            Answer::Unavailable => Health::Dead,
            Answer::Nothing => Health::NotCalled,
            Answer::Flood => Health::Flooding,
        };
        let subscription = out.start.invocation.request.subscription_id;
        match health {
            Health::Alive | Health::NotCalled => drop(self.floods.remove(&subscription)),
            Health::Flooding => drop(self.floods.insert(subscription)),
            Health::Dead | Health::Abandoned => {}
        }
        let finished = Finished {
            subscription,
            call: (out.start.partition, out.start.invocation.id.key()),
            ticket: out.start.ticket,
            health,
        };
        self.scheduler.finished(finished, self.now);
        match folded {
            _ if !is_ours => {}
            Folded::Before => {}
            Folded::After => self.report(&out.start, answer),
            Folded::Later => self.unfolded.push(out.start),
        }
    }

    fn is_ours(&self, out: &Out) -> bool {
        let partition = out.start.partition;
        self.is_open(partition) && self.tenures[&partition] == out.tenure
    }

    pub(super) fn report(&mut self, start: &Start, answer: Answer) {
        let failure = Failure {
            kind: FailureKind::Connect,
            message: "nobody there".into(),
        };
        let reply = match answer {
            Answer::Output => Reply::Answered(Bytes::from_static(b"{}")),
            Answer::Unavailable => Reply::Unavailable {
                failure,
                retry_after: None,
            },
            Answer::Nothing | Answer::Flood => Reply::Refused(failure),
        };
        let report = AttemptReport {
            attempt: start.attempt,
            started: self.now,
            took: Duration::ZERO,
            status: None,
            reply,
            body: None,
        };
        self.observe(start.invocation.id, Observation::AttemptReported(report));
    }

    /// Somebody posts the result of an invocation, whether it was called yet or not.
    pub(super) fn complete(&mut self, id: InvocationId) {
        let report = CompletionReport {
            output: None,
            error: None,
        };
        self.observe(id, Observation::CompletionReported(report));
    }

    pub(super) fn wait(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
    }

    /// The loop lets the scheduler start what is due; returns how many calls that were.
    pub(super) fn act(&mut self) -> usize {
        let per_lane = self.per_lane;
        let mut starts = Vec::new();
        let mut views = self.views.views();
        self.scheduler
            .next(self.now, &mut views, |_| per_lane, &mut starts)
            .unwrap();
        let count = starts.len();
        for start in starts {
            self.check_start(&start);
            let tenure = self.tenures[&start.partition];
            let call = (
                start.partition,
                start.invocation.id.key(),
                start.attempt,
                tenure,
            );
            assert!(!self.made.contains(&call), "made twice: {call:?}");
            self.made.push(call);
            let subscription = start.invocation.request.subscription_id;
            if self.floods.contains(&subscription) {
                self.turns.push(self.now);
            }
            self.out.push(Out { start, tenure });
        }
        self.check_limits();
        count
    }

    fn check_start(&self, start: &Start) {
        let key = start.invocation.id.key();
        let known = &self.invocations[&(start.partition, key)];
        assert_eq!(start.invocation, *known, "started from an old state");
        let Phase::Due { attempt, due } = known.phase else {
            panic!("nothing is owed: {known:?}");
        };
        assert!(attempt == start.attempt && due <= self.now && self.is_open(start.partition));
        if known.request.ordering_key.is_some() {
            let older = self.of_same_key(start.partition, known);
            let older = older.filter(|other| other.offset < known.offset);
            let older = older.filter(|other| matches!(other.phase, Phase::Due { .. }));
            assert_eq!(
                older.count(),
                0,
                "an older call of the key is owed: {known:?}"
            );
            assert!(
                !self.key_is_busy(start.partition, known),
                "two calls of a key"
            );
        }
    }

    fn of_same_key<'a>(
        &'a self,
        partition: Partition,
        call: &'a Invocation,
    ) -> impl Iterator<Item = &'a Invocation> {
        let all = self.invocations.iter().filter(move |((of, _), other)| {
            *of == partition
                && other.request.subscription_id == call.request.subscription_id
                && other.request.ordering_key == call.request.ordering_key
        });
        all.map(|(_, other)| other)
    }

    fn key_is_busy(&self, partition: Partition, call: &Invocation) -> bool {
        let same = |start: &Start| {
            start.partition == partition
                && start.invocation.request.subscription_id == call.request.subscription_id
                && start.invocation.request.ordering_key == call.request.ordering_key
        };
        self.out
            .iter()
            .any(|out| self.is_ours(out) && same(&out.start))
    }

    fn in_flight(&self, subscription: SubscriptionId) -> usize {
        let of = |out: &&Out| out.start.invocation.request.subscription_id == subscription;
        self.out.iter().filter(of).count()
    }

    fn check_limits(&self) {
        assert!(self.out.len() <= self.limits.in_flight);
        assert_eq!(self.scheduler.in_flight(), self.out.len());
        let mut lanes: Vec<_> = self.invocations.values().collect();
        lanes.sort_by_key(|i| i.request.subscription_id);
        lanes.dedup_by_key(|i| i.request.subscription_id);
        for lane in &lanes {
            assert!(self.in_flight(lane.request.subscription_id) <= self.per_lane);
        }
        assert!(self.scheduler.queued() <= self.limits.queued.max(1) * lanes.len());
        assert!(self.ends_of_turns().count() <= 1);
    }

    fn ends_of_turns(&self) -> impl Iterator<Item = Timestamp> {
        let ends = self.turns.iter().map(|began| began.after(flood::TURN));
        ends.filter(|end| *end > self.now)
    }

    /// Calls that may be made as far as order and room go, due or not.
    fn eligible(&self) -> impl Iterator<Item = (&Invocation, Timestamp)> {
        self.invocations
            .iter()
            .filter_map(|((partition, _), call)| {
                let Phase::Due { attempt, due } = call.phase else {
                    return None;
                };
                let tenure = self.tenures[partition];
                let made = (*partition, call.id.key(), attempt, tenure);
                let has_room = self.out.len() < self.limits.in_flight
                    && self.in_flight(call.request.subscription_id) < self.per_lane;
                let is_next = call.request.ordering_key.is_none() || {
                    let mut owed = self
                        .of_same_key(*partition, call)
                        .filter(|other| matches!(other.phase, Phase::Due { .. }));
                    let oldest = owed.all(|other| other.offset >= call.offset);
                    oldest && !self.key_is_busy(*partition, call)
                };
                let may = self.is_open(*partition) && has_room && is_next;
                (may && !self.made.contains(&made)).then_some((call, due))
            })
    }

    /// Nothing that could be called is left, and the scheduler will be asked in time for
    /// what is due later, or for the end of a turn where those that flood take turns.
    pub(super) fn check_nothing_is_forgotten(&self) {
        for (call, due) in self.eligible() {
            let floods = self.floods.contains(&call.request.subscription_id);
            if floods && due <= self.now {
                let ends = self.ends_of_turns();
                assert_eq!(ends.count(), 1, "nobody's turn: {call:?}");
                let wake = self.scheduler.wake_at();
                assert!(wake.is_some() && wake <= self.ends_of_turns().min());
                continue;
            }
            assert!(due > self.now, "due and not called: {call:?}");
            // Whoever floods and is in line is looked at when its turn comes, not before.
            let turn = self.ends_of_turns().min().filter(|_| floods);
            let latest = turn.map_or(due, |turn| turn.max(due));
            let wakes = self.scheduler.wake_at().is_some_and(|wake| wake <= latest);
            assert!(wakes, "nobody wakes the loop for {call:?}");
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.invocations.values().all(|call| !call.is_open())
    }

    /// Every partition is opened, every call answered, until nothing is owed.
    pub(super) fn run_to_the_end(&mut self) {
        let closed: Vec<_> = self.open.iter().filter(|(_, open)| !**open).collect();
        let closed: Vec<_> = closed
            .into_iter()
            .map(|(partition, _)| *partition)
            .collect();
        for partition in closed {
            self.open(partition);
        }
        for _ in 0..10_000 {
            while let Some(start) = self.unfolded.pop() {
                self.report(&start, Answer::Output);
            }
            self.act();
            if self.out.is_empty() {
                let Some(wake) = self.scheduler.wake_at() else {
                    break;
                };
                self.now = self.now.max(wake);
            } else {
                self.finish(0, Answer::Output, Folded::Before);
            }
        }
        self.act();
        assert!(self.is_done(), "owed for ever: {:?}", self.invocations);
    }
}

/// When the fold sees a report, compared with the news that the call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folded {
    Before,
    After,
    Later,
}
