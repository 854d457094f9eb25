//! What the embedded log does on this machine: appends per second with many waiters, one append
//! alone beside the raw flush, and the way from an append to a session's poll. Run it with
//! `cargo run --release -p triggerfish-log-embedded --example embedded_speed`.

#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::io::Write;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use triggerfish_log::{
    Appender, EventLog, Limit, NewRecord, Offset, Outputs, Partition, Polled, Reader, Session,
    SessionSpec, Topic, TopicSpec,
};
use triggerfish_log_embedded::{EmbeddedLog, EmbeddedOptions};

const RECORD_BYTES: usize = 600;
const PARTITIONS: u32 = 8;
const RUN: Duration = Duration::from_secs(3);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    raw_flush(folder.path())?;
    let log = EmbeddedLog::open(EmbeddedOptions::new(folder.path().join("log"))).await?;
    for (waiters, batch) in [(1, 1), (64, 1), (256, 1), (2000, 1), (64, 100)] {
        appends(&log, waiters, batch).await?;
    }
    end_to_end(&log).await?;
    restore(&log).await?;
    println!("on disk {} MB", log.disk_bytes()? >> 20);
    log.close().await;
    Ok(())
}

fn show(what: &str, rate: f64, times: &Histogram<u64>) {
    println!(
        "{what:<38} {rate:>9.0}/s   us p50 {:>6} p99 {:>6} max {:>6}",
        times.value_at_quantile(0.5),
        times.value_at_quantile(0.99),
        times.max()
    );
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(count: u64, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

fn raw_flush(folder: &std::path::Path) -> anyhow::Result<()> {
    let mut file = std::fs::File::create(folder.join("raw"))?;
    file.set_len(64 << 20)?;
    file.sync_all()?;
    let (mut times, started) = (Histogram::<u64>::new(3)?, Instant::now());
    while started.elapsed() < RUN / 3 {
        let at = Instant::now();
        file.write_all(&[7; RECORD_BYTES])?;
        file.sync_data()?;
        times.record(micros(at))?;
    }
    show(
        "write 600 B + fdatasync",
        rate(times.len(), started),
        &times,
    );
    Ok(())
}

async fn topic(log: &EmbeddedLog, name: &str) -> anyhow::Result<Topic> {
    let name = Topic::new(name);
    let spec = TopicSpec {
        name: name.clone(),
        partitions: PARTITIONS,
        retention: None,
        compacted: false,
    };
    log.ensure_topics(&[spec]).await?;
    Ok(name)
}

fn record(topic: &Topic, partition: u32) -> NewRecord {
    NewRecord {
        topic: topic.clone(),
        partition: Partition(partition % PARTITIONS),
        key: None,
        value: Some(Bytes::from_static(&[7; RECORD_BYTES])),
        headers: Vec::new(),
    }
}

async fn appends(log: &EmbeddedLog, waiters: u32, batch: u32) -> anyhow::Result<()> {
    let topic = topic(log, "appends").await?;
    let started = Instant::now();
    let mut tasks = Vec::new();
    for n in 0..waiters {
        let (appender, topic) = (log.open_appender("speed".into()).await?, topic.clone());
        tasks.push(tokio::spawn(async move {
            let mut times = Histogram::<u64>::new(3)?;
            while started.elapsed() < RUN {
                let at = Instant::now();
                appender
                    .append((0..batch).map(|b| record(&topic, n + b)).collect())
                    .await?;
                times.record(micros(at))?;
            }
            anyhow::Ok(times)
        }));
    }
    let mut all = Histogram::<u64>::new(3)?;
    for task in tasks {
        all.add(task.await??)?;
    }
    let what = format!("append, {waiters} waiters x {batch}");
    show(&what, rate(all.len() * u64::from(batch), started), &all);
    Ok(())
}

/// From before the append to after the poll of a session in another task.
async fn end_to_end(log: &EmbeddedLog) -> anyhow::Result<()> {
    let topic = topic(log, "end-to-end").await?;
    let spec = SessionSpec {
        group: "speed".into(),
        topic: topic.clone(),
        instance: "speed".into(),
        outputs: Outputs::PositionsOnly,
    };
    let mut session = log.open_session(spec).await?;
    let (polled, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let polling = tokio::spawn(async move {
        loop {
            let polled_now = session
                .poll(Limit::default(), Duration::from_secs(1))
                .await?;
            if let Polled::Records(records) = polled_now {
                for _ in records {
                    if polled.send(Instant::now()).is_err() {
                        return anyhow::Ok(());
                    }
                }
            }
        }
    });
    let appender = log.open_appender("speed".into()).await?;
    let (mut times, started) = (Histogram::<u64>::new(3)?, Instant::now());
    while started.elapsed() < RUN {
        let at = Instant::now();
        appender.append(vec![record(&topic, 0)]).await?;
        let polled = seen.recv().await.expect("the session polls");
        times.record(u64::try_from((polled - at).as_micros())?)?;
    }
    show("append to poll, idle", rate(times.len(), started), &times);
    drop(seen);
    appender.append(vec![record(&topic, 0)]).await?;
    polling.await?
}

async fn restore(log: &EmbeddedLog) -> anyhow::Result<()> {
    let (topic, mut reader) = (Topic::new("appends"), log.open_reader().await?);
    let (started, mut count) = (Instant::now(), 0u64);
    for partition in 0..PARTITIONS {
        let mut from = Offset::ZERO;
        loop {
            let page = reader
                .read(&topic, Partition(partition), from, Limit::default())
                .await?;
            count += page.records.len() as u64;
            from = page.next;
            if page.at_end {
                break;
            }
        }
    }
    println!("read back {count} records, {:.0}/s", rate(count, started));
    Ok(())
}
