//! The loads: the bare loop, and the whole of Triggerfish.

use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde_json::json;
use tokio::{sync::Semaphore, task::JoinSet};
use triggerfish_log::{
    Appender, EventLog, Limit, NewRecord, Partition, Position, Reader, Topic, WriterName,
};

use super::{outcome::count, progress::Step};
use crate::service::{AnyLog, Service};

/// How long a completion may take while others are under way.
const PATIENCE: Duration = Duration::from_secs(30);

/// The event of the measurements, about 600 bytes as it is called with. It fits every trigger
/// that is measured.
pub(super) fn event(number: u64) -> String {
    let id = format!("{number:032x}");
    json!({ "identityId": id, "approved": true, "note": note(number) }).to_string()
}

/// Words that no other event has in this order: what is compressed must not be compressed better
/// than what people write.
fn note(number: u64) -> &'static str {
    const WORDS: [&str; 16] = [
        "account ",
        "access ",
        "approved ",
        "by ",
        "identity ",
        "manager ",
        "of ",
        "pending ",
        "please ",
        "provisioned ",
        "request ",
        "review ",
        "role ",
        "source ",
        "the ",
        "until ",
    ];
    const NOTES: u32 = 1 << 20;
    const NOTE: usize = 464;
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let enough = NOTES as usize + NOTE;
        let mut text = String::with_capacity(enough + 16);
        let mut word = 0_u64;
        while text.len() < enough {
            word += 1;
            text.push_str(WORDS[scattered(word) as usize % WORDS.len()]);
        }
        text
    });
    let from = (scattered(number) % NOTES) as usize;
    &TEXT[from..][..NOTE]
}

/// Another number for each, in no order that is seen.
const fn scattered(number: u64) -> u32 {
    let number = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((number ^ number >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32) as u32
}

/// What one measurement gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) took: Duration,
    pub(super) count: u64,
}

impl Measured {
    pub(super) fn per_second(&self) -> f64 {
        count(self.count) / self.took.as_secs_f64()
    }
}

/// The client of bare POSTs.
pub(super) fn client() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true);
    Ok(client.build()?)
}

/// POSTs an event and reads the answer.
pub(super) async fn post(client: &reqwest::Client, url: &str, number: u64) -> anyhow::Result<()> {
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .body(event(number));
    request.send().await?.error_for_status()?.bytes().await?;
    Ok(())
}

/// POSTs `count` events with `in_flight` calls at a time: what the HTTP client and the
/// sink can do on these cores.
pub(super) async fn bare_loop(
    url: &str,
    count: u64,
    in_flight: u32,
    step: &Step,
) -> anyhow::Result<Measured> {
    let client = client()?;
    let mut workers = JoinSet::new();
    let began = Instant::now();
    for _ in 0..in_flight {
        let (client, url, next) = (client.clone(), url.to_owned(), Arc::clone(&step.done));
        workers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(());
                }
                post(&client, &url, number).await?;
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    let took = began.elapsed();
    Ok(Measured { took, count })
}

/// POSTs `count` events one after the other, each after something about the one before is
/// durable in the log: what keeping an order across crashes costs at least.
pub(super) async fn durable_loop(
    service: &Service,
    url: &str,
    count: u64,
    step: &Step,
) -> anyhow::Result<Measured> {
    /// About what the report of a call has.
    const BYTES: &[u8] = &[b' '; 256];
    let client = client()?;
    let appender = service.log.open_appender(WriterName::from("bench")).await?;
    let began = Instant::now();
    for number in 0..count {
        post(&client, url, number).await?;
        let record = NewRecord {
            topic: service.topics.dead_letters.clone(),
            partition: Partition(0),
            key: None,
            value: Some(Bytes::from_static(BYTES)),
            headers: Vec::new(),
        };
        appender.append(vec![record]).await?;
        step.done.store(number + 1, Ordering::Relaxed);
    }
    let took = began.elapsed();
    Ok(Measured { took, count })
}

/// Events of one trigger, and how many of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) trigger: &'static str,
    pub(super) count: u64,
    /// Events at most whose completion has not been read yet.
    pub(super) outstanding: u32,
    /// Ordering keys, which events have in turn; none where there is no order.
    pub(super) keys: Option<u64>,
}

/// Appends the events to `trigger-events`, at most `outstanding` ahead of the completions
/// read, and waits for all of these.
pub(super) async fn through_triggerfish(
    service: &Service,
    load: Load,
    step: &Step,
) -> anyhow::Result<Measured> {
    let bounds = Bounds {
        events: load.count,
        completions: load.count,
        outstanding: load.outstanding,
    };
    let write = move |to: &Destination, number| record(to, load, number);
    through(service, bounds, write, step).await
}

/// How much goes through Triggerfish.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) events: u64,
    /// Those of all events together, the same number for each.
    pub(super) completions: u64,
    /// Completions at most that have not been read yet.
    pub(super) outstanding: u32,
}

/// Appends the events that `write` writes, and waits for all their completions.
pub(super) async fn through(
    service: &Service,
    bounds: Bounds,
    write: impl Fn(&Destination, u64) -> NewRecord + Send + 'static,
    step: &Step,
) -> anyhow::Result<Measured> {
    let (log, topics) = (&service.log, &service.topics);
    let way = Way {
        log,
        into: &topics.trigger_events,
        out: &topics.completions,
        is_good,
    };
    way.go(bounds, write, step).await
}

/// A way through the log: from one topic to another.
pub(super) struct Way<'w> {
    pub(super) log: &'w AnyLog,
    pub(super) into: &'w Topic,
    pub(super) out: &'w Topic,
    /// What comes out is checked by this.
    pub(super) is_good: fn(Option<&[u8]>) -> anyhow::Result<()>,
}

impl Way<'_> {
    /// Appends what `write` writes, and waits for all that comes of it.
    pub(super) async fn go(
        &self,
        bounds: Bounds,
        write: impl Fn(&Destination, u64) -> NewRecord + Send + 'static,
        step: &Step,
    ) -> anyhow::Result<Measured> {
        let count = bounds.completions;
        let partitions = self.log.partitions(self.out).await?;
        let mut reader = self.log.open_reader().await?;
        let mut positions = ends(&mut reader, self.out, partitions).await?;
        let window = Arc::new(Semaphore::new(bounds.outstanding as usize));
        let appender = self.log.open_appender(WriterName::from("bench")).await?;
        let to = Destination {
            topic: self.into.clone(),
            partitions,
        };
        let began = Instant::now();
        let feeding = tokio::spawn(feed(appender, to, bounds, write, Arc::clone(&window)));
        let mut seen = 0;
        while seen < count {
            let records = reader.follow(&mut positions, Limit::default(), PATIENCE);
            let records = records.await?;
            ensure!(
                !records.is_empty(),
                "no completion for {PATIENCE:?} after {seen} of {count}"
            );
            for record in &records {
                (self.is_good)(record.value.as_deref())?;
            }
            seen += records.len() as u64;
            step.done.store(seen, Ordering::Relaxed);
            window.add_permits(records.len());
        }
        let took = began.elapsed();
        feeding.await??;
        ensure!(seen == count, "{seen} completions in place of {count}");
        Ok(Measured { took, count })
    }
}

/// Checks that a completion is of an invocation that went well.
pub(super) fn is_good(completion: Option<&[u8]>) -> anyhow::Result<()> {
    let value = completion.context("a completion has no value")?;
    let value = std::str::from_utf8(value).context("a completion is no text")?;
    ensure!(
        value.contains("\"outcome\":\"COMPLETED\""),
        "an invocation did not complete: {value}"
    );
    Ok(())
}

pub(super) async fn ends<R: Reader>(
    reader: &mut R,
    topic: &Topic,
    partitions: u32,
) -> anyhow::Result<Vec<Position>> {
    let mut positions = Vec::new();
    for partition in (0..partitions).map(Partition) {
        let offset = reader.bounds(topic, partition).await?.end;
        positions.push(Position {
            topic: topic.clone(),
            partition,
            offset,
        });
    }
    Ok(positions)
}

/// Where events go.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    pub(super) topic: Topic,
    pub(super) partitions: u32,
}

/// Appends the events, each within the window.
async fn feed<A: Appender>(
    appender: A,
    to: Destination,
    bounds: Bounds,
    write: impl Fn(&Destination, u64) -> NewRecord + Send + 'static,
    window: Arc<Semaphore>,
) -> anyhow::Result<()> {
    /// As many as the window has room for: an append waits for the brokers, and what is
    /// measured must not wait for it.
    const BATCH: u64 = 1024;
    let Bounds { events, .. } = bounds;
    let each = u32::try_from(bounds.completions / events.max(1))?;
    let mut next = 0;
    while next < events {
        window.acquire_many(each).await?.forget();
        let mut batch = 1;
        while batch < BATCH.min(events - next)
            && let Ok(permits) = window.try_acquire_many(each)
        {
            permits.forget();
            batch += 1;
        }
        let records = (next..next + batch).map(|number| write(&to, number));
        let records = records.collect();
        appender.append(records).await?;
        next += batch;
    }
    Ok(())
}

/// The event with this number, as upstream would write it.
pub(super) fn record(to: &Destination, load: Load, number: u64) -> NewRecord {
    let key = load.keys.map(|keys| number % keys);
    let ordering = key.map_or_else(String::new, |key| format!(",\"orderingKey\":\"{key}\""));
    written(to, load.trigger, number, &ordering)
}

/// The same of any trigger, with more members: JSON that begins with a comma.
pub(super) fn written(to: &Destination, trigger: &str, number: u64, more: &str) -> NewRecord {
    let input = event(number);
    let value = format!(
        "{{\"triggerId\":\"{trigger}\",\"input\":{input},\"contentJson\":{{\"n\":{number}}}{more}}}"
    );
    let partition = u32::try_from(number % u64::from(to.partitions)).unwrap_or_default();
    NewRecord {
        topic: to.topic.clone(),
        partition: Partition(partition),
        key: None,
        value: Some(Bytes::from(value)),
        headers: Vec::new(),
    }
}
