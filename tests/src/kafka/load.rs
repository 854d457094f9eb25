//! Events at a steady rate, from upstream and by HTTP, and a ledger of those that were
//! accepted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use reqwest::Method;
use tokio_util::task::TaskTracker;

use super::events::input;
use super::{Doors, Event, Installation, Mode, Upstream, content};
use crate::{api::start_body, holds};

const TICK: Duration = Duration::from_millis(20);
const AGAIN_AFTER: Duration = Duration::from_secs(3);
/// For when there is no answer that says how long to wait.
const PAUSE: Duration = Duration::from_secs(1);
/// Starts by HTTP that are not answered yet; a real client would not pile up more.
const STARTS_MAX: usize = 200;

/// What is known of the events that were sent. Cheap to clone.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<u64, Entry>>>);

#[derive(Default)]
struct Entry {
    accepted: Option<Instant>,
    /// The invocations, where the answer said.
    ids: BTreeSet<String>,
}

impl Ledger {
    fn sent(&self, n: u64) {
        self.0.lock().entry(n).or_default();
    }

    fn accepted(&self, n: u64, ids: impl IntoIterator<Item = String>) {
        let mut entries = self.0.lock();
        let entry = entries.entry(n).or_default();
        entry.accepted.get_or_insert_with(Instant::now);
        entry.ids.extend(ids);
    }

    /// The numbers of all events that were accepted.
    #[must_use]
    pub fn all_accepted(&self) -> BTreeSet<u64> {
        let entries = self.0.lock();
        let accepted = entries.iter().filter(|(_, one)| one.accepted.is_some());
        accepted.map(|(n, _)| *n).collect()
    }

    /// Whether this event was sent at all.
    #[must_use]
    pub fn knows(&self, n: u64) -> bool {
        self.0.lock().contains_key(&n)
    }

    /// The invocations that the answer to this event named.
    #[must_use]
    pub fn ids(&self, n: u64) -> BTreeSet<String> {
        self.0
            .lock()
            .get(&n)
            .map(|one| one.ids.clone())
            .unwrap_or_default()
    }
}

/// Sends events until it is ended.
pub struct Load {
    /// What was sent and what was accepted.
    pub ledger: Ledger,
    is_over: Arc<AtomicBool>,
    rate: Arc<AtomicU64>,
    sending: Option<thread::JoinHandle<Vec<String>>>,
    starts: TaskTracker,
}

impl Load {
    /// Begins to send so many events a second.
    ///
    /// # Panics
    /// If the upstream producer can't be started.
    #[must_use]
    pub fn begin(installation: &Installation, rate: u64) -> Self {
        let ledger = Ledger::default();
        let known = ledger.clone();
        let acknowledged = move |n| known.accepted(n, []);
        let upstream = Upstream::start(&installation.brokers.bootstrap(), acknowledged);
        let is_over = Arc::new(AtomicBool::new(false));
        let starts = TaskTracker::new();
        let rate = Arc::new(AtomicU64::new(rate));
        let sender = Sender {
            ledger: ledger.clone(),
            topic: installation.topic("trigger-events"),
            upstream,
            doors: installation.doors.clone(),
            starts: starts.clone(),
            is_over: Arc::clone(&is_over),
            runtime: tokio::runtime::Handle::current(),
            again: VecDeque::new(),
        };
        let (over, pace) = (Arc::clone(&is_over), Arc::clone(&rate));
        let sending = thread::spawn(move || sender.run(&over, &pace));
        Self {
            ledger,
            is_over,
            rate,
            sending: Some(sending),
            starts,
        }
    }

    /// How many events were accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.ledger.all_accepted().len()
    }

    /// From now on so many events a second; zero is a break.
    pub fn set_rate(&self, rate: u64) {
        self.rate.store(rate, Ordering::Relaxed);
    }

    /// Sends nothing new and waits until everything is accepted or given up; returns what
    /// upstream could not send.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn end(&mut self) -> Vec<String> {
        self.is_over.store(true, Ordering::Relaxed);
        let sending = self.sending.take().expect("a load ends once");
        holds("upstream has sent everything", || sending.is_finished()).await;
        let failed = sending.join().expect("sending does not panic");
        self.starts.close();
        holds("all starts are answered", || self.starts.is_empty()).await;
        failed
    }
}

struct Sender {
    ledger: Ledger,
    topic: String,
    upstream: Upstream,
    doors: Doors,
    starts: TaskTracker,
    is_over: Arc<AtomicBool>,
    runtime: tokio::runtime::Handle,
    /// What is sent once more, with the time when it was sent.
    again: VecDeque<(Instant, u64, String)>,
}

impl Sender {
    fn run(mut self, is_over: &AtomicBool, rate: &AtomicU64) -> Vec<String> {
        let (mut n, mut owed, mut last) = (0, 0.0, Instant::now());
        while !is_over.load(Ordering::Relaxed) {
            thread::sleep(TICK);
            let rate = u32::try_from(rate.load(Ordering::Relaxed)).expect("a sane rate");
            owed += f64::from(rate) * last.elapsed().as_secs_f64();
            last = Instant::now();
            self.send_again();
            while owed >= 1.0 {
                owed -= 1.0;
                self.send(n);
                n += 1;
            }
        }
        self.upstream.end()
    }

    /// Each mode comes in every way.
    fn send(&mut self, n: u64) {
        match n / 4 % 5 {
            0 if self.starts.len() < STARTS_MAX => self.start(n),
            1 => self.with_headers(n),
            way => self.as_event(n, way == 2),
        }
    }

    /// The whole event in the value; a producer that retries may send it `twice`, at once or
    /// when its invocation has long ended.
    fn as_event(&mut self, n: u64, twice: bool) {
        let value = format!(
            "{{\"triggerId\":\"{}\",\"id\":\"event-{n}\",\"source\":\"chaos\",\"time\":\"{}\",\"input\":{},\"contentJson\":{}}}",
            Mode::of(n).trigger(),
            Timestamp::now(),
            input(n),
            content(n),
        );
        self.ledger.sent(n);
        self.send_value(n, &value);
        if twice && n.is_multiple_of(3) {
            self.send_value(n, &value);
        } else if twice {
            self.again.push_back((Instant::now(), n, value));
        }
    }

    fn send_value(&mut self, n: u64, value: &str) {
        let event = Event {
            topic: &self.topic,
            key: &format!("key-{}", n % 50),
            value,
            headers: &[],
        };
        self.upstream.send(n, &event);
    }

    /// Events that are long completed as a rule come once more.
    fn send_again(&mut self) {
        while let Some((_, n, value)) = self
            .again
            .pop_front_if(|(sent, ..)| sent.elapsed() >= AGAIN_AFTER)
        {
            self.send_value(n, &value);
        }
    }

    /// The input alone in the value, and the rest in headers; known by its place.
    fn with_headers(&mut self, n: u64) {
        self.ledger.sent(n);
        let event = Event {
            topic: &self.topic,
            key: "",
            value: &input(n),
            headers: &[
                ("triggerfish-trigger", Mode::of(n).trigger()),
                ("triggerfish-format", "input"),
                ("triggerfish-content-json", &content(n)),
            ],
        };
        self.upstream.send(n, &event);
    }

    /// By HTTP, at any process; repeated until it is accepted, which its key allows.
    fn start(&self, n: u64) {
        self.ledger.sent(n);
        let (ledger, doors) = (self.ledger.clone(), self.doors.clone());
        let is_over = Arc::clone(&self.is_over);
        let start = async move {
            let body = start_body(Mode::of(n).trigger(), &input(n), &content(n));
            let key = format!("key-{n}");
            let headers: &[(&str, &str)] = &[("idempotency-key", &key)];
            let path = "/trigger-invocations/v1/start";
            loop {
                let url = doors.any();
                let answer = doors
                    .call(&url, Method::POST, path, headers, body.clone())
                    .await;
                let pause = match answer {
                    Some(refused) if refused.status == 503 => refused.retry_after(),
                    Some(answer) => {
                        let ids = answer.started().into_iter().map(|one| one.id);
                        return ledger.accepted(n, ids);
                    }
                    None => None,
                };
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                tokio::time::sleep(pause.unwrap_or(PAUSE)).await;
            }
        };
        self.runtime.spawn(self.starts.track_future(start));
    }
}
