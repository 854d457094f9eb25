//! The subscribers that answer, and their events: as many as go, and at a fixed pace.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::ensure;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderName, header::CONTENT_TYPE},
    routing,
};
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use super::service::{Service, healthy_trigger};
use crate::bench::{
    load::{Measured, client, post},
    pace::{self, Pace},
    progress::Step,
};

/// How long an event may be under way.
const PATIENCE: Duration = Duration::from_mins(1);
/// Events handed in at the same time.
const SENDERS: u32 = 64;

/// The server of all of them, and the events that are on their way to it.
pub(super) struct Healthy {
    shared: Arc<Shared>,
    server: JoinHandle<()>,
    subscribers: u32,
    /// Where they answer without that it counts.
    bare_url: String,
    /// Numbers the events.
    next: AtomicU64,
}

struct Shared {
    /// Since when the events are due that have not come.
    due: Mutex<HashMap<u64, Instant>>,
    /// From there until they came, in microseconds.
    lasted: Mutex<Histogram<u64>>,
    arrived: AtomicU64,
    /// Room for events on their way.
    window: Semaphore,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Healthy {
    /// Starts and subscribes them. At most `outstanding` events are on their way where as
    /// many are sent as go.
    pub(super) async fn start(
        service: &Service,
        subscribers: u32,
        outstanding: u32,
    ) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            due: Mutex::default(),
            lasted: Mutex::new(pace::histogram()),
            arrived: AtomicU64::new(0),
            window: Semaphore::new(outstanding as usize),
        });
        let app = Router::new()
            .route("/", routing::post(answer))
            .route("/bare", routing::post(bare_answer))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let server = tokio::spawn(async move {
            // Ends when the task is aborted.
            drop(axum::serve(listener, app).await);
        });
        for number in 0..subscribers {
            let trigger = healthy_trigger(number);
            service.subscribe(&trigger, &trigger, &url).await?;
        }
        Ok(Self {
            shared,
            server,
            subscribers,
            bare_url: format!("{url}bare"),
            next: AtomicU64::new(0),
        })
    }

    /// Events of the subscribers in turn.
    fn event(&self) -> (String, u64) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let subscriber = number % u64::from(self.subscribers);
        (
            healthy_trigger(u32::try_from(subscriber).unwrap_or(0)),
            number,
        )
    }

    /// Sends as much as goes for this long, and waits until all of it has come.
    pub(super) async fn as_many_as_go(
        self: &Arc<Self>,
        service: &Arc<Service>,
        time: Duration,
        step: &Step,
    ) -> anyhow::Result<Measured> {
        let before = self.shared.arrived.load(Ordering::Relaxed);
        let first = self.next.load(Ordering::Relaxed);
        let began = Instant::now();
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            let (healthy, service) = (Arc::clone(self), Arc::clone(service));
            let done = Arc::clone(&step.done);
            senders.spawn(async move {
                while began.elapsed() < time {
                    healthy.shared.window.acquire().await?.forget();
                    let (trigger, number) = healthy.event();
                    lock(&healthy.shared.due).insert(number, Instant::now());
                    service.send(&trigger, number).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        while let Some(sender) = senders.join_next().await {
            sender??;
        }
        self.until_all_came().await?;
        let took = began.elapsed();
        let count = self.next.load(Ordering::Relaxed) - first;
        let came = self.shared.arrived.load(Ordering::Relaxed) - before;
        ensure!(came == count, "{came} calls of {count} events");
        // Only how fast it was counts here.
        lock(&self.shared.lasted).reset();
        Ok(Measured { took, count })
    }

    /// Sends an event every `every` for this long, whatever becomes of those before; how long
    /// they take counts from the moment when they were due.
    pub(super) async fn at_pace(
        self: &Arc<Self>,
        service: &Arc<Service>,
        every: Duration,
        time: Duration,
        step: &Step,
    ) -> anyhow::Result<Histogram<u64>> {
        let (healthy, service) = (Arc::clone(self), Arc::clone(service));
        let done = Arc::clone(&step.done);
        let send = move |due| {
            let (trigger, number) = healthy.event();
            lock(&healthy.shared.due).insert(number, due);
            healthy.shared.window.forget_permits(1);
            let (service, done) = (Arc::clone(&service), Arc::clone(&done));
            async move {
                service.send(&trigger, number).await?;
                done.fetch_add(1, Ordering::Relaxed);
                anyhow::Ok(())
            }
        };
        open_loop(every, time, send).await?;
        self.until_all_came().await?;
        let mut lasted = lock(&self.shared.lasted);
        Ok(std::mem::replace(&mut *lasted, pace::histogram()))
    }

    /// The same number of bare POSTs straight to the subscribers: what neighbours do to
    /// whatever else runs on these processors.
    pub(super) async fn bare_at_pace(
        &self,
        every: Duration,
        time: Duration,
    ) -> anyhow::Result<Histogram<u64>> {
        let (client, url) = (client()?, self.bare_url.clone());
        let lasted = Arc::new(Mutex::new(pace::histogram()));
        let measured = Arc::clone(&lasted);
        let send = move |due| {
            let (client, url) = (client.clone(), url.clone());
            let lasted = Arc::clone(&measured);
            async move {
                post(&client, &url, 0).await?;
                pace::record(&mut lock(&lasted), due)
            }
        };
        open_loop(every, time, send).await?;
        let mut lasted = lock(&lasted);
        Ok(std::mem::replace(&mut *lasted, pace::histogram()))
    }

    async fn until_all_came(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while !lock(&self.shared.due).is_empty() {
            let left = lock(&self.shared.due).len();
            ensure!(began.elapsed() < PATIENCE, "{left} events never came");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Events that have come in all.
    pub(super) fn arrived(&self) -> u64 {
        self.shared.arrived.load(Ordering::Relaxed)
    }
}

/// Begins something every `every` for this long, whatever becomes of what began before, and
/// waits until all of it is over. It is told since when it is due.
async fn open_loop<F>(
    every: Duration,
    time: Duration,
    mut begin: impl FnMut(Instant) -> F + Send + 'static,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let starting = tokio::task::spawn_blocking(move || {
        let (mut pace, mut pieces) = (Pace::new(every), JoinSet::new());
        let runtime = Handle::current();
        for _ in 0..time.as_micros() / every.as_micros().max(1) {
            pieces.spawn_on(begin(pace.wait()), &runtime);
        }
        pieces
    });
    let mut pieces = starting.await?;
    while let Some(over) = pieces.join_next().await {
        over??;
    }
    Ok(())
}

impl Drop for Healthy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Answer = ([(HeaderName, &'static str); 1], &'static str);

const ANSWER: Answer = ([(CONTENT_TYPE, "application/json")], "{\"approved\":true}");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    identity_id: String,
}

async fn answer(State(shared): State<Arc<Shared>>, Json(event): Json<Event>) -> Answer {
    let number = u64::from_str_radix(&event.identity_id, 16).ok();
    // Once none is due all have been counted.
    shared.arrived.fetch_add(1, Ordering::Relaxed);
    let due = number.and_then(|number| lock(&shared.due).remove(&number));
    if let Some(due) = due {
        // Nothing lasts for longer than a histogram can hold.
        let _ = pace::record(&mut lock(&shared.lasted), due);
        shared.window.add_permits(1);
    }
    ANSWER
}

async fn bare_answer(Json(_): Json<Event>) -> Answer {
    ANSWER
}
