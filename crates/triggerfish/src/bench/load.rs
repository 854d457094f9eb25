//! The loads: the bare loop, and the whole of Triggerfish.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde_json::json;
use tokio::task::JoinSet;
use triggerfish_log::{
    Appender, EventLog, Limit, NewRecord, Partition, Position, Reader as _, Topic, WriterName,
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

/// Appends `count` events to `trigger-events` and waits for their completions.
pub(super) async fn through_triggerfish<L: EventLog>(
    service: &Service<L>,
    count: u64,
) -> anyhow::Result<Measured> {
    let partitions = service.log.partitions(&service.topics.completions).await?;
    let mut reader = service.log.open_reader().await?;
    let mut positions = Vec::new();
    for partition in (0..partitions).map(Partition) {
        let bounds = reader
            .bounds(&service.topics.completions, partition)
            .await?;
        let topic = service.topics.completions.clone();
        positions.push(Position {
            topic,
            partition,
            offset: bounds.end,
        });
    }
    let began = Instant::now();
    let feeding = tokio::spawn(feed(
        service.log.open_appender(WriterName::from("bench")).await?,
        service.topics.trigger_events.clone(),
        partitions,
        count,
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
        for record in records {
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
    }
    let took = began.elapsed();
    feeding.await??;
    Ok(Measured { took, count })
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

/// Appends the events, a batch at a time.
async fn feed<A: Appender>(
    appender: A,
    topic: Topic,
    partitions: u32,
    count: u64,
) -> anyhow::Result<()> {
    const BATCH: u64 = 500;
    for first in (0..count).step_by(usize::try_from(BATCH)?) {
        let numbers = first..(first + BATCH).min(count);
        let records = numbers.map(|number| NewRecord {
            topic: topic.clone(),
            partition: Partition(u32::try_from(number % u64::from(partitions)).unwrap_or_default()),
            key: None,
            value: Some(Bytes::from(format!(
                "{{\"triggerId\":\"test:request-response\",\"input\":{},\"contentJson\":{{\"n\":{number}}}}}",
                event(number)
            ))),
            headers: Vec::new(),
        });
        appender.append(records.collect()).await?;
    }
    Ok(())
}
