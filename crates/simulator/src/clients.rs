//! Everybody who calls the processes: subscribers with results, clients with events,
//! platforms with questions. They call whichever process there is, and again until one
//! answers.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{sleep, timeout};
use triggerfish_api::ports::{
    Ask, AskError, Asked, Gate as _, Ingest as _, Invocations as _, ListQuery, Listing, Start,
    StartError, Verdict,
};
use triggerfish_completion::Status;
use triggerfish_core::{
    CompletionReport, Invocation, InvocationId, Origin, Subscription, SubscriptionId,
    invariant::Invariant,
};
use triggerfish_producer::{Gate, Ingest};
use triggerfish_registry::Registry;

use crate::{
    cast,
    check::{Checks, Expected, is_newest_first},
    history::History,
    life::Life,
    log::{SimAppender, SimLog},
    process::BUDGET,
};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(12);
/// How long an answer takes when nothing is wrong.
const SOON: Duration = Duration::from_millis(300);
/// How long it waits before it tries another process.
const PAUSE: Duration = Duration::from_millis(700);
/// How long what is in the log may take to be told by everybody.
const HEARD: Duration = Duration::from_millis(300);
/// How often a client tries.
const TRIES: usize = 60;

/// What a process listens with.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) life: Life,
    pub(crate) registry: Registry,
    pub(crate) status: Status<SimLog>,
    pub(crate) ingest: Arc<Ingest<SimAppender>>,
    pub(crate) gate: Arc<Gate<SimAppender>>,
}

/// See the head of the file.
pub(crate) struct Clients {
    history: Arc<History>,
    checks: Arc<Checks>,
    /// Nobody can rely on an answer.
    is_noisy: bool,
    doors: Mutex<BTreeMap<usize, Door>>,
    /// How many have asked.
    asked: AtomicUsize,
    calls: Mutex<BTreeMap<InvocationId, u32>>,
    /// Until when which subscriber can't be reached, or refuses everything.
    away: Mutex<BTreeMap<u32, (u64, bool)>>,
    /// One subscription is switched after the other.
    switching: tokio::sync::Mutex<()>,
    /// Clients and platforms that have no answer yet.
    waiting: AtomicUsize,
}

impl Clients {
    pub(crate) const fn new(history: Arc<History>, checks: Arc<Checks>, is_noisy: bool) -> Self {
        Self {
            history,
            checks,
            is_noisy,
            doors: Mutex::new(BTreeMap::new()),
            asked: AtomicUsize::new(0),
            calls: Mutex::new(BTreeMap::new()),
            away: Mutex::new(BTreeMap::new()),
            switching: tokio::sync::Mutex::const_new(()),
            waiting: AtomicUsize::new(0),
        }
    }

    /// The process of this number listens, or does not any more.
    pub(crate) fn listen(&self, number: usize, door: Option<Door>) {
        let mut doors = self.doors.lock();
        match door {
            Some(door) => doors.insert(number, door),
            None => doors.remove(&number),
        };
    }

    /// A subscriber can't be reached for so many milliseconds, or refuses everything.
    pub(crate) fn leave(&self, subscriber: u32, refuses: bool, millis: u64) {
        let until = self.history.now() + millis;
        self.away.lock().insert(subscriber, (until, refuses));
    }

    /// Whether it refuses everything, if it is not as it should be.
    pub(crate) fn is_away(&self, subscriber: u32) -> Option<bool> {
        let (until, refuses) = self.away.lock().get(&subscriber).copied()?;
        (until > self.history.now()).then_some(refuses)
    }

    /// How often a subscriber was called for an invocation, this call among them.
    pub(crate) fn count_call(&self, id: InvocationId) -> u32 {
        let mut calls = self.calls.lock();
        let count = calls.entry(id).or_default();
        *count += 1;
        *count
    }

    /// Whether somebody has handed something in and has no answer yet.
    pub(crate) fn are_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// What comes of the call of a client, which waits meanwhile.
    pub(crate) fn waits(self: &Arc<Self>, call: impl Future<Output = ()> + Send + 'static) {
        let clients = Arc::clone(self);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            call.await;
            clients.waiting.fetch_sub(1, Ordering::Relaxed);
        });
    }

    fn door(&self, turn: usize) -> Option<Door> {
        let doors = self.doors.lock();
        let count = doors.len();
        doors.values().nth(turn.checked_rem(count)?).cloned()
    }

    /// Asks one process after the other, until one has an answer. Not all begin with the same.
    /// While nothing is wrong the first one has it, within `soon`.
    async fn ask<T, F: Future<Output = Option<T>>>(
        &self,
        soon: Duration,
        ask: impl Fn(Door) -> F,
    ) -> Option<T> {
        let first = self.asked.fetch_add(1, Ordering::Relaxed);
        for turn in first..first + TRIES {
            if let Some(door) = self.door(turn) {
                let (life, began) = (door.life.clone(), self.history.now());
                let asked = tokio::select! {
                    biased;
                    () = life.over() => None,
                    asked = timeout(PATIENCE, life.lived(ask(door))) => asked.ok().flatten(),
                };
                let soon = Some(soon).filter(|_| asked.is_some());
                if !self.is_noisy && !life.is_over() {
                    self.checks.answered(&life, began, soon);
                }
                if asked.is_some() {
                    return asked;
                }
            }
            sleep(PAUSE).await;
        }
        None
    }

    /// An operator looks at what there is, at whichever process.
    pub(crate) async fn look(&self) {
        let look = self.checks.as_it_is();
        sleep(HEARD).await;
        let looked = self.ask(SOON, |door| async move {
            let listing = door.status.list(all()).await.ok()?;
            let open = door.status.list(open()).await.ok()?;
            Some((door.life, listing, open))
        });
        let Some((life, listing, open)) = looked.await else {
            return;
        };
        self.checks.seen_by(&life, &look, &listing);
        if let Some(closed) = open.invocations.iter().find(|one| !one.is_open()) {
            let detail = format!("{} tells {} as open", life.name(), closed.id);
            self.checks.report(Invariant::RebuildEqualsLive, detail);
        }
    }

    /// Every process answers for all, and all the same.
    pub(crate) async fn look_at_all(&self) {
        let doors = self.doors.lock().clone();
        for door in doors.into_values() {
            self.look_at_switches(&door);
            if let Some(listing) = list(&door, &all()).await {
                self.checks.listed(&door.life, &listing);
                self.look_at_parts(&door, &listing.invocations).await;
            } else {
                let detail = format!("{} does not answer for all", door.life.name());
                self.checks.report(Invariant::AcknowledgedIsKept, detail);
            }
        }
    }

    /// A process has heard of what was switched.
    fn look_at_switches(&self, door: &Door) {
        let snapshot = door.registry.snapshot();
        for number in cast::SWITCHED {
            let of = cast::subscription(number.into());
            let found = snapshot.subscription(of);
            let is_on = found.is_some_and(|found| cast::is_on(&found.subscription));
            if !self.checks.may_be_on(of, is_on) {
                let name = door.life.name();
                let detail = format!("{name} has not heard of how {of} was switched");
                self.checks.report(Invariant::AcknowledgedIsKept, detail);
            }
        }
    }

    /// Parts of the list are parts of the whole: page by page, of one subscription, and those
    /// that are open, of which there are none any more.
    async fn look_at_parts(&self, door: &Door, all: &[Invocation]) {
        const PAGE: usize = 3;
        let mut queries = vec![open()];
        queries.extend((1..=12).map(|number| ListQuery {
            subscription_id: Some(cast::subscription(number)),
            ..self::all()
        }));
        for query in queries {
            let listing = list(door, &query).await.unwrap_or_default();
            let of = |one: &&Invocation| {
                let is_of = query
                    .subscription_id
                    .is_none_or(|of| one.request.subscription_id == of);
                is_of && (one.is_open() || !query.open_only)
            };
            self.compare(door, &listing, all.iter().filter(of));
        }
        let (mut found, mut before) = (Listing::default(), BTreeMap::new());
        loop {
            let query = ListQuery {
                before: before.clone(),
                limit: PAGE,
                ..self::all()
            };
            let page = list(door, &query).await.unwrap_or_default().invocations;
            for one in &page {
                before.insert(u32::from(one.id.partition()), one.place());
            }
            if page.is_empty() || found.invocations.len() > all.len() {
                break;
            }
            found.total += page.len();
            found.invocations.extend(page);
        }
        self.compare(door, &found, all.iter());
    }

    fn compare<'a>(
        &self,
        door: &Door,
        listing: &Listing,
        expected: impl Iterator<Item = &'a Invocation>,
    ) {
        let ids = |one: &Invocation| (one.id.partition(), one.place());
        let mut found: Vec<_> = listing.invocations.iter().map(ids).collect();
        let mut expected: Vec<_> = expected.map(ids).collect();
        let is_in_order = is_newest_first(&listing.invocations);
        found.sort_unstable();
        expected.sort_unstable();
        if found != expected || listing.total != expected.len() || !is_in_order {
            let (name, total) = (door.life.name(), listing.total);
            let detail = format!("{name} tells {found:?}, {total} in all, of {expected:?}");
            self.checks.report(Invariant::AcknowledgedIsKept, detail);
        }
    }

    /// A subscriber reports its result.
    pub(crate) async fn complete(&self, id: InvocationId, report: CompletionReport) {
        let answer = self.ask(SOON, |door| {
            let report = report.clone();
            async move {
                match door.status.get(id).await.ok()? {
                    Some(found) => door.status.complete(found, report).await.ok(),
                    None => Some(Verdict::Unknown),
                }
            }
        });
        let Some(verdict) = answer.await else {
            return self
                .history
                .tell(&format!("nobody takes the result of {id}"));
        };
        self.history
            .tell(&format!("the result of {id} is judged: {verdict:?}"));
        self.checks.judged(id, &report, &verdict);
    }

    /// Somebody without the secret of an invocation could report a result of it.
    pub(crate) fn let_anybody_in(&self, id: InvocationId) {
        let detail = format!("another secret than that of {id} is taken for it");
        self.checks.report(Invariant::SecretsStayInside, detail);
    }

    /// A client posts an event.
    pub(crate) async fn start(&self, event: &str, told: Vec<SubscriptionId>, start: Start) {
        let (is_test, since) = (start.origin == Origin::Test, self.history.now());
        let answer = self.ask(SOON, |door| {
            let start = start.clone();
            async move {
                match door.ingest.start(start).await {
                    Err(StartError::Unavailable { .. }) => None,
                    answer => Some(answer),
                }
            }
        });
        match answer.await {
            None => self.history.tell(&format!("nobody takes event {event}")),
            Some(Ok(started)) => {
                self.history.tell(&format!("event {event} is acknowledged"));
                let ids: Vec<_> = started.iter().map(|one| one.id).collect();
                let sure = told.iter().filter(|told| !cast::is_selective(**told));
                let least = sure.count() * usize::from(is_test);
                let (count, most) = (ids.len(), told.len());
                self.checks.started(&ids);
                self.checks.acknowledged(Expected::Event {
                    id: event.to_owned(),
                    told,
                    is_test,
                    since,
                });
                if !(least..=most).contains(&count) {
                    let detail = format!("event {event} started {count} invocations of {most}");
                    self.checks.report(Invariant::AcknowledgedIsKept, detail);
                }
            }
            Some(Err(error)) => {
                let detail = format!("event {event} was refused: {error}");
                self.checks.report(Invariant::AcknowledgedIsKept, detail);
            }
        }
    }

    /// An operator switches a subscription on or off.
    pub(crate) async fn switch(&self, of: SubscriptionId, on: bool) {
        let _one_by_one = self.switching.lock().await;
        self.checks.switching(of, on);
        let asked = AtomicUsize::new(0);
        let answer = self.ask(SOON, |door| {
            asked.fetch_add(1, Ordering::Relaxed);
            async move { set(&door.registry, of, on).await }
        });
        let Some(found) = answer.await else {
            return self.history.tell(&format!("nobody switches {of}"));
        };
        self.history.tell(&format!("{of} is switched"));
        if asked.into_inner() == 1 {
            self.checks.switched(of);
        }
        if found != on {
            let detail = format!("{of} is not as it was said to be switched");
            self.checks.report(Invariant::AcknowledgedIsKept, detail);
        }
    }

    /// A platform asks about an action.
    pub(crate) async fn question(&self, name: &str, ask: Ask) {
        let budget = ask.patience.unwrap_or(BUDGET);
        let answer = self.ask(SOON + budget, |door| {
            let ask = ask.clone();
            async move {
                match door.gate.ask(ask).await {
                    Err(AskError::Unavailable { .. }) => None,
                    answer => Some(answer),
                }
            }
        });
        match answer.await {
            None => self.history.tell(&format!("nobody takes question {name}")),
            Some(Ok(Asked::Known(action))) => {
                let decision = action.decision.as_ref().map(|decision| decision.verdict);
                self.history
                    .tell(&format!("question {name} is answered: {decision:?}"));
                let id = name.to_owned();
                self.checks.acknowledged(Expected::Question { id });
                self.checks.decided(&action);
            }
            Some(Ok(Asked::Untold { reason, .. })) => {
                self.history
                    .tell(&format!("question {name} has no answer yet: {reason}"));
            }
            Some(Err(error)) => {
                let detail = format!("question {name} was refused: {error}");
                self.checks.report(Invariant::AcknowledgedIsKept, detail);
            }
        }
    }
}

fn all() -> ListQuery {
    ListQuery {
        limit: usize::MAX,
        ..ListQuery::default()
    }
}

fn open() -> ListQuery {
    ListQuery {
        open_only: true,
        ..all()
    }
}

/// Invocations as this process tells them; asked for again while it can't.
async fn list(door: &Door, query: &ListQuery) -> Option<Listing> {
    for _ in 0..TRIES {
        if let Ok(listing) = door.status.list(query.clone()).await {
            return Some(listing);
        }
        sleep(PAUSE).await;
    }
    None
}

/// Switches a subscription; what it is then.
async fn set(registry: &Registry, of: SubscriptionId, on: bool) -> Option<bool> {
    let changed = if cast::is_selective(of) {
        let change = move |mut one: Subscription| {
            one.filter = Some(cast::filter(on).to_owned());
            Ok(one)
        };
        registry.update_subscription(of, change).await
    } else {
        registry.set_enabled(of, on, None).await
    };
    Some(cast::is_on(&changed.ok()?.subscription))
}
