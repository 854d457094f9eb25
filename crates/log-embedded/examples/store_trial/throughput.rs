//! Appends per second and time to acknowledgement, by number of waiters.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::oneshot;

use crate::stores::{self, Store};

const RECORD_BYTES: usize = 600;
const PARTITIONS: usize = 8;
const RUN: Duration = Duration::from_secs(3);

struct Waiting {
    partition: usize,
    record: Vec<u8>,
    done: oneshot::Sender<()>,
}

pub(crate) fn run() -> anyhow::Result<()> {
    println!("store  waiters   records/s   ack p50 us   p99 us   max us");
    for name in stores::NAMES {
        for waiters in [1, 64, 256, 2000] {
            let folder = tempfile::tempdir_in(".")?;
            let store = stores::open(name, folder.path())?;
            let (rate, times) = one(store, waiters)?;
            println!(
                "{name:<6} {waiters:>7} {rate:>11.0} {:>12} {:>8} {:>8}",
                times.value_at_quantile(0.5),
                times.value_at_quantile(0.99),
                times.max(),
            );
        }
    }
    Ok(())
}

fn one(store: Box<dyn Store>, waiters: usize) -> anyhow::Result<(f64, Histogram<u64>)> {
    let (queue, taken) = mpsc::channel::<Waiting>();
    let writer = std::thread::spawn(move || write(store, &taken));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let started = Instant::now();
    let times = runtime.block_on(async {
        let tasks: Vec<_> = (0..waiters)
            .map(|n| tokio::spawn(wait(queue.clone(), n % PARTITIONS, started)))
            .collect();
        drop(queue);
        let mut all = Histogram::<u64>::new(3)?;
        for task in tasks {
            all.add(task.await??)?;
        }
        anyhow::Ok(all)
    })?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = times.len() as f64 / started.elapsed().as_secs_f64();
    writer.join().expect("the writer does not panic")?;
    Ok((rate, times))
}

async fn wait(
    queue: mpsc::Sender<Waiting>,
    partition: usize,
    started: Instant,
) -> anyhow::Result<Histogram<u64>> {
    let mut times = Histogram::<u64>::new(3)?;
    while started.elapsed() < RUN {
        let (done, acknowledged) = oneshot::channel();
        let at = Instant::now();
        queue.send(Waiting {
            partition,
            record: vec![7; RECORD_BYTES],
            done,
        })?;
        acknowledged.await?;
        times.record(u64::try_from(at.elapsed().as_micros())?)?;
    }
    Ok(times)
}

fn write(mut store: Box<dyn Store>, queue: &mpsc::Receiver<Waiting>) -> anyhow::Result<()> {
    let mut group_number = 0u64;
    while let Ok(first) = queue.recv() {
        group_number += 1;
        let mut values = vec![Vec::new(); PARTITIONS];
        let mut done = Vec::new();
        for waiting in std::iter::once(first).chain(queue.try_iter()) {
            values[waiting.partition].extend_from_slice(&waiting.record);
            done.push(waiting.done);
        }
        let pairs = values
            .into_iter()
            .enumerate()
            .filter(|(_, v)| !v.is_empty());
        store.put(pairs.map(|(p, v)| (key(p, group_number), v)).collect())?;
        for done in done {
            let _ = done.send(());
        }
    }
    Ok(())
}

fn key(partition: usize, number: u64) -> Vec<u8> {
    let mut key = vec![b'p', u8::try_from(partition).expect("few partitions")];
    key.extend(number.to_be_bytes());
    key
}
