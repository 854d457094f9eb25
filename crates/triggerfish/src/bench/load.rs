//! The loads: the bare loop, and the whole of Triggerfish.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde_json::json;
use tokio::{sync::Semaphore, task::JoinSet};
use triggerfish_log::{
    Appender, EventLog, Limit, NewRecord, Partition, Position, Reader, Topic, WriterName,
};

use crate::service::Service;

/// The event of the measurements, about 600 bytes as it is called with.
pub(super) fn event(number: u64) -> String {
    let padding = "x".repeat(480);
    json!({ "identityId": format!("{number:032x}"), "note": padding }).to_string()
}

/// What one measurement gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) took: Duration,
    pub(super) count: u64,
}

impl Measured {
    pub(super) fn per_second(&self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of a measurement are small"
        )]
        let count = self.count as f64;
        count / self.took.as_secs_f64()
    }
}

/// POSTs `count` events with `in_flight` calls at a time: what the HTTP client and the
/// sink can do on these cores.
pub(super) async fn bare_loop(url: &str, count: u64, in_flight: u32) -> anyhow::Result<Measured> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .build()?;
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    let began = Instant::now();
    for _ in 0..in_flight {
        let (client, url, next) = (client.clone(), url.to_owned(), Arc::clone(&next));
        workers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(());
                }
                let request = client
                    .post(&url)
                    .header("content-type", "application/json")
                    .body(event(number));
                let answer = request.send().await?.error_for_status()?;
                answer.bytes().await?;
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(Measured {
        took: began.elapsed(),
        count,
    })
}

/// Appends `count` events to `trigger-events`, at most `outstanding` ahead of the
/// completions read, and waits for all of these.
pub(super) async fn through_triggerfish(
    service: &Service,
    count: u64,
    outstanding: u32,
) -> anyhow::Result<Measured> {
    let partitions = service.log.partitions(&service.topics.completions).await?;
    let mut reader = service.log.open_reader().await?;
    let mut positions = ends(&mut reader, &service.topics.completions, partitions).await?;
    let window = Arc::new(Semaphore::new(outstanding as usize));
    let appender = service.log.open_appender(WriterName::from("bench")).await?;
    let topic = service.topics.trigger_events.clone();
    let began = Instant::now();
    let feeding = tokio::spawn(feed(
        appender,
        topic,
        partitions,
        count,
        Arc::clone(&window),
    ));
    let mut seen = 0;
    while seen < count {
        let wait = Duration::from_secs(10);
        let records = reader
            .follow(&mut positions, Limit::default(), wait)
            .await?;
        ensure!(
            !records.is_empty(),
            "no completion for {wait:?} after {seen} of {count}"
        );
        for record in &records {
            let value = record
                .value
                .as_deref()
                .context("a completion has no value")?;
            ensure!(
                contains(value, b"\"outcome\":\"COMPLETED\""),
                "an invocation did not complete: {}",
                String::from_utf8_lossy(value)
            );
            seen += 1;
        }
        window.add_permits(records.len());
    }
    let took = began.elapsed();
    feeding.await??;
    Ok(Measured { took, count })
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

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

/// Appends the events, each within the window.
async fn feed<A: Appender>(
    appender: A,
    topic: Topic,
    partitions: u32,
    count: u64,
    window: Arc<Semaphore>,
) -> anyhow::Result<()> {
    /// As many as the window has room for: an append waits for the brokers, and what is
    /// measured must not wait for it.
    const BATCH: u64 = 1024;
    let mut next = 0;
    while next < count {
        window.acquire().await?.forget();
        let mut batch = 1;
        while batch < BATCH.min(count - next)
            && let Ok(permit) = window.try_acquire()
        {
            permit.forget();
            batch += 1;
        }
        let records = (next..next + batch).map(|number| record(&topic, partitions, number));
        appender.append(records.collect()).await?;
        next += batch;
    }
    Ok(())
}

pub(super) fn record(topic: &Topic, partitions: u32, number: u64) -> NewRecord {
    let input = event(number);
    let value = format!(
        "{{\"triggerId\":\"test:request-response\",\"input\":{input},\"contentJson\":{{\"n\":{number}}}}}"
    );
    let partition = u32::try_from(number % u64::from(partitions)).unwrap_or_default();
    NewRecord {
        topic: topic.clone(),
        partition: Partition(partition),
        key: None,
        value: Some(Bytes::from(value)),
        headers: Vec::new(),
    }
}
